import { Emitter } from "./emitter.js";
import { OUTPUT_RATE_HZ } from "./protocol.js";

/**
 * How playing goes.
 *
 * @typedef {object} SpeakerReport
 * @property {boolean} isPlaying
 * @property {number} queued_secs What has come and is not played.
 * @property {number} played_secs What was played so far.
 * @property {number} peak The loudest sample since the last report, from 0 to 1.
 * @property {number} underruns How often there was nothing to play in the middle of a turn.
 * @property {number} dropped Samples that were given up, after ten minutes of them.
 * @property {number} wait_secs How much the jitter buffer waits for before it begins.
 */

/**
 * Plays the interpretation.
 *
 * @extends {Emitter<{ report: SpeakerReport }>} `report`: twenty times a second while it plays, and when it begins and
 *   stops.
 */
export class Speaker extends Emitter {
  #context;
  #node;
  #gain;
  /** @type {Map<number, () => void>} */
  #clearing = new Map();
  #clears = 0;
  /** @type {SpeakerReport} */
  #report = { isPlaying: false, queued_secs: 0, played_secs: 0, peak: 0, underruns: 0, dropped: 0, wait_secs: 0 };

  /**
   * Make ready to play; browsers allow it only after a click or a key.
   *
   * @param {{ rate_hz?: number, volume?: number }} [options] `rate_hz`: of the samples to play; 24000 where left out.
   * @returns {Promise<Speaker>}
   */
  static async open({ rate_hz = OUTPUT_RATE_HZ, volume = 1 } = {}) {
    const context = new AudioContext({ sampleRate: rate_hz, latencyHint: "interactive" });
    await context.audioWorklet.addModule(new URL("./playback-worklet.js", import.meta.url));
    const speaker = new Speaker(context, volume);
    void speaker.wake();
    return speaker;
  }

  /**
   * @param {AudioContext} context At the rate of the samples: the browser makes them the loudspeaker's.
   * @param {number} volume
   */
  constructor(context, volume) {
    super();
    this.#context = context;
    this.#node = new AudioWorkletNode(context, "interpreter-playback", {
      numberOfInputs: 0,
      outputChannelCount: [1],
    });
    this.#gain = new GainNode(context, { gain: volume });
    this.#node.connect(this.#gain).connect(context.destination);
    this.#node.port.onmessage = ({ data }) => {
      if ("cleared" in data) {
        this.#clearing.get(data.cleared)?.();
        this.#clearing.delete(data.cleared);
      } else {
        this.#report = data;
        this.emit("report", data);
      }
    };
  }

  /** The latest report. */
  get report() {
    return this.#report;
  }

  /** How loud, from 0 to 1. */
  get volume() {
    return this.#gain.gain.value;
  }

  set volume(volume) {
    this.#gain.gain.setTargetAtTime(volume, this.#context.currentTime, 0.01);
  }

  /** Whether the browser lets it play. */
  get isAwake() {
    return this.#context.state === "running";
  }

  /** Go on playing, where the browser or a phone call has stopped it. */
  async wake() {
    if (this.#context.state !== "running") await this.#context.resume();
  }

  /**
   * Play after all that came before.
   *
   * @param {Int16Array} samples
   */
  play(samples) {
    this.#node.port.postMessage({ samples });
  }

  /** Nothing more comes of this turn: nothing has to be waited for. */
  endOfTurn() {
    this.#node.port.postMessage({ command: "end" });
  }

  /**
   * Drop all that is not played.
   *
   * @returns {Promise<void>} Settles when it is silent.
   */
  clear() {
    const id = ++this.#clears;
    return new Promise((resolve) => {
      this.#clearing.set(id, resolve);
      this.#node.port.postMessage({ command: "clear", id });
    });
  }

  /** Let go of the loudspeaker. */
  async close() {
    this.#node.port.postMessage({ command: "close" });
    if (this.#context.state !== "closed") await this.#context.close();
  }
}
