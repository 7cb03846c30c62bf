import { languageName } from "./words.js";

/**
 * @typedef {import("../interpreter-client.js").Participant & { isSpeaking: boolean }} Person
 */

/** Who is in a room, who was, and who speaks. */
export class People {
  /** Who one is oneself. @type {string | undefined} */
  self;
  /** @type {Map<string, Person>} */
  #here = new Map();
  /** Of everybody who was there. @type {Map<string, string>} */
  #names = new Map();
  #onChange;

  /** @param {(others: Person[]) => void} onChange Is told who else is there, whenever that or who speaks changes. */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /**
   * Somebody who is there, or was.
   *
   * @param {string} id
   */
  named(id) {
    return { name: this.#names.get(id) ?? "", isSelf: id === this.self };
  }

  /** @param {import("../interpreter-client.js").Participant} person */
  joined(person) {
    this.#here.set(person.participantId, { ...person, isSpeaking: false });
    this.#names.set(person.participantId, person.name || languageName(person.language));
    this.#tell();
  }

  /** @param {import("../interpreter-client.js").Participant} person */
  left({ participantId }) {
    this.#here.delete(participantId);
    this.#tell();
  }

  /**
   * @param {string} id
   * @param {boolean} isSpeaking
   */
  speaks(id, isSpeaking) {
    const person = this.#here.get(id);
    if (!person) return;
    person.isSpeaking = isSpeaking;
    this.#tell();
  }

  /** Nobody is there that one knows of. */
  clear() {
    this.#here.clear();
    this.#tell();
  }

  #tell() {
    this.#onChange([...this.#here.values()].filter(({ participantId }) => participantId !== this.self));
  }
}
