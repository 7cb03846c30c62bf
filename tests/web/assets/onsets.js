/** In the audio thread: when sound begins after half a second of silence. */
registerProcessor(
  "onsets",
  class extends AudioWorkletProcessor {
    silent = Infinity;
    process([[input]]) {
      const first = input ? input.findIndex((sample) => sample !== 0) : -1;
      if (first >= 0 && this.silent > sampleRate / 2) this.port.postMessage(currentTime + first / sampleRate);
      this.silent = first >= 0 ? 0 : this.silent + 128;
      return true;
    }
  },
);
