/**
 * A client of the interpreter's WebSocket protocol, for any page: sessions that outlive a lost connection, and audio.
 *
 * ```js
 * import { InterpreterClient, Microphone, Speaker } from "./interpreter-client.js";
 *
 * begin.onclick = async () => {
 *   const speaker = await Speaker.open();
 *   const client = new InterpreterClient(new URL("ws", location.href), { language: "auto" });
 *   client.on("audio", ({ samples }) => speaker.play(samples));
 *   client.on("interrupted", () => speaker.clear());
 *   client.on("text", ({ side, text, isFinal }) => {
 *     document.querySelector(`#${side}`).textContent = isFinal ? text : `${text} …`;
 *   });
 *   client.on("turn", ({ inputText, outputText }) => {
 *     speaker.endOfTurn();
 *     log.append(`${inputText} → ${outputText}\n`);
 *   });
 *   client.on("status", ({ status, code }) => (log.title = `${status} ${code ?? ""}`));
 *   const microphone = await Microphone.open((samples) => client.send(samples));
 *   client.start();
 *   end.onclick = () => (microphone.close(), client.finish().then(() => speaker.close()));
 * };
 * ```
 *
 * The parts are in `client/`; this module owns the session.
 */

import { Emitter } from "./client/emitter.js";
import { isFatal, ruleFor, wait_ms } from "./client/endings.js";
import { initMessage, pcmOf, pick, readMessage, samplesOf, samplesOfBase64, withoutSecrets } from "./client/protocol.js";
import { RetainedAudio } from "./client/retained-audio.js";

export { Microphone } from "./client/microphone.js";
export { Recording } from "./client/recording.js";
export { Speaker } from "./client/speaker.js";
export { OUTPUT_RATE_HZ } from "./client/protocol.js";

const HELD_SECS = 60;
const LONGEST_PIECE_SECS = 1;
/** More than that waiting in the socket: the network takes nothing, and nobody has noticed. */
const STUCK_BYTES = 512 * 1024;
/** For the handshake and `connected` together. */
const CONNECT_MS = 15_000;
/** How long all has to be quiet before a session is finished: longer than it takes to find the end of an utterance. */
const QUIET_MS = 2000;
const FINISH_MS = 20_000;

/** @typedef {import("./client/protocol.js").SessionConfig} SessionConfig */
/** @typedef {import("./client/protocol.js").ServerMessage} ServerMessage */
/** @typedef {import("./client/events.js").Status} Status */
/** @typedef {import("./client/events.js").StatusEvent} StatusEvent */
/** @typedef {import("./client/events.js").Participant} Participant */
/** @typedef {import("./client/events.js").ClientEvents} ClientEvents */

/**
 * One conversation with the interpreter, over as many connections as it takes.
 *
 * @extends {Emitter<ClientEvents>}
 */
export class InterpreterClient extends Emitter {
  #url;
  #config;
  #Socket;
  /** @type {WebSocket | null} */
  #socket = null;
  #retained;
  /** @type {{ sessionId: string, resumeToken: string } | null} */
  #session = null;
  /** @type {Status} */
  #status = "idle";
  #lastSeq = 0;
  #unsent = 0;
  #tried = 0;
  #opened = false;
  #hadSession = false;
  /** @type {{ code?: string, message: string } | null} */
  #fatal = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #speechState = "silent";
  #turnIsOpen = false;
  #quietSince_ms = 0;
  #isFinishing = false;

  /**
   * @param {string | URL} url Of the WebSocket; `http` and `https` are made `ws` and `wss`.
   * @param {SessionConfig} [config] What the session is to be.
   * @param {{ Socket?: typeof WebSocket }} [parts] In the place of the browser's own, for tests.
   */
  constructor(url, config = {}, { Socket = globalThis.WebSocket } = {}) {
    super();
    this.#url = String(url).replace(/^http/, "ws");
    this.#config = { language: "auto", sampleRate: 16000, ...config };
    this.#Socket = Socket;
    this.#retained = new RetainedAudio(HELD_SECS * this.#config.sampleRate);
  }

  /** @returns {Status} */
  get status() {
    return this.#status;
  }

  /** The session's id, once there is one. */
  get sessionId() {
    return this.#session?.sessionId;
  }

