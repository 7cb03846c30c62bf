import { Capture } from "./capture.js";
import { Emitter } from "./emitter.js";
export type MicrophoneOptions = {
    /**
     * Of the samples; 16000 where it is left out.
     */
    rate_hz?: number;
    /**
     * Which one; the browser's choice where it is left out, and where that one is gone.
     */
    deviceId?: string;
    /**
     * On, where it is left out, as are the next two.
     */
    echoCancellation?: boolean;
    noiseSuppression?: boolean;
    autoGainControl?: boolean;
};
/**
 * @typedef {object} MicrophoneOptions
 * @property {number} [rate_hz] Of the samples; 16000 where it is left out.
 * @property {string} [deviceId] Which one; the browser's choice where it is left out, and where that one is gone.
 * @property {boolean} [echoCancellation] On, where it is left out, as are the next two.
 * @property {boolean} [noiseSuppression]
 * @property {boolean} [autoGainControl]
 */
/**
 * What somebody says, as pieces of 20 ms.
 *
 * @extends {Emitter<{ level: number, lost: void }>} `level`: the loudest sample of each piece, from 0 to 1; `lost`: the
 *   device is gone, or the permission.
 */
export declare class Microphone extends Emitter<{
    level: number;
    lost: void;
}> {
    #private;
    /**
     * Ask for the microphone.
     *
     * @param {(samples: Int16Array) => void} onSamples Gets 20 ms at a time, mono.
     * @param {MicrophoneOptions} [options]
     * @returns {Promise<Microphone>}
     * @throws {DOMException} As `getUserMedia` does: `NotAllowedError`, `NotFoundError`, `NotReadableError`; also
     *   `NotSupportedError`, where the page is not secure (neither https nor localhost).
     */
    static open(onSamples: (samples: Int16Array) => void, options?: MicrophoneOptions): Promise<Microphone>;
    /**
     * @param {MediaStream} stream
     * @param {AudioContext} context
     * @param {Capture} capture
     */
    constructor(stream: MediaStream, context: AudioContext, capture: Capture);
    /** Which device it is. */
    get deviceId(): string | undefined;
    get isMuted(): boolean;
    set isMuted(isMuted: boolean);
    /** Let go of the device. */
    close(): void;
}
