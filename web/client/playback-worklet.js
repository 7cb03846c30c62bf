/** In the audio thread: plays what comes, through the jitter buffer, and tells how that goes. */

import { JitterBuffer } from "./jitter-buffer.js";

const REPORT_SECS = 0.05;

class Playback extends AudioWorkletProcessor {
  constructor() {
    super();
    this.buffer = new JitterBuffer(sampleRate);
    this.peak = 0;
    this.unreported = 0;
    this.wasPlaying = false;
    this.isOpen = true;
    this.port.onmessage = ({ data }) => this.take(data);
  }

  /** @param {{ samples?: Int16Array, command?: "end" | "clear" | "close", id?: number }} message */
  take({ samples, command, id }) {
    if (samples) this.buffer.push(Float32Array.from(samples, (sample) => sample / 32768));
    if (command === "end") {
      this.buffer.end();
    } else if (command === "clear") {
      this.buffer.clear();
      this.port.postMessage({ cleared: id });
      this.report();
    } else if (command === "close") {
      this.isOpen = false;
    }
  }

  /**
   * @param {Float32Array[][]} _inputs
   * @param {Float32Array[][]} outputs
   */
  process(_inputs, [[output]]) {
    this.buffer.pull(output);
    for (const sample of output) this.peak = Math.max(this.peak, Math.abs(sample));
    this.unreported += output.length;
    const isPlaying = this.buffer.isPlaying;
    const isDue = this.unreported >= REPORT_SECS * sampleRate && (isPlaying || this.peak > 0);
    if (isDue || isPlaying !== this.wasPlaying) this.report();
    return this.isOpen;
  }

  report() {
    const { isPlaying, queued, played, underruns, dropped, wait_secs } = this.buffer;
    this.wasPlaying = isPlaying;
    this.port.postMessage({
      isPlaying,
      queued_secs: queued / sampleRate,
      played_secs: played / sampleRate,
      peak: isPlaying ? Math.min(1, this.peak) : 0,
      underruns,
      dropped,
      wait_secs,
    });
    this.peak = this.unreported = 0;
  }
}

registerProcessor("interpreter-playback", Playback);
