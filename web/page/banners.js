import { elementFrom } from "./conversation-view.js";
import { word } from "./words.js";

const NOTICE_MS = 8000;

/** What people have to know, at the top of the conversation: one banner for each matter. */
export class Banners {
  #place;
  /** @type {Map<string, { element: HTMLElement, timer?: ReturnType<typeof setInterval> }>} */
  #shown = new Map();

  /** @param {HTMLElement} place */
  constructor(place) {
    this.#place = place;
  }

  /**
   * Show a banner, in the place of the one about the same matter.
   *
   * @param {string} matter
   * @param {string} text
   * @param {{ isError?: boolean, act?: [string, () => void], retry_ms?: number, passes?: boolean }} [options] `act`: a
   *   button's words and what it does; `retry_ms`: counts down; `passes`: goes by itself.
   */
  show(matter, text, { isError = true, act, retry_ms, passes = false } = {}) {
    const before = this.#shown.get(matter)?.element;
    const isSame = before?.querySelector(".words")?.textContent === text;
    if (!isSame) this.hide(matter);
    const element = isSame && before ? before : elementFrom("banner");
    element.classList.toggle("error", isError);
    element.setAttribute("role", isError ? "alert" : "status");
    const words = element.querySelector(".words");
    if (!isSame && words) words.textContent = text;
    this.#button(element, ".act", act?.[0], act?.[1]);
    this.#button(element, ".dismiss", act ? undefined : word("dismiss"), () => this.hide(matter));
    if (!isSame) this.#place.append(element);
    clearInterval(this.#shown.get(matter)?.timer);
    this.#shown.set(matter, { element, timer: this.#count(element, retry_ms) });
    if (passes) setTimeout(() => this.#shown.get(matter)?.element === element && this.hide(matter), NOTICE_MS);
  }

  /** @param {string} matter */
  hide(matter) {
    const shown = this.#shown.get(matter);
    if (!shown) return;
    clearInterval(shown.timer);
    shown.element.remove();
    this.#shown.delete(matter);
  }

  /**
   * @param {HTMLElement} element
   * @param {string} selector
   * @param {string | undefined} text
   * @param {(() => void) | undefined} onClick
   */
  #button(element, selector, text, onClick) {
    const button = /** @type {HTMLButtonElement} */ (element.querySelector(selector));
    button.hidden = !text;
    button.textContent = text ?? "";
    button.onclick = onClick ?? null;
  }

  /**
   * @param {HTMLElement} element
   * @param {number | undefined} retry_ms
   */
  #count(element, retry_ms) {
    const place = /** @type {HTMLElement} */ (element.querySelector(".countdown"));
    place.textContent = "";
    if (retry_ms === undefined || retry_ms < 1500) return undefined;
    const due = Date.now() + retry_ms;
    const tell = () => {
      const secs = Math.max(0, Math.ceil((due - Date.now()) / 1000));
      place.textContent = secs ? word("again", { secs }) : "";
    };
    tell();
    return setInterval(tell, 500);
  }
}
