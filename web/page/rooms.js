/** Making rooms over HTTP, and the links that lead to their seats. */

/**
 * A seat of a room, and what is spoken there.
 *
 * @typedef {object} Seat
 * @property {string} id Of the room.
 * @property {string} token A secret.
 * @property {string} language
 * @property {string} [name] What the others are shown.
 */

/** The server makes no room; `status` is HTTP's. */
export class RoomRefused extends Error {
  /**
   * @param {number} status
   * @param {string} message
   */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/**
 * Make a room for two.
 *
 * @param {{ mine: string, theirs: string, name: string, key: string }} wanted Languages, one's own name, and the key
 *   where the server wants one.
 * @returns {Promise<{ mine: Seat, theirs: Seat }>}
 * @throws {RoomRefused}
 */
export async function makeRoom({ mine, theirs, name, key }) {
  const headers = { "Content-Type": "application/json", ...(key && { Authorization: `Bearer ${key}` }) };
  const body = JSON.stringify({ seats: [{ language: mine, name }, { language: theirs }] });
  const response = await fetch("rooms", { method: "POST", headers, body });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new RoomRefused(response.status, answer.error ?? String(response.status));
  const [first, second] = answer.seats.map((/** @type {any} */ { language, token }) => ({ id: answer.id, token, language }));
  return { mine: { ...first, name }, theirs: second };
}

/**
 * The link that leads to a seat: behind `#`, which browsers send to nobody.
 *
 * @param {Seat} seat
 * @param {string} page The page's own address.
 */
export function linkTo({ id, token, language }, page) {
  const link = new URL(page);
  link.search = "";
  link.hash = new URLSearchParams({ room: id, token, language }).toString();
  return link.href;
}

/**
 * The seat that a link leads to.
 *
 * @param {string} hash With or without `#`.
 * @returns {Seat | null} `null`: to none.
 */
export function seatOf(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const [id, token, language] = ["room", "token", "language"].map((name) => fields.get(name));
  return id && token && language ? { id, token, language } : null;
}
