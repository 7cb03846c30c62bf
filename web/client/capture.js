import { Emitter } from "./emitter.js";

const PIECE_SECS = 0.02;

/**
 * What any source in an audio context gives, as pieces of 20 ms.
 *
 * It is heard by nobody: nothing of it reaches the loudspeaker.
 *
 * @extends {Emitter<{ level: number }>} `level`: the loudest sample of each piece, from 0 to 1; 0 while muted.
 */
export class Capture extends Emitter {
  #node;
  #isMuted = false;

  /**
   * @param {AudioNode} source
   * @param {(samples: Int16Array) => void} onSamples Gets 20 ms at a time.
   * @param {number} rate_hz Of the samples.
   * @returns {Promise<Capture>}
   */
  static async open(source, onSamples, rate_hz) {
    await source.context.audioWorklet.addModule(new URL("./capture-worklet.js", import.meta.url));
    return new Capture(source, onSamples, rate_hz);
  }

  /**
   * @param {AudioNode} source
   * @param {(samples: Int16Array) => void} onSamples
   * @param {number} rate_hz
   */
  constructor(source, onSamples, rate_hz) {
    super();
    this.#node = new AudioWorkletNode(source.context, "interpreter-capture", {
      numberOfInputs: 1,
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { rate_hz, piece: Math.round(rate_hz * PIECE_SECS) },
    });
    this.#node.port.onmessage = ({ data: { samples, peak } }) => {
      this.emit("level", this.#isMuted ? 0 : peak);
      if (!this.#isMuted) onSamples(samples);
    };
    source.connect(this.#node);
    this.#node.connect(source.context.destination); // its output is silence; what leads nowhere may not run
  }

  /** Whether samples are dropped. */
  get isMuted() {
    return this.#isMuted;
  }

  set isMuted(isMuted) {
    this.#isMuted = isMuted;
    this.#node.port.postMessage("restart"); // what was said before does not come out later
    if (isMuted) this.emit("level", 0);
  }

  /** Let go of the source. */
  close() {
    this.#node.port.onmessage = null;
    this.#node.port.postMessage("close");
    this.#node.disconnect();
  }
}
