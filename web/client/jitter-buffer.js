/**
 * Audio between the network and the loudspeaker, pure: pieces go in when they come, samples come out when they are due.
 *
 * It begins to play when enough is there to bridge the gaps that were seen so far, plays every sample once, and leaves
 * no step in the signal where it runs dry or is emptied. Times are counted in samples.
 */

const SHORTEST_WAIT_SECS = 0.02;
const FIRST_WAIT_SECS = 0.04;
const LONGEST_WAIT_SECS = 0.4;
/** More that comes within this time after it ran dry, and before the end of the turn, came late. */
const LATE_SECS = 0.5;
/** Sound without a gap after which it dares to wait less. */
const STEADY_SECS = 10;
const HOLDS_SECS = 600;
/** By which a signal that ends on a step fades with each sample: gone within 5 ms at 24 kHz. */
const FADE = 0.96;
/** A step of -48 dB or less is not heard. */
const STEP = 1 / 256;

export class JitterBuffer {
  /** @type {Float32Array[]} */
  #pieces = [];
  #offset = 0;
  #rate;
  #isPlaying = false;
  #wait;
  #waited = 0;
  #dry = 0;
  #isLateIfMore = false;
  #hasEnd = false;
  #steady = 0;
  #last = 0;
  #step = 0;
  #comesLate = false;

  /** How many samples have come and are not played. */
  queued = 0;
  /** How many samples were played. */
  played = 0;
  /** How often it ran dry although there was more to come. */
  underruns = 0;
  /** How many samples were given up unplayed, since nobody can want to hear them so late. */
  dropped = 0;

  /** @param {number} rate_hz */
  constructor(rate_hz) {
    this.#rate = rate_hz;
    this.#wait = FIRST_WAIT_SECS * rate_hz;
  }

  get isPlaying() {
    return this.#isPlaying;
  }

  /** How much has to be there before it begins to play, in seconds. */
  get wait_secs() {
    return this.#wait / this.#rate;
  }

  /**
   * Take a piece, which must not be changed afterwards.
   *
   * @param {Float32Array} samples
   */
  push(samples) {
    if (!samples.length) return;
    if (this.#isLateIfMore) {
      this.#isLateIfMore = false;
      this.#comesLate = true;
      this.underruns += 1;
      this.#steady = 0;
      this.#wait = Math.min(LONGEST_WAIT_SECS * this.#rate, this.#wait * 2);
    }
    this.#pieces.push(samples);
    this.queued += samples.length;
    this.#hasEnd = false;
    while (this.queued > HOLDS_SECS * this.#rate) {
      const gone = /** @type {Float32Array} */ (this.#pieces.shift()).length - this.#offset;
      this.#offset = 0;
      this.queued -= gone;
      this.dropped += gone;
    }
  }

  /** The turn is over: what is there is to be played, and nothing that comes later is late. */
  end() {
    this.#hasEnd = true;
    this.#isLateIfMore = false;
  }

  /** Drop everything. */
  clear() {
    this.#pieces = [];
    this.#offset = this.queued = 0;
    this.#isPlaying = this.#isLateIfMore = this.#comesLate = false;
  }

  /**
   * Fill `output` with what is due.
   *
   * @param {Float32Array} output
   */
  pull(output) {
    let filled = 0;
    if (this.#mayPlay(output.length)) filled = this.#copy(output);
    if (filled < output.length) this.#rest(output, filled);
  }

  /** @param {number} asked */
  #mayPlay(asked) {
    if (this.#isPlaying) return true;
    if (this.queued === 0) {
      this.#waited = 0;
      return false;
    }
    this.#waited += asked;
    if (this.queued < this.#wait && !this.#hasEnd && this.#waited < this.#wait) return false;
    this.#isPlaying = true;
    this.#waited = 0;
    if (this.#comesLate) this.#step = this.#last - this.#pieces[0][this.#offset];
    this.#comesLate = false;
    return true;
  }

  /** @param {Float32Array} output */
  #copy(output) {
    let filled = 0;
    while (filled < output.length && this.#pieces.length) {
      const piece = this.#pieces[0];
      const part = piece.subarray(this.#offset, this.#offset + output.length - filled);
      output.set(part, filled);
      filled += part.length;
      this.#offset += part.length;
      if (this.#offset === piece.length) {
        this.#pieces.shift();
        this.#offset = 0;
      }
    }
    this.queued -= filled;
    this.played += filled;
    this.#smooth(output, filled);
    if (filled) this.#last = output[filled - 1];
    this.#learn(filled);
    return filled;
  }

  /**
   * Where sound comes late, go from where the signal was to where it is.
   *
   * @param {Float32Array} output
   * @param {number} filled
   */
  #smooth(output, filled) {
    for (let n = 0; n < filled && Math.abs(this.#step) >= STEP; n++) {
      output[n] += this.#step;
      this.#step *= FADE;
    }
    if (Math.abs(this.#step) < STEP) this.#step = 0;
  }

  /** @param {number} filled */
  #learn(filled) {
    this.#steady += filled;
    if (this.#steady < STEADY_SECS * this.#rate) return;
    this.#steady = 0;
    this.#wait = Math.max(SHORTEST_WAIT_SECS * this.#rate, this.#wait * 0.9);
  }

  /**
   * Nothing is due: fade to silence.
   *
   * @param {Float32Array} output
   * @param {number} from
   */
  #rest(output, from) {
    if (this.#isPlaying) {
      this.#isPlaying = false;
      this.#dry = 0;
      this.#isLateIfMore = !this.#hasEnd;
    }
    this.#dry += output.length - from;
    if (this.#dry > LATE_SECS * this.#rate) this.#isLateIfMore = false;
    for (let n = from; n < output.length; n++) {
      this.#last = Math.abs(this.#last) < STEP ? 0 : this.#last * FADE;
      output[n] = this.#last;
    }
  }
}
