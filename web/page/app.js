/** The page: makes its parts, and connects what they tell with what they show. */

import { Banners } from "./banners.js";
import { ConversationView } from "./conversation-view.js";
import { Conversation } from "./conversation.js";
import { HistoryView } from "./history-view.js";
import { listenToKeys } from "./keyboard.js";
import { RoomView } from "./room-view.js";
import { Session } from "./session.js";
import { Settings } from "./settings.js";
import { TranscriptView } from "./transcript-view.js";
import { WakeLock } from "./wake-lock.js";
import { hasWord, label, translate, word } from "./words.js";

/** @type {<Kind extends HTMLElement>(id: string) => Kind} */
const by = (id) => /** @type {any} */ (document.getElementById(id));

/** @type {Record<string, string>} What a microphone that cannot be opened is told as, by the browser's name for it. */
const MICROPHONE_FAULTS = {
  NotAllowedError: "micDenied",
  SecurityError: "micDenied",
  NotFoundError: "micMissing",
  OverconstrainedError: "micMissing",
  NotReadableError: "micBusy",
  AbortError: "micBusy",
  NotSupportedError: "micInsecure",
};

/** @type {Record<string, string>} What these mean in a room. */
const ROOM_FAULTS = {
  INVALID_MESSAGE: "roomGone",
  UNSUPPORTED_LANGUAGE: "roomGone",
  SESSION_EXPIRED: "roomOver",
  CLOSED: "roomTaken",
};

translate();
const banners = new Banners(by("banners"));
const conversation = new Conversation();
const session = new Session(new URL("ws", document.baseURI), conversation);
const view = new ConversationView(conversation, {
  scroller: by("conversation"),
  list: by("turns"),
  announcer: by("announcer"),
  latest: by("latest"),
  empty: by("empty"),
});
/** @type {Settings | null} */
let settings = null;
/** @type {RoomView | null} */
let room = null;
const wakeLock = new WakeLock();
let wasLost = false;

// Choices

async function loadOffer() {
  try {
    const response = await fetch("config");
    if (!response.ok) throw new Error(`${response.status}`);
    const offer = await response.json();
    settings = new Settings(offer);
    view.setLanguages(offer.languages, offer.targetLanguages);
    room = new RoomView(offer);
    room.on("enter", () => void enterRoom());
    settings.on("session", () => settings && void session.restart(config(), settings.input));
    settings.on("input", () => {
      banners.hide("input");
      if (settings) void session.changeInput(settings.input);
    });
    settings.on("volume", (volume) => (session.volume = volume));
  } catch {
    banners.show("config", word("configFailed"), { act: [word("tryAgain"), () => location.reload()] });
  }
}

/** What the next session is to be. */
function config() {
  if (!settings) return {};
  if (!room?.seat) return settings.config;
  const { engine, useWhisper } = settings.config;
  return { ...(engine && { engine }), ...(useWhisper && { useWhisper }), ...room.config };
}

// Starting and ending

async function toggle() {
  if (session.phase === "idle") await begin();
  else await session.end();
}

async function begin() {
  if (!settings) return;
  for (const matter of ["session", "input", "warning"]) banners.hide(matter);
  wasLost = false;
  session.volume = settings.volume;
  view.follow();
  await session.start(config(), settings.input);
  void settings.showInputs();
  if (session.phase === "running") by("mute").focus();
}

session.on("phase", (phase) => {
  wakeLock.isWanted = phase === "running";
  const start = by("start");
  const words = { idle: "start", opening: "starting", running: "end", finishing: "ending" };
  start.textContent = word(words[phase]);
  start.classList.toggle("running", phase === "running" || phase === "finishing");
  by("mute").disabled = by("interrupt").disabled = phase !== "running" && phase !== "finishing";
});

session.on("failed", (error) => {
  const key = MICROPHONE_FAULTS[error.name] ?? (error.message === "sampleFailed" ? "sampleFailed" : "micFailed");
  const hasSamples = key !== "sampleFailed" && session.phase !== "running";
  const act = /** @type {[string, () => void]} */ ([word("trySample"), () => trySample()]);
  banners.show("input", word(key, { detail: error.name }), hasSamples ? { act } : {});
});

session.on("lost", () => {
  banners.show("input", word("micLost"));
  void settings?.showInputs();
});

async function enterRoom() {
  if (session.phase !== "idle") await session.end();
  if (session.phase === "idle") await begin();
}

function trySample() {
  settings?.chooseSample();
  void begin();
}

// The connection

session.on("status", ({ status, code, message, retry_ms }) => {
  const chip = by("connection");
  chip.dataset.status = status;
  by("connection-words").textContent = word(status === "idle" ? "offline" : status);
  if (status === "connected" || !code) return;
  wasLost ||= status === "reconnecting";
  void explain(code, message ?? "", status === "ended", retry_ms);
});

