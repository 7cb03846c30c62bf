/**
 * The latest audio that was given to the client, sample by sample, so that it can be sent again.
 *
 * Samples are numbered from 0, as the protocol counts them for resuming.
 */
export class RetainedAudio {
  /** @type {Int16Array[]} */
  #pieces = [];
  #held = 0;
  #next = 0;
  #most;

  /** @param {number} most How many samples are held; the oldest go. */
  constructor(most) {
    this.#most = most;
  }

  /** The number of the oldest sample that is held; where none is, of the next one. */
  get first() {
    return this.#next - this.#held;
  }

  /** The number that the next sample will have. */
  get next() {
    return this.#next;
  }

  /**
   * Add samples, which must not be changed afterwards.
   *
   * @param {Int16Array} samples
   */
  push(samples) {
    this.#pieces.push(samples);
    this.#held += samples.length;
    this.#next += samples.length;
    let gone = 0;
    while (this.#held > this.#most) this.#held -= this.#pieces[gone++].length;
    if (gone) this.#pieces.splice(0, gone);
  }

  /**
   * What is held from a sample on.
   *
   * @param {number} from The number of the sample; what is older than the oldest one is left out.
   * @param {number} most The longest piece, in samples; longer ones are divided.
   * @returns {Generator<Int16Array>}
   */
  *since(from, most) {
    let at = this.#next;
    let index = this.#pieces.length;
    while (index > 0 && at > from) at -= this.#pieces[--index].length; // nearly always the latest piece alone
    for (const piece of this.#pieces.slice(index)) {
      for (let start = Math.max(0, from - at); start < piece.length; start += most) {
        yield piece.subarray(start, Math.min(piece.length, start + most));
      }
      at += piece.length;
    }
  }

  /**
   * Number the samples anew: what is held from `from` on begins with 0, what came before is let go.
   *
   * @param {number} from
   */
  restart(from) {
    this.#pieces = [...this.since(from, Infinity)];
    this.#held = this.#pieces.reduce((sum, piece) => sum + piece.length, 0);
    this.#next = this.#held;
  }
}
