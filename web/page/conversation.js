/**
 * What was said and how it was interpreted, with times: pure. Times are milliseconds since the conversation began.
 *
 * The protocol says when voice began and ended, not which turn it was; the guess is made here, in `#spokenFrom`.
 */

import { Emitter } from "../client/emitter.js";

/** Voice that returns within this time continues the utterance: END_OF_UTTERANCE_MS less the hangover, by default. */
const PAUSE_MS = 400;

/**
 * @typedef {object} Side
 * @property {string} text
 * @property {string} [language] Known once the text is final.
 * @property {boolean} isFinal
 * @property {number} [from_ms] When it was said, or begins to play.
 * @property {number} [to_ms]
 */

/**
 * @typedef {object} Turn
 * @property {number} number From 1.
 * @property {string} [speaker] In a room: a participant's id.
 * @property {number} begun_ms When its first message came.
 * @property {Side} source
 * @property {Side} target
 * @property {boolean} isAfterSpeech Whether the speech had ended when its first message came.
 * @property {number} [delay_ms] From the end of speech to the first audio; none where that came before.
 * @property {"live" | "complete" | "interrupted" | "broken"} state
 */

/** @extends {Emitter<{ changed: Turn, completed: Turn, cleared: void }>} */
export class Conversation extends Emitter {
  /** @type {Turn[]} All of them, in the order in which they began. */
  turns = [];
  /** When it began, Unix time in ms. @type {number | null} */
  startedAt = null;
  /** @type {Map<string, Turn>} The turn that is open, for each speaker. */
  #live = new Map();
  /** @type {Map<string, { from_ms: number, to_ms?: number }[]>} Of each speaker: speech that no turn answers yet. */
  #utterances = new Map();
  #now;

  /** @param {() => number} [now] Unix time in ms. */
  constructor(now = Date.now) {
    super();
    this.#now = now;
  }

  /** The time of the conversation. */
  get time_ms() {
    return this.startedAt === null ? 0 : this.#now() - this.startedAt;
  }

  /** Begin to count, if that has not begun. */
  begin() {
    this.startedAt ??= this.#now();
  }

  /** Forget everything. */
  clear() {
    this.turns = [];
    this.startedAt = null;
    this.#live.clear();
    this.#utterances.clear();
    this.emit("cleared", undefined);
  }

  /**
   * Show one that was kept; nothing may be going on.
   *
   * @param {Turn[]} turns
   * @param {number} startedAt
   */
  show(turns, startedAt) {
    this.clear();
    this.startedAt = startedAt;
    this.turns = turns;
    for (const turn of turns) this.emit("changed", turn);
  }

  /** @param {{ state: string, speaker?: string }} event */
  takeState({ state, speaker }) {
    const utterances = this.#utterancesOf(speaker);
    const last = utterances.at(-1);
    if (state === "speaking") {
      if (last?.to_ms !== undefined && this.time_ms - last.to_ms < PAUSE_MS) last.to_ms = undefined;
      else utterances.push({ from_ms: this.time_ms });
    } else if (last && last.to_ms === undefined) {
      last.to_ms = this.time_ms;
    }
  }

  /** @param {{ side: "source" | "target", text: string, isFinal: boolean, language?: string, speaker?: string }} event */
  takeText({ side, text, isFinal, language, speaker }) {
    const turn = this.#open(speaker);
    const { from_ms, to_ms } = turn[side];
    turn[side] = { text, isFinal, language: language ?? turn[side].language, from_ms, to_ms };
    this.emit("changed", turn);
  }

  /**
   * @param {{ duration_ms: number, queued_ms: number, speaker?: string }} event How much sound came, and how much was
   *   there before that is not played.
   */
  takeAudio({ duration_ms, queued_ms, speaker }) {
    const turn = this.#open(speaker);
    const { target } = turn;
    if (target.from_ms === undefined) {
      target.from_ms = target.to_ms = this.time_ms + queued_ms;
      if (turn.isAfterSpeech && turn.source.to_ms !== undefined) turn.delay_ms ??= this.time_ms - turn.source.to_ms;
      this.emit("changed", turn);
    }
    target.to_ms = (target.to_ms ?? 0) + duration_ms;
  }

  /** @param {{ inputText: string, outputText: string, speaker?: string }} event */
  takeTurn({ inputText, outputText, speaker }) {
    const turn = this.#open(speaker);
    this.#live.delete(speaker ?? "");
    turn.source = { ...turn.source, text: inputText, isFinal: true };
    turn.target = { ...turn.target, text: outputText, isFinal: true };
    turn.target.from_ms ??= turn.begun_ms;
    turn.target.to_ms ??= this.time_ms;
    if (turn.state === "live") turn.state = "complete";
    this.emit("changed", turn);
    this.emit("completed", turn);
  }

  /** @param {{ reason: string, speaker?: string }} event */
  takeInterrupted({ reason, speaker }) {
    for (const [of, turn] of this.#live) {
      if (speaker !== undefined && of !== speaker) continue;
      if (reason === "upstream") {
        // Texts and audio of this turn start anew.
        turn.source = { ...turn.source, text: "", isFinal: false };
        turn.target = { text: "", isFinal: false };
      } else if (turn.target.text || turn.target.from_ms !== undefined) {
        turn.state = "interrupted";
        if (turn.target.to_ms !== undefined) turn.target.to_ms = Math.max(turn.target.from_ms ?? 0, this.time_ms);
      }
      this.emit("changed", turn);
    }
  }

  /** The session is gone: what is open stays as it is. */
  breakOff() {
    for (const turn of this.#live.values()) {
      turn.state = "broken";
      this.emit("changed", turn);
      this.emit("completed", turn);
    }
    this.#live.clear();
    this.#utterances.clear();
  }

  /** @param {string} [speaker] */
  #open(speaker) {
    this.begin();
    const key = speaker ?? "";
    let turn = this.#live.get(key);
    if (turn) return turn;
    const { isOver, ...spoken } = this.#spokenFrom(speaker);
    turn = {
      number: this.turns.length + 1,
      ...(speaker && { speaker }),
      begun_ms: this.time_ms,
      source: { text: "", isFinal: false, ...spoken },
      isAfterSpeech: isOver,
      target: { text: "", isFinal: false },
      state: "live",
    };
    this.#live.set(key, turn);
    this.turns.push(turn);
    return turn;
  }

  /** @param {string} [speaker] */
  #utterancesOf(speaker = "") {
    const known = this.#utterances.get(speaker) ?? [];
    this.#utterances.set(speaker, known);
    return known;
  }

  /**
   * From where to where the turn that begins was said: the oldest speech without an answer, as far as it has come.
   *
   * @param {string} [speaker]
   */
  #spokenFrom(speaker) {
    const now_ms = this.time_ms;
    const utterances = this.#utterancesOf(speaker);
    const utterance = utterances[0];
    if (!utterance) return { from_ms: now_ms, to_ms: now_ms, isOver: false };
    const { from_ms, to_ms } = utterance;
    if (to_ms === undefined) utterance.from_ms = now_ms; // a piece of speech that goes on
    else utterances.shift();
    return { from_ms, to_ms: to_ms ?? now_ms, isOver: to_ms !== undefined };
  }
}
