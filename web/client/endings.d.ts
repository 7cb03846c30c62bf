/**
 * What a client does when its connection is gone: the advice of docs/protocol.md's tables, as one table.
 */
export type Rule = {
    /**
     * How long to wait before the first try; each further one waits twice as long.
     */
    first_ms: number;
    longest_ms: number;
    /**
     * How often, if not for ever.
     */
    tries?: number;
    /**
     * The session is over: the next connection makes a fresh one.
     */
    ended?: boolean;
};
/**
 * How to go on.
 *
 * @param {string | undefined} error The code of the last error that ends a session, if one came.
 * @param {number} closeCode
 * @param {boolean} [isInRoom] A session that expires in a room tells that the room is over.
 * @returns {Rule | null} `null`: not at all.
 */
export declare function ruleFor(error: string | undefined, closeCode: number, isInRoom?: boolean): Rule | null;
/**
 * Whether an error ends the connection; any other refuses one message.
 *
 * @param {string | undefined} code
 */
export declare function isFatal(code: string | undefined): boolean;
/**
 * How long to wait before a try, in ms; up to a fifth less, so that clients of a server that restarts do not all
 * come at once.
 *
 * @param {Rule} rule
 * @param {number} tried How often it was tried in vain since the last time that it worked.
 * @param {number} luck From 0 to 1.
 */
export declare function wait_ms(rule: Rule, tried: number, luck: number): number;
