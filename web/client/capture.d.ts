import { Emitter } from "./emitter.js";
/**
 * What any source in an audio context gives, as pieces of 20 ms.
 *
 * It is heard by nobody: nothing of it reaches the loudspeaker.
 *
 * @extends {Emitter<{ level: number }>} `level`: the loudest sample of each piece, from 0 to 1; 0 while muted.
 */
export declare class Capture extends Emitter<{
    level: number;
}> {
    #private;
    /**
     * @param {AudioNode} source
     * @param {(samples: Int16Array) => void} onSamples Gets 20 ms at a time.
     * @param {number} rate_hz Of the samples.
     * @returns {Promise<Capture>}
     */
    static open(source: AudioNode, onSamples: (samples: Int16Array) => void, rate_hz: number): Promise<Capture>;
    /**
     * @param {AudioNode} source
     * @param {(samples: Int16Array) => void} onSamples
     * @param {number} rate_hz
     */
    constructor(source: AudioNode, onSamples: (samples: Int16Array) => void, rate_hz: number);
    /** Whether samples are dropped. */
    get isMuted(): boolean;
    set isMuted(isMuted: boolean);
    /** Let go of the source. */
    close(): void;
}
