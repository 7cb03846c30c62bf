/** A conversation as a file: text, SubRip, WebVTT, JSON. Pure. */

/** @typedef {import("./conversation.js").Turn} Turn */

const SHORTEST_CUE_MS = 500;

/**
 * Both sides, with times.
 *
 * @param {Turn[]} turns
 */
export function asText(turns) {
  const lines = (turn) =>
    ["source", "target"]
      .filter((side) => turn[side].text)
      .map((side) => `${(turn[side].language ?? "–").padEnd(3)} ${oneLine(turn[side].text)}`);
  return turns.map((turn) => `[${clock(turn.begun_ms)}]\n${lines(turn).join("\n")}\n`).join("\n");
}

/**
 * @param {Turn[]} turns
 * @param {number | null} startedAt Unix time in ms.
 */
export function asJson(turns, startedAt) {
  const side = ({ text, language, from_ms, to_ms }) => ({ text, language, from_ms: whole(from_ms), to_ms: whole(to_ms) });
  const told = turns.map(({ number, speaker, source, target, delay_ms, state }) => ({
    number,
    speaker,
    state,
    source: side(source),
    target: side(target),
    delay_ms: whole(delay_ms),
  }));
  const began = startedAt === null ? undefined : new Date(startedAt).toISOString();
  return `${JSON.stringify({ started_at: began, turns: told }, null, 2)}\n`;
}

/**
 * @param {Turn[]} turns
 * @param {"source" | "target"} side
 */
export function asSubRip(turns, side) {
  // SubRip has no escapes: what players take for markup or a time gets a look-alike.
  const escaped = (text) => text.replace(/<(?=[/A-Za-z])/g, "＜").replaceAll("-->", "→");
  const time = (ms) => clock(ms, ",");
  return cues(turns, side)
    .map((cue, n) => `${n + 1}\n${time(cue.from_ms)} --> ${time(cue.to_ms)}\n${escaped(cue.text)}\n`)
    .join("\n");
}

/**
 * @param {Turn[]} turns
 * @param {"source" | "target"} side
 */
export function asWebVtt(turns, side) {
  // https://www.w3.org/TR/webvtt1/#webvtt-cue-text-span
  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const time = (ms) => clock(ms, ".");
  const written = cues(turns, side).map((cue) => `${time(cue.from_ms)} --> ${time(cue.to_ms)}\n${escaped(cue.text)}\n`);
  return ["WEBVTT\n", ...written].join("\n");
}

/**
 * The cues of one side: in order, none shorter than half a second, none over another.
 *
 * @param {Turn[]} turns
 * @param {"source" | "target"} side
 */
export function cues(turns, side) {
  /** @type {{ from_ms: number, to_ms: number, text: string }[]} */
  const found = [];
  for (const turn of turns) {
    const { text, from_ms, to_ms } = turn[side];
    if (!oneLine(text)) continue;
    const from = Math.max(from_ms ?? turn.begun_ms, found.at(-1)?.to_ms ?? 0);
    found.push({ from_ms: from, to_ms: Math.max(to_ms ?? 0, from + SHORTEST_CUE_MS), text: oneLine(text) });
  }
  return found;
}

/**
 * A time as `HH:MM:SS`, with milliseconds after `mark`, where there is one.
 *
 * @param {number} ms
 * @param {string} [mark]
 */
export function clock(ms, mark) {
  const secs = Math.floor(ms / 1000);
  const two = (value) => String(value).padStart(2, "0");
  const whole = `${two(Math.floor(secs / 3600))}:${two(Math.floor(secs / 60) % 60)}:${two(secs % 60)}`;
  return mark ? `${whole}${mark}${String(Math.floor(ms % 1000)).padStart(3, "0")}` : whole;
}

/** @param {string} text */
function oneLine(text) {
  return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

/** @param {number | undefined} value */
function whole(value) {
  return value === undefined ? undefined : Math.round(value);
}
