import { Emitter } from "./emitter.js";
export type SpeakerReport = {
    isPlaying: boolean;
    /**
     * What has come and is not played.
     */
    queued_secs: number;
    /**
     * What was played so far.
     */
    played_secs: number;
    /**
     * The loudest sample since the last report, from 0 to 1.
     */
    peak: number;
    /**
     * How often there was nothing to play in the middle of a turn.
     */
    underruns: number;
    /**
     * Samples that were given up, after ten minutes of them.
     */
    dropped: number;
    /**
     * How much the jitter buffer waits for before it begins.
     */
    wait_secs: number;
};
/**
 * How playing goes.
 *
 * @typedef {object} SpeakerReport
 * @property {boolean} isPlaying
 * @property {number} queued_secs What has come and is not played.
 * @property {number} played_secs What was played so far.
 * @property {number} peak The loudest sample since the last report, from 0 to 1.
 * @property {number} underruns How often there was nothing to play in the middle of a turn.
 * @property {number} dropped Samples that were given up, after ten minutes of them.
 * @property {number} wait_secs How much the jitter buffer waits for before it begins.
 */
/**
 * Plays the interpretation.
 *
 * @extends {Emitter<{ report: SpeakerReport }>} `report`: twenty times a second while it plays, and when it begins and
 *   stops.
 */
export declare class Speaker extends Emitter<{
    report: SpeakerReport;
}> {
    #private;
    /**
     * Make ready to play; browsers allow it only after a click or a key.
     *
     * @param {{ rate_hz?: number, volume?: number }} [options] `rate_hz`: of the samples to play; 24000 where left out.
     * @returns {Promise<Speaker>}
     */
    static open({ rate_hz, volume }?: {
        rate_hz?: number;
        volume?: number;
    }): Promise<Speaker>;
    /**
     * @param {AudioContext} context At the rate of the samples: the browser makes them the loudspeaker's.
     * @param {number} volume
     */
    constructor(context: AudioContext, volume: number);
    /** The latest report. */
    get report(): SpeakerReport;
    /** How loud, from 0 to 1. */
    get volume(): number;
    set volume(volume: number);
    /** Whether the browser lets it play. */
    get isAwake(): boolean;
    /** Go on playing, where the browser or a phone call has stopped it. */
    wake(): Promise<void>;
    /**
     * Play after all that came before.
     *
     * @param {Int16Array} samples
     */
    play(samples: Int16Array): void;
    /** Nothing more comes of this turn: nothing has to be waited for. */
    endOfTurn(): void;
    /**
     * Drop all that is not played.
     *
     * @returns {Promise<void>} Settles when it is silent.
     */
    clear(): Promise<void>;
    /** Let go of the loudspeaker. */
    close(): Promise<void>;
}
