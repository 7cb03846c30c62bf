/** What the user chooses: languages, engine, input, volume. */

import { Emitter } from "../client/emitter.js";
import { languageName, word } from "./words.js";

/**
 * What the server offers: `GET /config`.
 *
 * @typedef {object} Offer
 * @property {[string, string]} languages
 * @property {string[]} targetLanguages
 * @property {{ name: string, whisper: boolean }[]} engines
 * @property {string[]} samples
 */

/** @type {<Kind extends HTMLElement>(id: string) => Kind} */
const by = (id) => /** @type {any} */ (document.getElementById(id));

/** @extends {Emitter<{ session: void, input: void, volume: number }>} What changed: the session's choices, the input. */
export class Settings extends Emitter {
  #spoken = /** @type {HTMLSelectElement} */ (by("spoken"));
  #into = /** @type {HTMLSelectElement} */ (by("into"));
  #engine = /** @type {HTMLSelectElement} */ (by("engine"));
  #input = /** @type {HTMLSelectElement} */ (by("input"));
  #whisper = /** @type {HTMLInputElement} */ (by("whisper"));
  #echo = /** @type {HTMLInputElement} */ (by("echo"));
  #noise = /** @type {HTMLInputElement} */ (by("noise"));
  #volume = /** @type {HTMLInputElement} */ (by("volume"));
  /** @type {Offer} */
  #offer;

  /** @param {Offer} offer */
  constructor(offer) {
    super();
    this.#offer = offer;
    const [first, second] = offer.languages.map(languageName);
    options(this.#spoken, [["auto", word("either", { first, second })], ...offer.languages.map(named)]);
    options(this.#engine, offer.engines.map(({ name }) => [name, name]));
    by("engine-row").hidden = offer.engines.length < 2;
    this.#showTargets();
    this.#showWhisper();
    this.#spoken.onchange = () => {
      this.#showTargets();
      this.emit("session", undefined);
    };
    this.#engine.onchange = () => {
      this.#showWhisper();
      this.emit("session", undefined);
    };
    this.#into.onchange = this.#whisper.onchange = () => this.emit("session", undefined);
    this.#input.onchange = this.#echo.onchange = this.#noise.onchange = () => this.emit("input", undefined);
    this.#volume.oninput = () => this.emit("volume", this.volume);
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.showInputs());
    void this.showInputs();
  }

  /** For `init`. @returns {import("../client/protocol.js").SessionConfig} */
  get config() {
    return {
      language: this.#spoken.value,
      ...(this.#into.value && { targetLanguage: this.#into.value }),
      ...(this.#offer.engines.length > 1 && { engine: this.#engine.value }),
      ...(this.#whisper.checked && { useWhisper: true }),
    };
  }

  /** @returns {import("./session.js").Input} */
  get input() {
    const [kind, name] = this.#input.value.split("|");
    if (kind === "sample") return { kind, name };
    const { checked: echoCancellation } = this.#echo;
    const { checked: noiseSuppression } = this.#noise;
    return { kind: "microphone", deviceId: name || undefined, echoCancellation, noiseSuppression };
  }

  get volume() {
    return Number(this.#volume.value);
  }

  /** Choose the first sample in a language that may be spoken. */
  chooseSample() {
    const spoken = this.#spoken.value;
    const name = this.#offer.samples.find((each) => spoken === "auto" || each.startsWith(`${spoken}-`)) ?? this.#offer.samples[0];
    this.#input.value = `sample|${name}`;
  }

  /** List the microphones, which have names once one was allowed, and the samples. */
  async showInputs() {
    const chosen = this.#input.value;
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    const microphones = devices.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId && deviceId !== "default");
    options(this.#input, [
      ["microphone|", word("defaultMicrophone")],
      ...microphones.map(({ deviceId, label }, n) => [`microphone|${deviceId}`, label || word("microphone", { number: n + 1 })]),
      ...this.#offer.samples.map((name) => [`sample|${name}`, sampleName(name)]),
    ]);
    if ([...this.#input.options].some(({ value }) => value === chosen)) this.#input.value = chosen;
  }

  /** What may come out depends on what is spoken. */
  #showTargets() {
    const spoken = this.#spoken.value;
    const chosen = this.#into.value;
    const targets = this.#offer.targetLanguages.filter((code) => code !== spoken);
    const isPair = targets.length === 1 && this.#offer.languages.includes(targets[0]);
    options(this.#into, isPair ? [["", languageName(targets[0])]] : [["", word("other")], ...targets.map(named)]);
    if (targets.includes(chosen) && !isPair) this.#into.value = chosen;
  }

  #showWhisper() {
    const engine = this.#offer.engines.find(({ name }) => name === this.#engine.value) ?? this.#offer.engines[0];
    by("whisper-row").hidden = !engine?.whisper;
    if (!engine?.whisper) this.#whisper.checked = false;
  }
}

/** @param {string} code @returns {[string, string]} */
function named(code) {
  return [code, languageName(code)];
}

/** @param {string} file Such as `ko-30s-16k.wav`. */
function sampleName(file) {
  const [code, name] = file.replace(/\.wav$/, "").split("-");
  return word("sample", { language: languageName(code), name });
}

/**
 * @param {HTMLSelectElement} select
 * @param {string[][]} entries Values and their texts.
 */
function options(select, entries) {
  select.replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
}
