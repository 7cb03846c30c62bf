/** Runs before the page: records what its loudspeaker is given, and that alone. */
window.heard = { pieces: [], frames: [], context: null };
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...rest) {
  if (to instanceof AudioDestinationNode && to.context.sampleRate === 24000) {
    window.heard.context = to.context;
    to.context.audioWorklet.addModule("/test-assets/recorder.js").then(() => {
      const recorder = new AudioWorkletNode(to.context, "recorder", { numberOfOutputs: 0 });
      recorder.port.onmessage = ({ data: { frame, samples } }) => {
        window.heard.frames.push(frame);
        window.heard.pieces.push(Int16Array.from(samples, (sample) => Math.round(sample * 32768)));
      };
      connect.call(this, recorder);
    });
  }
  return connect.call(this, to, ...rest);
};
