/** The development view, `/?debug`: every message, delays, buffer levels; and traces for bug reports. */

import { Trace } from "./trace.js";
import { save, stamp } from "./transcript-view.js";
import { word } from "./words.js";

const SHOWN = 200;
const TICK_MS = 500;

export class DebugView {
  #trace = new Trace();
  #log = document.createElement("ol");
  #levels = document.createElement("output");
  #counts = { sent_secs: 0, heard_secs: 0, messages: 0, connections: 0 };
  /** @type {import("../client/speaker.js").SpeakerReport | null} */
  #played = null;
  /** @type {import("../interpreter-client.js").InterpreterClient | null} */
  #client = null;

  /** @param {import("./session.js").Session} session */
  constructor(session) {
    document.body.append(this.#panel());
    document.body.classList.add("debugging");
    session.on("made", (client) => this.#watch(client));
    session.on("played", (report) => (this.#played = report));
    session.on("state", (state) => this.#note("state", state));
    setInterval(() => this.#showLevels(), TICK_MS);
  }

  #panel() {
    const panel = document.createElement("aside");
    panel.className = "debug";
    panel.setAttribute("aria-label", word("debug"));
    const box = Object.assign(document.createElement("input"), { type: "checkbox" });
    box.onchange = () => (this.#trace.hasAudio = box.checked);
    const label = document.createElement("label");
    label.className = "check";
    label.append(box, word("withAudio"));
    const button = Object.assign(document.createElement("button"), { type: "button", className: "quiet", textContent: word("saveTrace") });
    button.onclick = () => save(`trace-${stamp(null)}.jsonl`, this.#trace.text(), "application/jsonl");
    const head = document.createElement("header");
    head.append(button, label);
    this.#log.tabIndex = 0;
    panel.append(head, this.#levels, this.#log);
    return panel;
  }

  /** @param {import("../interpreter-client.js").InterpreterClient} client */
  #watch(client) {
    this.#client = client;
    client.on("status", (status) => this.#note("status", status));
    client.on("connected", () => (this.#counts.connections += 1));
    client.on("raw", ({ direction, message, samples, seq }) => {
      if (samples) return this.#audio(direction, samples, seq);
      this.#counts.messages += 1;
      this.#note(direction, message);
    });
  }

  /**
   * @param {"in" | "out"} direction
   * @param {Int16Array} samples
   * @param {number | undefined} seq
   */
  #audio(direction, samples, seq) {
    if (direction === "out") this.#counts.sent_secs += samples.length / 16000;
    else this.#counts.heard_secs += samples.length / 24000;
    this.#trace.addAudio(direction, samples, seq);
    if (direction === "in") this.#show("in", `audio ${Math.round(samples.length / 24)} ms, seq ${seq}`);
  }

  /**
   * @param {string} kind
   * @param {any} value
   */
  #note(kind, value) {
    this.#trace.add(kind, value);
    this.#show(kind, JSON.stringify(value));
  }

  /**
   * @param {string} kind
   * @param {string} text
   */
  #show(kind, text) {
    const item = document.createElement("li");
    item.dataset.kind = kind;
    item.textContent = `${new Date().toISOString().slice(14, 23)} ${kind} ${text}`;
    const isAtEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < 40;
    this.#log.append(item);
    while (this.#log.children.length > SHOWN) this.#log.firstElementChild?.remove();
    if (isAtEnd) this.#log.scrollTop = this.#log.scrollHeight;
  }

  #showLevels() {
    const { sent_secs, heard_secs, messages, connections } = this.#counts;
    const { queued_secs = 0, played_secs = 0, underruns = 0, dropped = 0, wait_secs = 0 } = this.#played ?? {};
    this.#levels.textContent = [
      `session ${this.#client?.sessionId ?? "–"}`,
      `sent ${sent_secs.toFixed(1)} s, held back ${(this.#client?.waiting_secs ?? 0).toFixed(1)} s`,
      `heard ${heard_secs.toFixed(1)} s, played ${played_secs.toFixed(1)} s, queued ${queued_secs.toFixed(2)} s`,
      `waits ${Math.round(wait_secs * 1000)} ms, ran dry ${underruns}, dropped ${dropped}`,
      `messages ${messages}, connections ${connections}`,
    ].join("\n");
  }
}
