import { Capture } from "./capture.js";
import { Emitter } from "./emitter.js";
/**
 * A recording in the place of a microphone: as fast as it was spoken, as pieces of 20 ms.
 *
 * @extends {Emitter<{ level: number, ended: void }>} `ended`: all of it was said, and a pause after it.
 */
export declare class Recording extends Emitter<{
    level: number;
    ended: void;
}> {
    #private;
    /**
     * @param {ArrayBuffer} file Any format that the browser reads.
     * @param {(samples: Int16Array) => void} onSamples Gets 20 ms at a time, mono.
     * @param {{ rate_hz?: number, pause_secs?: number }} [options] `pause_secs`: silence after it, so that its last
     *   utterance has an end.
     * @returns {Promise<Recording>}
     * @throws {DOMException} `EncodingError`: it is no audio.
     */
    static open(file: ArrayBuffer, onSamples: (samples: Int16Array) => void, { rate_hz, pause_secs }?: {
        rate_hz?: number;
        pause_secs?: number;
    }): Promise<Recording>;
    /**
     * @param {AudioContext} context
     * @param {AudioBufferSourceNode} source
     * @param {Capture} capture
     */
    constructor(context: AudioContext, source: AudioBufferSourceNode, capture: Capture);
    get isMuted(): boolean;
    set isMuted(isMuted: boolean);
    /** Stop. */
    close(): void;
}
