/** In the audio thread: everything that a node gets, but silence, with the frame at which each piece began. */
registerProcessor(
  "recorder",
  class extends AudioWorkletProcessor {
    process([[input]]) {
      if (input?.some((sample) => sample !== 0)) this.port.postMessage({ frame: currentFrame, samples: input.slice() });
      return true;
    }
  },
);
