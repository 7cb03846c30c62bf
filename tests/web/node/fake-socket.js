/** A WebSocket whose server is the test. */
export class FakeSocket {
  /** @type {FakeSocket[]} */
  static all = [];
  readyState = 0;
  bufferedAmount = 0;
  sent = [];
  constructor(url) {
    this.url = url;
    FakeSocket.all.push(this);
  }
  static get last() {
    return FakeSocket.all.at(-1);
  }
  get texts() {
    return this.sent.filter((data) => typeof data === "string").map((text) => JSON.parse(text));
  }
  get samples() {
    return this.sent.filter((data) => typeof data !== "string").flatMap((pcm) => [...new Int16Array(pcm)]);
  }
  send(data) {
    if (this.readyState !== 1) throw new Error("not open");
    this.sent.push(data);
  }
  close() {
    this.readyState = 2;
  }
  open() {
    this.readyState = 1;
    this.onopen();
  }
  tell(message) {
    this.onmessage({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }
  play(...samples) {
    this.onmessage({ data: Int16Array.from(samples).buffer });
  }
  drop(code = 1006) {
    this.readyState = 3;
    this.onclose({ code });
  }
  connect(more = {}) {
    this.open();
    this.tell({ type: "connected", sessionId: "s", resumeToken: "t", resumed: false, receivedSamples: 0, ...more });
  }
}
