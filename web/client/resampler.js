/**
 * Changes the sample rate of a stream, pure: a windowed sinc, whose position is counted in whole numbers, so that hours
 * of it do not drift by a sample.
 */

const ZERO_CROSSINGS = 16;
const STEPS = 256;
/** Of the lower of the two Nyquist frequencies: what is left for the filter's slope. */
const CUTOFF = 0.92;

export class Resampler {
  #from;
  #to;
  #kernel;
  #reach;
  /** Samples that are still needed; the first of them has the number `#start`, which may be before the stream. */
  #held;
  #start;
  #at = 0;
  #phase = 0;

  /**
   * @param {number} from_hz A whole number.
   * @param {number} to_hz A whole number.
   */
  constructor(from_hz, to_hz) {
    this.#from = from_hz;
    this.#to = to_hz;
    const scale = CUTOFF * Math.min(1, to_hz / from_hz);
    this.#reach = Math.ceil(ZERO_CROSSINGS / scale);
    this.#kernel = kernel(scale, this.#reach);
    this.#held = new Float32Array(this.#reach);
    this.#start = -this.#reach;
  }

  /** How far the output lags, in input samples. */
  get delay() {
    return this.#from === this.#to ? 0 : this.#reach;
  }

  /**
   * The next samples; what comes out lags by {@link delay}.
   *
   * @param {Float32Array} input
   * @returns {Float32Array}
   */
  process(input) {
    if (this.#from === this.#to) return input;
    const held = new Float32Array(this.#held.length + input.length);
    held.set(this.#held);
    held.set(input, this.#held.length);
    const end = this.#start + held.length - this.#reach;
    const output = new Float32Array(Math.max(0, Math.ceil(((end - this.#at) * this.#to - this.#phase) / this.#from)));
    for (let n = 0; n < output.length; n++) {
      output[n] = this.#sampleAt(held, this.#at - this.#start, this.#phase / this.#to);
      this.#phase += this.#from;
      this.#at += Math.floor(this.#phase / this.#to);
      this.#phase %= this.#to;
    }
    const keep = Math.min(held.length, Math.max(0, this.#at - this.#reach + 1 - this.#start));
    this.#held = held.slice(keep);
    this.#start += keep;
    return output;
  }

  /**
   * @param {Float32Array} held
   * @param {number} index Of the last sample at or before the place.
   * @param {number} fraction How far behind it the place is.
   */
  #sampleAt(held, index, fraction) {
    let sum = 0;
    for (let tap = 1 - this.#reach; tap <= this.#reach; tap++) {
      const place = (tap - fraction + this.#reach) * STEPS;
      const below = Math.floor(place);
      const low = this.#kernel[below];
      sum += (held[index + tap] ?? 0) * (low + (this.#kernel[below + 1] - low) * (place - below));
    }
    return sum;
  }
}

/**
 * @param {number} scale
 * @param {number} reach
 */
function kernel(scale, reach) {
  const table = new Float64Array(2 * reach * STEPS + 2);
  for (let n = 0; n <= 2 * reach * STEPS; n++) {
    const x = n / STEPS - reach;
    const turn = (Math.PI * x) / reach;
    const blackman = 0.42 + 0.5 * Math.cos(turn) + 0.08 * Math.cos(2 * turn);
    const angle = Math.PI * x * scale;
    table[n] = scale * (angle === 0 ? 1 : Math.sin(angle) / angle) * blackman;
  }
  return table;
}
