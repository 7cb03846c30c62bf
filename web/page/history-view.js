import { clearAll, isKeeping, keep, kept, setKeeping } from "./history.js";
import { language, word } from "./words.js";

const SAVE_MS = 500;

/** The choice to keep conversations, the list of them, and the button that deletes them all. */
export class HistoryView {
  #conversation;
  #onOpen;
  #onFailed;
  #isOn = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #box = /** @type {HTMLInputElement} */ (document.getElementById("keep"));
  #section = /** @type {HTMLElement} */ (document.getElementById("kept"));
  #list = /** @type {HTMLElement} */ (document.getElementById("kept-list"));

  /**
   * @param {import("./conversation.js").Conversation} conversation
   * @param {(kept: import("./history.js").Kept) => void} onOpen Shows one of them.
   * @param {() => void} onFailed The browser refuses.
   */
  constructor(conversation, onOpen, onFailed) {
    this.#conversation = conversation;
    this.#onOpen = onOpen;
    this.#onFailed = onFailed;
    this.#box.onchange = () => void this.#guarded(() => this.#set(this.#box.checked));
    document.getElementById("clear-all")?.addEventListener("click", () => void this.#guarded(() => this.#clear()));
    conversation.on("completed", () => this.#saveSoon());
    void this.#load().catch(() => {}); // a browser in private mode: the box stays empty, and says so when it is used
  }

  async #load() {
    this.#isOn = this.#box.checked = await isKeeping();
    if (this.#isOn) await this.#show();
  }

  /** @param {boolean} isOn */
  async #set(isOn) {
    clearTimeout(this.#timer);
    await setKeeping(isOn);
    this.#isOn = this.#box.checked = isOn;
    if (isOn) await this.#save();
    else this.#section.hidden = true;
  }

  async #clear() {
    clearTimeout(this.#timer);
    await clearAll();
    await this.#show();
  }

  #saveSoon() {
    if (!this.#isOn) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#guarded(() => this.#save()), SAVE_MS);
  }

  async #save() {
    const { startedAt } = this.#conversation;
    const turns = this.#conversation.turns.filter(({ state }) => state !== "live");
    if (startedAt !== null && turns.length) await keep({ startedAt, turns });
    await this.#show();
  }

  async #show() {
    this.#section.hidden = false;
    const items = (await kept()).map((conversation) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet";
      const when = new Date(conversation.startedAt).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
      button.append(spanOf(when), spanOf(word("keptTurns", { count: conversation.turns.length })));
      button.onclick = () => this.#onOpen(conversation);
      const item = document.createElement("li");
      item.append(button);
      return item;
    });
    const none = document.createElement("li");
    none.textContent = word("keptNone");
    this.#list.replaceChildren(...(items.length ? items : [none]));
  }

  /** @param {() => Promise<void>} work */
  async #guarded(work) {
    try {
      await work();
    } catch {
      this.#isOn = this.#box.checked = false;
      this.#onFailed();
    }
  }
}

/** @param {string} text */
function spanOf(text) {
  const span = document.createElement("span");
  span.textContent = text;
  return span;
}