/**
 * Say why there is no session.
 *
 * @param {string} code
 * @param {string} detail
 * @param {boolean} isOver
 * @param {number | undefined} retry_ms
 */
async function explain(code, detail, isOver, retry_ms) {
  const key = code === "UNREACHABLE" && (await isAlive()) ? "REFUSED" : (room?.seat && ROOM_FAULTS[code]) || code;
  const text = hasWord(key) ? word(key, { detail, origin: location.origin }) : detail;
  const act = /** @type {[string, () => void]} */ ([word("tryAgain"), () => session.retry()]);
  if (isOver || session.phase === "idle") banners.show("session", text);
  else if (by("connection").dataset.status !== "connected") banners.show("session", text, { act, retry_ms });
}

/** Whether the server answers at all: then it was the WebSocket that it did not want. */
async function isAlive() {
  try {
    return (await fetch("health", { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

session.on("connected", ({ resumed, isFresh }) => {
  banners.hide("session");
  if (isFresh) banners.show("notice", word("fresh"), { isError: false });
  else if (resumed && wasLost) banners.show("notice", word("resumed"), { isError: false, passes: true });
  wasLost = false;
});

session.on("told", ({ code, message, ms = 0 }) => {
  const text = hasWord(code) ? word(/** @type {string} */ (code), { secs: (ms / 1000).toFixed(1) }) : message;
  banners.show("warning", text, { isError: false, passes: true });
});

view.participant = (id) => session.person(id);
session.on("people", (people) => room?.show(people));

// Speaking and hearing

session.on("state", (state) => {
  const place = by("state");
  place.dataset.state = state;
  place.textContent = word(state);
});

session.on("voice", (level) => showLevel(by("voice-meter"), level));
session.on("played", ({ peak }) => {
  showLevel(by("speaker-meter"), peak);
  if (session.isAudible) banners.hide("sound");
});

session.on("muted", (isMuted) => {
  const button = by("mute");
  button.setAttribute("aria-pressed", String(isMuted));
  button.title = word(isMuted ? "unmute" : "mute");
});

conversation.on("changed", ({ delay_ms }) => {
  if (!session.isAudible) banners.show("sound", word("playBlocked"));
  if (delay_ms !== undefined) by("delay").textContent = word("delay", { secs: (delay_ms / 1000).toFixed(1) });
});
conversation.on("cleared", () => (by("delay").textContent = ""));

/**
 * Show how loud it is, on a scale of 50 dB.
 *
 * @param {HTMLElement} meter
 * @param {number} peak From 0 to 1.
 */
function showLevel(meter, peak) {
  const level = peak > 0 ? Math.max(0, 1 + (20 * Math.log10(peak)) / 50) : 0;
  meter.style.setProperty("--level", level.toFixed(3));
}

// Buttons, keys, dialogs

by("start").onclick = () => void toggle();
by("mute").onclick = () => session.mute(!session.isMuted);
by("interrupt").onclick = () => session.interrupt();
by("interrupt").title = word("interrupt");
by("mute").title = word("mute");
by("delay").title = word("delayLabel");
by("try-sample").onclick = trySample;
by("captions").onclick = () => setCaptions(!document.body.classList.contains("captions"));
by("new-conversation").onclick = () => {
  conversation.clear();
  if (session.phase === "running") conversation.begin();
  by("transcript").close();
};

listenToKeys({ mute: () => session.mute(!session.isMuted), interrupt: () => session.interrupt(), toggle: () => void toggle() });
document.addEventListener("click", () => session.wake());
// After a click the space bar is to mute again, not to press the same button once more.
document.querySelector(".dock")?.addEventListener("click", (event) => {
  if (/** @type {PointerEvent} */ (event).detail > 0 && session.phase === "running") by("mute").focus({ preventScroll: true });
});
window.addEventListener("online", () => session.retry());

/** @param {boolean} isOn Large type, for a projector. */
function setCaptions(isOn) {
  document.body.classList.toggle("captions", isOn);
  const button = by("captions");
  button.setAttribute("aria-pressed", String(isOn));
  label(button, isOn ? "captionsOff" : "captions");
  view.follow();
}

for (const name of ["settings", "transcript", "room"]) {
  const dialog = /** @type {HTMLDialogElement} */ (by(name));
  by(`open-${name}`).onclick = () => dialog.showModal();
  dialog.querySelector("[data-close]")?.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

new TranscriptView(conversation);
new HistoryView(
  conversation,
  ({ startedAt, turns }) => {
    if (session.phase !== "idle") return;
    conversation.show(turns, startedAt);
    by("settings").close();
  },
  () => banners.show("history", word("historyFailed")),
);

if (new URLSearchParams(location.search).has("debug")) {
  void import("./debug.js").then(({ DebugView }) => new DebugView(session));
}
await loadOffer();
document.documentElement.dataset.ready = "";
