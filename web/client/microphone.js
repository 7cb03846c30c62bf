import { Capture } from "./capture.js";
import { Emitter } from "./emitter.js";

/**
 * @typedef {object} MicrophoneOptions
 * @property {number} [rate_hz] Of the samples; 16000 where it is left out.
 * @property {string} [deviceId] Which one; the browser's choice where it is left out, and where that one is gone.
 * @property {boolean} [echoCancellation] On, where it is left out, as are the next two.
 * @property {boolean} [noiseSuppression]
 * @property {boolean} [autoGainControl]
 */

/**
 * What somebody says, as pieces of 20 ms.
 *
 * @extends {Emitter<{ level: number, lost: void }>} `level`: the loudest sample of each piece, from 0 to 1; `lost`: the
 *   device is gone, or the permission.
 */
export class Microphone extends Emitter {
  #stream;
  #context;
  #capture;

  /**
   * Ask for the microphone.
   *
   * @param {(samples: Int16Array) => void} onSamples Gets 20 ms at a time, mono.
   * @param {MicrophoneOptions} [options]
   * @returns {Promise<Microphone>}
   * @throws {DOMException} As `getUserMedia` does: `NotAllowedError`, `NotFoundError`, `NotReadableError`; also
   *   `NotSupportedError`, where the page is not secure (neither https nor localhost).
   */
  static async open(onSamples, options = {}) {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new DOMException("expected a page over https, or on localhost", "NotSupportedError");
    }
    const { rate_hz = 16000, deviceId, echoCancellation = true, noiseSuppression = true, autoGainControl = true } = options;
    const audio = { echoCancellation, noiseSuppression, autoGainControl, channelCount: 1, deviceId };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    try {
      const { context, source } = sourceOf(stream, rate_hz);
      await context.resume();
      return new Microphone(stream, context, await Capture.open(source, onSamples, rate_hz));
    } catch (error) {
      stream.getTracks().forEach((track) => track.stop());
      throw error;
    }
  }

  /**
   * @param {MediaStream} stream
   * @param {AudioContext} context
   * @param {Capture} capture
   */
  constructor(stream, context, capture) {
    super();
    this.#stream = stream;
    this.#context = context;
    this.#capture = capture;
    capture.on("level", (level) => this.emit("level", level));
    this.#track.onended = () => this.emit("lost", undefined);
  }

  get #track() {
    return this.#stream.getAudioTracks()[0];
  }

  /** Which device it is. */
  get deviceId() {
    return this.#track.getSettings().deviceId;
  }

  get isMuted() {
    return this.#capture.isMuted;
  }

  set isMuted(isMuted) {
    this.#capture.isMuted = isMuted;
    this.#track.enabled = !isMuted;
  }

  /** Let go of the device. */
  close() {
    this.#track.onended = null;
    this.#capture.close();
    this.#stream.getTracks().forEach((track) => track.stop());
    void this.#context.close();
  }
}

/**
 * The stream in an audio context of the wanted rate; of the device's own, where the browser has no other for it, as
 * Firefox has not.
 *
 * @param {MediaStream} stream
 * @param {number} rate_hz
 */
function sourceOf(stream, rate_hz) {
  let context = new AudioContext({ sampleRate: rate_hz });
  try {
    return { context, source: context.createMediaStreamSource(stream) };
  } catch {
    void context.close();
    context = new AudioContext();
    return { context, source: context.createMediaStreamSource(stream) };
  }
}
