/**
 * The latest audio that was given to the client, sample by sample, so that it can be sent again.
 *
 * Samples are numbered from 0, as the protocol counts them for resuming.
 */
export declare class RetainedAudio {
    #private;
    /** @param {number} most How many samples are held; the oldest go. */
    constructor(most: number);
    /** The number of the oldest sample that is held; where none is, of the next one. */
    get first(): number;
    /** The number that the next sample will have. */
    get next(): number;
    /**
     * Add samples, which must not be changed afterwards.
     *
     * @param {Int16Array} samples
     */
    push(samples: Int16Array): void;
    /**
     * What is held from a sample on.
     *
     * @param {number} from The number of the sample; what is older than the oldest one is left out.
     * @param {number} most The longest piece, in samples; longer ones are divided.
     * @returns {Generator<Int16Array>}
     */
    since(from: number, most: number): Generator<Int16Array>;
    /**
     * Number the samples anew: what is held from `from` on begins with 0, what came before is let go.
     *
     * @param {number} from
     */
    restart(from: number): void;
}
