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
export { Microphone } from "./client/microphone.js";
export { Recording } from "./client/recording.js";
export { Speaker } from "./client/speaker.js";
export { OUTPUT_RATE_HZ } from "./client/protocol.js";
export type SessionConfig = import("./client/protocol.js").SessionConfig;
export type ServerMessage = import("./client/protocol.js").ServerMessage;
export type Status = import("./client/events.js").Status;
export type StatusEvent = import("./client/events.js").StatusEvent;
export type Participant = import("./client/events.js").Participant;
export type ClientEvents = import("./client/events.js").ClientEvents;
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
export declare class InterpreterClient extends Emitter<ClientEvents> {
    #private;
    /**
     * @param {string | URL} url Of the WebSocket; `http` and `https` are made `ws` and `wss`.
     * @param {SessionConfig} [config] What the session is to be.
     * @param {{ Socket?: typeof WebSocket }} [parts] In the place of the browser's own, for tests.
     */
    constructor(url: string | URL, config?: SessionConfig, { Socket }?: {
        Socket?: typeof WebSocket;
    });
    /** @returns {Status} */
    get status(): Status;
    /** The session's id, once there is one. */
    get sessionId(): string | undefined;
    /** Audio that was given and has not gone out, in seconds. */
    get waiting_secs(): number;
    /** Begin; a client that has ended begins a fresh session. */
    start(): void;
    /**
     * Send speech, or keep it until there is a connection: up to a minute of it.
     *
     * @param {Int16Array} samples Mono, at `config.sampleRate`; not to be changed afterwards. 20 ms is best.
     */
    send(samples: Int16Array): void;
    /**
     * Ask for silence; `interrupted` comes in answer, and what comes before it need not be played.
     *
     * @returns {boolean} Whether it could be asked: there is a connection.
     */
    interrupt(): boolean;
    /** End the session at once: what is not interpreted is lost. */
    stop(): void;
    /**
     * End the session when what was said is interpreted; audio is not taken any more.
     *
     * @returns {Promise<void>} Settles when the session has ended.
     */
    finish(): Promise<void>;
    /** Try again now, for whoever knows that the network is back. */
    retry(): void;
    /** Give the connection up and go on with the session over another one. */
    reconnect(): void;
}
