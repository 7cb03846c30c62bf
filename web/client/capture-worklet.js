/** In the audio thread: what a source gives, as pieces of 16 bit samples at the rate that the server gets. */

import { Resampler } from "./resampler.js";

class Capture extends AudioWorkletProcessor {
  /** @param {{ processorOptions: { rate_hz: number, piece: number } }} options */
  constructor({ processorOptions: { rate_hz, piece } }) {
    super();
    this.resampler = new Resampler(sampleRate, rate_hz);
    this.piece = new Int16Array(piece);
    this.filled = 0;
    this.peak = 0;
    this.isOpen = true;
    this.port.onmessage = ({ data }) => {
      this.filled = 0;
      this.isOpen = data !== "close";
    };
  }

  /** @param {Float32Array[][]} inputs */
  process([channels]) {
    // A source that has ended has no channel: its silence is not what anybody says.
    if (channels.length) for (const sample of this.resampler.process(channels[0])) this.take(sample);
    return this.isOpen;
  }

  /** @param {number} sample */
  take(sample) {
    this.peak = Math.max(this.peak, Math.abs(sample));
    this.piece[this.filled++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
    if (this.filled < this.piece.length) return;
    const samples = this.piece;
    this.piece = new Int16Array(samples.length);
    this.port.postMessage({ samples, peak: Math.min(1, this.peak) }, [samples.buffer]);
    this.filled = this.peak = 0;
  }
}

registerProcessor("interpreter-capture", Capture);
