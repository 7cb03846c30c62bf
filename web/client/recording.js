import { Capture } from "./capture.js";
import { Emitter } from "./emitter.js";

/**
 * A recording in the place of a microphone: as fast as it was spoken, as pieces of 20 ms.
 *
 * @extends {Emitter<{ level: number, ended: void }>} `ended`: all of it was said, and a pause after it.
 */
export class Recording extends Emitter {
  #context;
  #source;
  #capture;

  /**
   * @param {ArrayBuffer} file Any format that the browser reads.
   * @param {(samples: Int16Array) => void} onSamples Gets 20 ms at a time, mono.
   * @param {{ rate_hz?: number, pause_secs?: number }} [options] `pause_secs`: silence after it, so that its last
   *   utterance has an end.
   * @returns {Promise<Recording>}
   * @throws {DOMException} `EncodingError`: it is no audio.
   */
  static async open(file, onSamples, { rate_hz = 16000, pause_secs = 1 } = {}) {
    const context = new AudioContext({ sampleRate: rate_hz });
    try {
      const decoded = await context.decodeAudioData(file);
      const length = decoded.length + Math.round(pause_secs * rate_hz);
      const buffer = new AudioBuffer({ length, sampleRate: rate_hz, numberOfChannels: 1 });
      buffer.copyToChannel(decoded.getChannelData(0), 0);
      const source = new AudioBufferSourceNode(context, { buffer });
      const recording = new Recording(context, source, await Capture.open(source, onSamples, rate_hz));
      await context.resume();
      source.start();
      return recording;
    } catch (error) {
      void context.close();
      throw error;
    }
  }

  /**
   * @param {AudioContext} context
   * @param {AudioBufferSourceNode} source
   * @param {Capture} capture
   */
  constructor(context, source, capture) {
    super();
    this.#context = context;
    this.#source = source;
    this.#capture = capture;
    capture.on("level", (level) => this.emit("level", level));
    source.onended = () => this.emit("ended", undefined);
  }

  get isMuted() {
    return this.#capture.isMuted;
  }

  set isMuted(isMuted) {
    this.#capture.isMuted = isMuted;
  }

  /** Stop. */
  close() {
    this.#source.onended = null;
    this.#capture.close();
    void this.#context.close();
  }
}
