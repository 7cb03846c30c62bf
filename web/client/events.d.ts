/** What a client tells: types alone, for editors and checkers. */
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
export {};
