import { clock } from "./exports.js";
import { languageName, word } from "./words.js";

const NEAR_END_PX = 64;
const ANNOUNCED = 3;

/** The conversation as people read it; follows it to its end until the reader scrolls back. */
export class ConversationView {
  #conversation;
  #scroller;
  #list;
  #announcer;
  #latest;
  /** @type {Map<import("./conversation.js").Turn, HTMLElement>} */
  #shown = new Map();
  #isFollowing = true;
  #top = 0;
  #pair = ["ko", "en"];
  #languages = ["ko", "en"];

  /**
   * @param {import("./conversation.js").Conversation} conversation
   * @param {{ scroller: HTMLElement, list: HTMLElement, announcer: HTMLElement, latest: HTMLElement, empty: HTMLElement }} places
   */
  constructor(conversation, { scroller, list, announcer, latest, empty }) {
    this.#conversation = conversation;
    this.#scroller = scroller;
    this.#list = list;
    this.#announcer = announcer;
    this.#latest = latest;
    /** In a room: the name of a participant, and whether it is oneself. */
    this.participant = (/** @type {string} */ id) => ({ name: id, isSelf: false });
    conversation.on("changed", (turn) => {
      empty.hidden = true;
      this.#show(turn);
    });
    conversation.on("completed", (turn) => this.#announce(turn));
    conversation.on("cleared", () => {
      this.#list.replaceChildren();
      this.#shown.clear();
      empty.hidden = false;
    });
    scroller.addEventListener("scroll", () => {
      const left = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
      // What is new may have made the end move away since this page scrolled to it: only a reader scrolls back.
      const isBack = scroller.scrollTop < this.#top;
      this.#top = scroller.scrollTop;
      if (left < NEAR_END_PX) this.#isFollowing = true;
      else if (isBack) this.#isFollowing = false;
      this.#latest.hidden = this.#isFollowing;
    });
    latest.addEventListener("click", () => this.follow());
    const sizes = new ResizeObserver(() => this.#isFollowing && this.#toEnd());
    sizes.observe(list);
    sizes.observe(scroller); // a banner takes room, a phone is turned
  }

  /**
   * Say which languages there are.
   *
   * @param {string[]} pair The two of the server; the speakers of the first one are shown on the left.
   * @param {string[]} languages All that may be seen.
   */
  setLanguages(pair, languages) {
    this.#pair = pair;
    this.#languages = languages;
  }

  /** Go to the end, and stay there. */
  follow() {
    this.#isFollowing = true;
    this.#latest.hidden = true;
    this.#toEnd();
  }

  #toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  /** @param {import("./conversation.js").Turn} turn */
  #show(turn) {
    let element = this.#shown.get(turn);
    if (!element) {
      element = elementFrom("turn");
      this.#shown.set(turn, element);
      this.#list.append(element);
    }
    element.dataset.state = turn.state;
    const who = turn.speaker === undefined ? null : this.participant(turn.speaker);
    element.dataset.side = (who ? who.isSelf : this.#isOfSecond(turn)) ? "second" : "first";
    this.#showSide(element.querySelector(".source"), turn.source);
    this.#showSide(element.querySelector(".target"), turn.target);
    element.querySelector(".who").textContent = who ? (who.isSelf ? word("you") : who.name) : "";
    element.querySelector("time").textContent = clock(turn.begun_ms).replace(/^00:/, "");
    element.querySelector(".delay").textContent =
      turn.delay_ms === undefined ? "" : word("delay", { secs: (turn.delay_ms / 1000).toFixed(1) });
    element.querySelector(".how").textContent =
      turn.state === "interrupted" ? word("interruptedTurn") : turn.state === "broken" ? word("brokenTurn") : "";
  }

  /** @param {import("./conversation.js").Turn} turn */
  #isOfSecond(turn) {
    const spoken = turn.source.language ?? (turn.target.language && otherOf(this.#pair, turn.target.language)) ?? byScript(turn.source.text, this.#pair);
    return spoken !== undefined && spoken.split("-")[0] === this.#pair[1].split("-")[0];
  }

  /**
   * @param {HTMLElement} line
   * @param {import("./conversation.js").Side} side
   */
  #showSide(line, { text, language, isFinal }) {
    line.hidden = !text;
    line.classList.toggle("partial", !isFinal);
    const words = line.querySelector(".words");
    const shown = language ?? byScript(text, this.#languages);
    if (shown) words.lang = shown;
    if (words.textContent !== text) words.textContent = text;
    const tag = line.querySelector(".language");
    tag.textContent = shown?.split("-")[0].toUpperCase() ?? "";
    if (shown) tag.title = languageName(shown);
  }

  /** Tell a screen reader what is new, once it is whole. @param {import("./conversation.js").Turn} turn */
  #announce({ source, target }) {
    const text = document.createElement("p");
    text.textContent = target.text || source.text;
    text.lang = (target.text ? target : source).language ?? "";
    this.#announcer.append(text);
    while (this.#announcer.children.length > ANNOUNCED) this.#announcer.firstElementChild?.remove();
  }
}

/**
 * @param {string[]} pair
 * @param {string} language
 */
function otherOf(pair, language) {
  return pair.find((each) => each.split("-")[0] !== language.split("-")[0]);
}

/** @type {[RegExp, string[]][]} How a text looks, and the scripts (ISO 15924) of the languages that look so. */
const SCRIPTS = [
  [/\p{Script=Hangul}/u, ["Kore"]],
  [/[\p{Script=Hiragana}\p{Script=Katakana}]/u, ["Jpan"]],
  [/\p{Script=Han}/u, ["Hans", "Hant", "Jpan"]],
  [/\p{Script=Cyrillic}/u, ["Cyrl"]],
  [/\p{Script=Arabic}/u, ["Arab"]],
  [/\p{Script=Thai}/u, ["Thai"]],
  [/\p{Script=Latin}/u, ["Latn"]],
];

/**
 * The one of the languages that a text is in, as far as its script tells.
 *
 * @param {string} text
 * @param {string[]} languages
 */
function byScript(text, languages) {
  const scripts = SCRIPTS.find(([looks]) => looks.test(text))?.[1] ?? [];
  const found = languages.filter((code) => scripts.includes(new Intl.Locale(code).maximize().script ?? ""));
  return found.length === 1 ? found[0] : undefined;
}

/**
 * A copy of what a `<template>` holds.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function elementFrom(id) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
  return /** @type {HTMLElement} */ (template.content.firstElementChild?.cloneNode(true));
}
