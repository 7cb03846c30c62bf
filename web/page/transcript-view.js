import { asJson, asSubRip, asText, asWebVtt } from "./exports.js";
import { word } from "./words.js";

/** @type {Record<string, string>} */
const MEDIA_TYPES = { txt: "text/plain", srt: "application/x-subrip", vtt: "text/vtt", json: "application/json" };

/** Copying and downloading the conversation. */
export class TranscriptView {
  #conversation;
  #which = /** @type {HTMLSelectElement} */ (document.getElementById("which"));
  #said = /** @type {HTMLElement} */ (document.getElementById("transcript-said"));

  /** @param {import("./conversation.js").Conversation} conversation */
  constructor(conversation) {
    this.#conversation = conversation;
    document.getElementById("copy")?.addEventListener("click", () => void this.#copy());
    for (const button of document.querySelectorAll("[data-download]")) {
      button.addEventListener("click", () => this.#download(button.dataset.download));
    }
  }

  async #copy() {
    await navigator.clipboard.writeText(asText(this.#conversation.turns));
    this.#said.textContent = word("copied");
    setTimeout(() => (this.#said.textContent = ""), 3000);
  }

  /** @param {string} kind */
  #download(kind) {
    save(`conversation-${stamp(this.#conversation.startedAt)}.${kind}`, this.#written(kind), MEDIA_TYPES[kind]);
  }

  /** @param {string} kind */
  #written(kind) {
    const { turns, startedAt } = this.#conversation;
    const side = /** @type {"source" | "target"} */ (this.#which.value);
    if (kind === "srt") return asSubRip(turns, side);
    if (kind === "vtt") return asWebVtt(turns, side);
    return kind === "json" ? asJson(turns, startedAt) : asText(turns);
  }
}

/**
 * Let the browser save a file.
 *
 * @param {string} name
 * @param {string} content
 * @param {string} mediaType
 */
export function save(name, content, mediaType) {
  const url = URL.createObjectURL(new Blob([content], { type: `${mediaType};charset=utf-8` }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** @param {number | null} time Unix time in ms. */
export function stamp(time) {
  const date = new Date(time ?? Date.now());
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replaceAll(":", "").replace("T", "-");
}