  /** Audio that was given and has not gone out, in seconds. */
  get waiting_secs() {
    return (this.#retained.next - this.#unsent) / this.#config.sampleRate;
  }

  /** Begin; a client that has ended begins a fresh session. */
  start() {
    if (this.#status !== "idle" && this.#status !== "ended") return;
    this.#session = null;
    this.#tried = 0;
    this.#hadSession = this.#isFinishing = false;
    this.#retained.restart(this.#retained.next);
    this.#lastSeq = this.#unsent = 0;
    this.#tell({ status: "connecting" });
    this.#connect();
  }

  /**
   * Send speech, or keep it until there is a connection: up to a minute of it.
   *
   * @param {Int16Array} samples Mono, at `config.sampleRate`; not to be changed afterwards. 20 ms is best.
   */
  send(samples) {
    if (this.#status === "idle" || this.#status === "ended" || this.#isFinishing || !samples.length) return;
    this.#retained.push(samples);
    this.#flush();
  }

  /**
   * Ask for silence; `interrupted` comes in answer, and what comes before it need not be played.
   *
   * @returns {boolean} Whether it could be asked: there is a connection.
   */
  interrupt() {
    return this.#say({ type: "interrupt" });
  }

  /** End the session at once: what is not interpreted is lost. */
  stop() {
    if (this.#status === "idle" || this.#status === "ended") return;
    this.#say({ type: "close" });
    this.#end({ status: "ended" });
  }

  /**
   * End the session when what was said is interpreted; audio is not taken any more.
   *
   * @returns {Promise<void>} Settles when the session has ended.
   */
  async finish() {
    this.#isFinishing = true;
    const latest = Date.now() + FINISH_MS;
    this.#quietSince_ms = Date.now();
    while (this.#status !== "idle" && this.#status !== "ended" && Date.now() < latest) {
      const isQuiet = this.#status === "connected" && this.#speechState === "silent" && !this.#turnIsOpen;
      if (!isQuiet) this.#quietSince_ms = Date.now();
      if (Date.now() - this.#quietSince_ms >= QUIET_MS) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    this.stop();
  }

  /** Try again now, for whoever knows that the network is back. */
  retry() {
    if (this.#socket !== null || (this.#status !== "connecting" && this.#status !== "reconnecting")) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  /** Give the connection up and go on with the session over another one. */
  reconnect() {
    const socket = this.#socket;
    if (socket === null) return;
    this.#lost(socket, 1006);
    socket.close();
  }

  #connect() {
    const socket = new this.#Socket(this.#url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#opened = false;
    this.#fatal = null;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.reconnect(), CONNECT_MS);
    socket.onopen = () => {
      if (this.#socket !== socket) return;
      this.#opened = true;
      const held = { lastSeq: this.#lastSeq, firstSample: this.#retained.first };
      const claim = this.#session && { ...this.#session, ...held };
      socket.send(initMessage(this.#config, claim));
      this.emit("raw", { direction: "out", message: { type: "init", config: withoutSecrets(this.#config), isResuming: claim !== null } });
    };
    socket.onmessage = ({ data }) => {
      if (this.#socket !== socket) return;
      if (typeof data === "string") this.#readText(data);
      else this.#readAudio(data, ++this.#lastSeq);
    };
    socket.onclose = ({ code }) => this.#lost(socket, code);
  }

  /** @param {string} text */
  #readText(text) {
    const message = readMessage(text);
    const seq = message?.seq ?? /"seq":(\d+)\}?$/.exec(text)?.[1];
    if (seq !== undefined && message?.type !== "connected") {
      if (Number(seq) <= this.#lastSeq) return;
      this.#lastSeq = Number(seq);
    }
    if (message === null) return;
    this.emit("raw", { direction: "in", message: { ...message, ...("resumeToken" in message && { resumeToken: "…" }) } });
    this.#take(message);
  }

  /** @param {ServerMessage} message */
  #take(message) {
    switch (message.type) {
      case "connected":
        return this.#begin(message);
      case "input_transcription":
      case "output_transcription":
        this.#turnIsOpen = true;
        return this.emit("text", {
          side: message.type === "input_transcription" ? "source" : "target",
          text: message.text,
          isFinal: message.isFinal,
          language: message.language,
          speaker: message.speaker,
        });
      case "audio_response": {
        const samples = samplesOfBase64(message.data);
        return samples && this.#hear(samples);
      }
      case "turn_complete":
        this.#turnIsOpen = false;
        this.#quietSince_ms = Date.now();
        return this.emit("turn", pick(message, "inputText", "outputText", "speaker"));
      case "speech_state":
        this.#speechState = message.state;
        this.#quietSince_ms = Date.now();
        return this.emit("state", pick(message, "state", "timestamp", "speaker"));
      case "interrupted":
        return this.emit("interrupted", pick(message, "reason", "speaker"));
      case "warning":
        return this.emit("warning", pick(message, "code", "message", "ms", "speaker"));
      case "participant_joined":
        return this.emit("joined", pick(message, "participantId", "name", "language"));
      case "participant_left":
        return this.emit("left", pick(message, "participantId", "name", "language"));
      case "error":
        return this.#refused({ code: message.code, message: message.message });
    }
  }

  /**
   * @param {ArrayBuffer} pcm
   * @param {number} seq
   */
  #readAudio(pcm, seq) {
    const samples = samplesOf(pcm);
    if (samples === null) return;
    this.emit("raw", { direction: "in", samples, seq });
    this.#hear(samples);
  }

  /** @param {Int16Array} samples */
  #hear(samples) {
    this.#turnIsOpen = true;
    this.emit("audio", { samples });
  }

  /** @param {ServerMessage} connected */
  #begin(connected) {
    clearTimeout(this.#timer);
    const isFresh = this.#hadSession && !connected.resumed;
    this.#hadSession = true;
    this.#session = { sessionId: connected.sessionId, resumeToken: connected.resumeToken ?? "" };
    if (connected.resumed) {
      this.#unsent = Math.max(connected.receivedSamples ?? 0, this.#retained.first);
    } else {
      // Of what went out before, nobody knows what was interpreted; what came since is spoken to this session.
      this.#retained.restart(this.#unsent);
      this.#unsent = this.#lastSeq = 0;
      this.#speechState = "silent";
      this.#turnIsOpen = false;
    }
    this.#tried = 0;
    this.#tell({ status: "connected" });
    const resumed = Boolean(connected.resumed);
    this.emit("connected", { ...pick(connected, "sessionId", "engine", "participantId"), resumed, isFresh });
    this.#flush();
  }

  /** @param {{ code?: string, message: string }} error */
  #refused(error) {
    if (isFatal(error.code)) {
      this.#fatal = error;
    } else if (this.#status !== "connected") {
      // An init that is refused: another one would fare no better.
      this.#end({ status: "ended", ...error });
    } else {
      this.emit("fault", error);
    }
  }

  #flush() {
    const socket = this.#socket;
    if (this.#status !== "connected" || socket === null || socket.readyState !== 1) return;
    const longest = LONGEST_PIECE_SECS * this.#config.sampleRate;
    for (const piece of this.#retained.since(this.#unsent, longest)) {
      socket.send(pcmOf(piece));
      this.emit("raw", { direction: "out", samples: piece });
    }
    this.#unsent = this.#retained.next;
    if (socket.bufferedAmount > STUCK_BYTES) this.reconnect();
  }

  /** @param {{ type: string }} message */
  #say(message) {
    if (this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(message));
    this.emit("raw", { direction: "out", message });
    return true;
  }

  /**
   * @param {WebSocket} socket
   * @param {number} closeCode
   */
  #lost(socket, closeCode) {
    if (this.#socket !== socket) return;
    this.#socket = null;
    clearTimeout(this.#timer);
    const fatal = this.#fatal;
    const rule = ruleFor(fatal?.code, closeCode, this.#config.room !== undefined);
    const why = fatal ?? { code: this.#whyClosed(rule === null), message: `closed with ${closeCode}` };
    if (rule === null || this.#tried >= (rule.tries ?? Infinity)) return this.#end({ status: "ended", ...why });
    if (rule.ended) this.#session = null;
    const retry_ms = wait_ms(rule, this.#tried++, Math.random());
    this.#timer = setTimeout(() => this.#connect(), retry_ms);
    const status = this.#status === "connecting" ? "connecting" : "reconnecting";
    this.#tell({ status, ...why, retry_ms });
  }

  /** @param {boolean} isOver */
  #whyClosed(isOver) {
    if (isOver) return "CLOSED";
    return this.#opened ? "LOST" : "UNREACHABLE";
  }

  /** @param {StatusEvent} event */
  #end(event) {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#timer);
    socket?.close();
    this.#session = null;
    this.#tell(event);
  }

  /** @param {StatusEvent} event */
  #tell(event) {
    this.#status = event.status;
    this.emit("status", event);
  }
}
