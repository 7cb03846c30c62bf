/**
 * The messages of the protocol as values, pure and total: docs/protocol.md has their meaning.
 */
/** Of the speech that the server sends, in Hz. */
export declare const OUTPUT_RATE_HZ = 24000;
export type SessionConfig = {
    /**
     * What is spoken: a code that the server has, or `"auto"`.
     */
    language?: string;
    /**
     * What is to come out.
     */
    targetLanguage?: string;
    /**
     * The pipeline that is to serve.
     */
    engine?: string;
    /**
     * Asks for source text by Whisper.
     */
    useWhisper?: boolean;
    /**
     * A seat in a conversation between people.
     */
    room?: {
        id: string;
        token: string;
        name?: string;
    };
    /**
     * Of the audio that is sent, in Hz; 16000 where it is left out.
     */
    sampleRate?: number;
};
export type Claim = {
    sessionId: string;
    resumeToken: string;
    /**
     * The last number that it got.
     */
    lastSeq: number;
    /**
     * The oldest sample that it can send again.
     */
    firstSample: number;
};
export type ServerMessage = {
    type: string;
    seq?: number;
    [field: string]: any;
};
/**
 * A text frame of the server.
 *
 * @param {string} text
 * @returns {ServerMessage | null} `null`: nothing that this client knows; later versions may send such.
 */
export declare function readMessage(text: string): ServerMessage | null;
/**
 * `init` for a session that can be resumed, with audio as binary frames.
 *
 * @param {SessionConfig} config
 * @param {Claim | null} claim The session to go on with, if there is one.
 * @returns {string}
 */
export declare function initMessage(config: SessionConfig, claim: Claim | null): string;
/**
 * The samples of a binary frame, or of `data`, decoded.
 *
 * @param {ArrayBuffer} pcm Signed 16 bit little endian.
 * @returns {Int16Array | null} `null`: no samples, or half a one.
 */
export declare function samplesOf(pcm: ArrayBuffer): Int16Array | null;
/**
 * Samples as a binary frame.
 *
 * @param {Int16Array} samples
 * @returns {ArrayBuffer}
 */
export declare function pcmOf(samples: Int16Array): ArrayBuffer;
/**
 * The samples of `data` in `audio_response`.
 *
 * @param {string} base64 Standard alphabet, padded.
 * @returns {Int16Array | null} `null`: it is no audio.
 */
export declare function samplesOfBase64(base64: string): Int16Array | null;
/**
 * The fields of these names, as far as they are there.
 *
 * @param {ServerMessage} message
 * @param {...string} names
 * @returns {any}
 */
export declare function pick(message: ServerMessage, ...names: string[]): any;
/**
 * A configuration that may be shown.
 *
 * @param {SessionConfig} config
 */
export declare function withoutSecrets({ room, ...config }: SessionConfig): {
    language?: string;
    targetLanguage?: string;
    engine?: string;
    useWhisper?: boolean;
    sampleRate?: number;
    room?: {
        id: string;
        name?: string;
        token: string;
    } | undefined;
};
