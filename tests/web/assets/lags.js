/** Runs before the page: how long each interpretation waits between its arrival and its first sample's playing. */
window.lags = { all: [], context: null };
let arrived = null;
let last = 0;
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...rest) {
  if (to instanceof AudioDestinationNode && to.context.sampleRate === 24000) {
    window.lags.context = to.context;
    to.context.audioWorklet.addModule("/test-assets/onsets.js").then(() => {
      const onsets = new AudioWorkletNode(to.context, "onsets", { numberOfOutputs: 0 });
      onsets.port.onmessage = ({ data }) => {
        if (arrived !== null) window.lags.all.push(data - arrived);
        arrived = null;
      };
      connect.call(this, onsets);
    });
  }
  return connect.call(this, to, ...rest);
};
window.WebSocket = class extends WebSocket {
  constructor(...args) {
    super(...args);
    this.addEventListener("message", ({ data }) => {
      if (typeof data === "string") return;
      const now = window.lags.context?.currentTime ?? 0;
      if (now - last > 4 && arrived === null) arrived = now;
      last = now;
    });
  }
};
