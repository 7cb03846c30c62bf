/** A session as it went, for a bug report: what happened when, one JSON object a line. */

const MOST_EVENTS = 20_000;
const MOST_AUDIO_BYTES = 40_000_000;

export class Trace {
  /** Whether the sound itself is kept, from now on; else only how much of it came and went. */
  hasAudio = false;
  /** @type {string[]} */
  #lines = [];
  #audioBytes = 0;
  #began = performance.now();

  /**
   * @param {string} kind
   * @param {any} value
   */
  add(kind, value) {
    this.#write({ at_ms: Math.round(performance.now() - this.#began), kind, value });
  }

  /**
   * @param {"in" | "out"} direction
   * @param {Int16Array} samples
   * @param {number} [seq]
   */
  addAudio(direction, samples, seq) {
    const keeps = this.hasAudio && this.#audioBytes + samples.byteLength < MOST_AUDIO_BYTES;
    if (keeps) this.#audioBytes += samples.byteLength;
    this.add(direction, { type: "audio", samples: samples.length, seq, ...(keeps && { data: base64(samples) }) });
  }

  /** What a file is to hold. */
  text() {
    const about = { about: "live-interpreter trace", made: new Date().toISOString(), browser: navigator.userAgent };
    return [JSON.stringify(about), ...this.#lines, ""].join("\n");
  }

  /** @param {object} event */
  #write(event) {
    this.#lines.push(JSON.stringify(event));
    if (this.#lines.length > MOST_EVENTS) this.#lines.splice(0, MOST_EVENTS / 10);
  }
}

/** @param {Int16Array} samples */
function base64(samples) {
  let binary = "";
  for (const byte of new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)) binary += String.fromCharCode(byte);
  return btoa(binary);
}
