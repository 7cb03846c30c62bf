/**
 * What a client does when its connection is gone: the advice of docs/protocol.md's tables, as one table.
 */

/**
 * @typedef {object} Rule
 * @property {number} first_ms How long to wait before the first try; each further one waits twice as long.
 * @property {number} longest_ms
 * @property {number} [tries] How often, if not for ever.
 * @property {boolean} [ended] The session is over: the next connection makes a fresh one.
 */

/** @type {Rule} */
const NETWORK = { first_ms: 300, longest_ms: 10_000 };

/** @type {Record<string, Rule | null>} `null`: never again by itself. */
const BY_ERROR = {
  SERVER_BUSY: { first_ms: 3000, longest_ms: 30_000 },
  SHUTTING_DOWN: { first_ms: 2000, longest_ms: 10_000, ended: true },
  SESSION_EXPIRED: { first_ms: 0, longest_ms: 10_000, ended: true },
  INIT_TIMEOUT: { first_ms: 2000, longest_ms: 30_000 },
  UPSTREAM_UNAVAILABLE: { first_ms: 2000, longest_ms: 30_000, ended: true },
  UPSTREAM_QUOTA: { first_ms: 60_000, longest_ms: 600_000, ended: true },
  INTERNAL: { first_ms: 2000, longest_ms: 2000, tries: 1, ended: true },
  IDLE_TIMEOUT: null,
  MESSAGE_TOO_LARGE: null,
  RATE_LIMITED: null,
  UNSUPPORTED_LANGUAGE: null,
  UPSTREAM_AUTH: null,
};

/** @type {Record<number, Rule | null>} By the close code, where no error came before. */
const BY_CLOSE = { 1000: null, 1007: null, 1008: null, 1009: null };

/**
 * How to go on.
 *
 * @param {string | undefined} error The code of the last error that ends a session, if one came.
 * @param {number} closeCode
 * @param {boolean} [isInRoom] A session that expires in a room tells that the room is over.
 * @returns {Rule | null} `null`: not at all.
 */
export function ruleFor(error, closeCode, isInRoom = false) {
  if (isInRoom && error === "SESSION_EXPIRED") return null;
  if (error !== undefined && Object.hasOwn(BY_ERROR, error)) return BY_ERROR[error];
  return Object.hasOwn(BY_CLOSE, closeCode) ? BY_CLOSE[closeCode] : NETWORK;
}

/**
 * Whether an error ends the connection; any other refuses one message.
 *
 * @param {string | undefined} code
 */
export function isFatal(code) {
  return code !== undefined && Object.hasOwn(BY_ERROR, code);
}

/**
 * How long to wait before a try, in ms; up to a fifth less, so that clients of a server that restarts do not all
 * come at once.
 *
 * @param {Rule} rule
 * @param {number} tried How often it was tried in vain since the last time that it worked.
 * @param {number} luck From 0 to 1.
 */
export function wait_ms(rule, tried, luck) {
  return Math.round(Math.min(rule.longest_ms, rule.first_ms * 2 ** tried) * (1 - 0.2 * luck));
}
