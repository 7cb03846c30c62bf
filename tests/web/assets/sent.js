/** Runs before the page: whether all that the microphone's audio clock let through is sent. */
window.sent = { samples: 0, context: null, first: null };
/** How much more speech was sent than the audio clock has counted since the first call, in ms. */
window.sent.drift_ms = () => {
  const ahead = (window.sent.samples / 16000 - window.sent.context.currentTime) * 1000;
  window.sent.first ??= ahead;
  return ahead - window.sent.first;
};
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  if (typeof data !== "string") window.sent.samples += data.byteLength / 2;
  return send.call(this, data);
};
const connectNode = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...rest) {
  if (to instanceof AudioDestinationNode && to.context.sampleRate === 16000) window.sent.context = to.context;
  return connectNode.call(this, to, ...rest);
};
