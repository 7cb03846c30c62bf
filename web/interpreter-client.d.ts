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
export type Status = "idle" | "connecting" | "connected" | "reconnecting" | "ended";
export type StatusEvent = {
    status: Status;
    /**
     * Why: a code of the protocol; `UNREACHABLE`, where no connection was to be had; `LOST`, where
     * one broke off; `CLOSED`, where the server closed without a word; none where the client itself ended it.
     */
    code?: string;
    /**
     * For developers.
     */
    message?: string;
    /**
     * How long until it is tried again.
     */
    retry_ms?: number;
};
export type Participant = {
    participantId: string;
    name: string;
    language: string;
};
export type ClientEvents = {
    status: StatusEvent;
    /**
     *   `participantId`: who one is in the room; `isFresh`: a session of its own, what the one before it had not said is lost.
     */
    connected: {
        sessionId: string;
        engine?: string;
        participantId?: string;
        resumed: boolean;
        isFresh: boolean;
    };
    text: {
        side: "source" | "target";
        text: string;
        isFinal: boolean;
        language?: string;
        speaker?: string;
    };
    /**
     * At 24 kHz.
     */
    audio: {
        samples: Int16Array;
    };
    turn: {
        inputText: string;
        outputText: string;
        speaker?: string;
    };
    state: {
        state: "speaking" | "silent" | "processing";
        timestamp: number;
        speaker?: string;
    };
    interrupted: {
        reason: string;
        speaker?: string;
    };
    warning: {
        code: string;
        message: string;
        ms?: number;
        speaker?: string;
    };
    /**
     * A message of this client was refused; the session goes on.
     */
    fault: {
        code?: string;
        message: string;
    };
    /**
     * Somebody is in the room: all who are, when one comes, and each who comes later.
     */
    joined: Participant;
    left: Participant;
    raw: {
        direction: "in" | "out";
        message?: any;
        samples?: Int16Array;
        seq?: number;
    };
};
/** @typedef {import("./client/protocol.js").SessionConfig} SessionConfig */
/** @typedef {import("./client/protocol.js").ServerMessage} ServerMessage */
/** @typedef {"idle" | "connecting" | "connected" | "reconnecting" | "ended"} Status */
/**
 * @typedef {object} StatusEvent
 * @property {Status} status
 * @property {string} [code] Why: a code of the protocol; `UNREACHABLE`, where no connection was to be had; `LOST`, where
 *   one broke off; `CLOSED`, where the server closed without a word; none where the client itself ended it.
 * @property {string} [message] For developers.
 * @property {number} [retry_ms] How long until it is tried again.
 */
/**
 * Somebody in a room.
 *
 * @typedef {{ participantId: string, name: string, language: string }} Participant
 */
/**
 * What a client tells, by name. In a room `speaker` says whose words, state or turn it is, by `participantId`; else it
 * is left out. `raw` is for whoever wants to see every message.
 *
 * @typedef {object} ClientEvents
 * @property {StatusEvent} status
 * @property {{ sessionId: string, engine?: string, participantId?: string, resumed: boolean, isFresh: boolean }} connected
 *   `participantId`: who one is in the room; `isFresh`: a session of its own, what the one before it had not said is lost.
 * @property {{ side: "source" | "target", text: string, isFinal: boolean, language?: string, speaker?: string }} text
 * @property {{ samples: Int16Array }} audio At 24 kHz.
 * @property {{ inputText: string, outputText: string, speaker?: string }} turn
 * @property {{ state: "speaking" | "silent" | "processing", timestamp: number, speaker?: string }} state
 * @property {{ reason: string, speaker?: string }} interrupted
 * @property {{ code: string, message: string, ms?: number, speaker?: string }} warning
 * @property {{ code?: string, message: string }} fault A message of this client was refused; the session goes on.
 * @property {Participant} joined Somebody is in the room: all who are, when one comes, and each who comes later.
 * @property {Participant} left
 * @property {{ direction: "in" | "out", message?: any, samples?: Int16Array, seq?: number }} raw
 */
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
