import { Emitter } from "../client/emitter.js";
import { RoomRefused, linkTo, makeRoom, seatOf } from "./rooms.js";
import { languageName, word } from "./words.js";

/** @type {<Kind extends HTMLElement>(id: string) => Kind} */
const by = (id) => /** @type {any} */ (document.getElementById(id));

/**
 * Making a room, coming to one by a link, and who is there.
 *
 * @extends {Emitter<{ enter: void }>} `enter`: the user wants to go in.
 */
export class RoomView extends Emitter {
  /** The seat to take, if there is one. @type {import("./rooms.js").Seat | null} */
  seat = seatOf(location.hash);
  /** Asked for once, and kept as long as the page is open. */
  #key = "";
  #needsKey = false;

  /** @param {{ rooms: boolean, roomKey: boolean, languages: string[], targetLanguages: string[] }} offer */
  constructor({ rooms, roomKey, languages, targetLanguages }) {
    super();
    this.#needsKey = roomKey;
    by("open-room").hidden = !rooms;
    const options = () => targetLanguages.map((code) => new Option(languageName(code), code));
    by("room-mine").replaceChildren(...options());
    by("room-theirs").replaceChildren(...options());
    by("room-theirs").value = languages.find((code) => code !== by("room-mine").value);
    by("room-key-row").hidden = !roomKey;
    by("room-form").onsubmit = (/** @type {Event} */ event) => {
      event.preventDefault();
      void this.#make();
    };
    by("copy-link").onclick = () => void this.#copy();
    by("share-link").hidden = !navigator.share;
    by("share-link").onclick = () => void navigator.share({ url: by("room-link").value }).catch(() => {});
    by("enter-room").onclick = () => {
      by("room").close();
      this.emit("enter", undefined);
    };
    window.addEventListener("hashchange", () => seatOf(location.hash) && location.reload());
    if (this.seat) this.#welcome(this.seat);
  }

  /** What the session's `init` is to say beside the rest. @returns {import("../client/protocol.js").SessionConfig} */
  get config() {
    if (!this.seat) return {};
    const { id, token, language, name } = this.seat;
    return { language, room: { id, token, ...(name && { name }) } };
  }

  /** @param {import("./people.js").Person[]} people Who is there, oneself not. */
  show(people) {
    const shown = people.map(({ name, language, isSpeaking }) => {
      const item = document.createElement("li");
      item.classList.toggle("speaking", isSpeaking);
      const code = Object.assign(document.createElement("span"), { className: "code", textContent: language.toUpperCase() });
      item.append(name || languageName(language), code);
      return item;
    });
    const nobody = document.createElement("li");
    nobody.textContent = word("alone");
    by("people").replaceChildren(...(shown.length ? shown : [nobody]));
  }

  async #make() {
    const fault = by("room-fault");
    fault.textContent = "";
    this.#key = by("room-key").value || this.#key;
    try {
      const [mine, theirs] = [by("room-mine").value, by("room-theirs").value];
      const made = await makeRoom({ mine, theirs, name: by("room-name").value.trim(), key: this.#key });
      this.seat = made.mine;
      by("room-link").value = linkTo(made.theirs, location.href);
      by("room-key-row").hidden = true;
      by("room-form").hidden = true;
      by("room-made").hidden = false;
      by("copy-link").focus();
      this.#welcome(made.mine);
    } catch (error) {
      const isKey = error instanceof RoomRefused && error.status === 401;
      if (isKey) this.#key = "";
      by("room-key-row").hidden = !this.#needsKey || this.#key !== "";
      const detail = error instanceof RoomRefused ? error.message : String(error);
      fault.textContent = isKey ? word("roomKeyWrong") : word("roomRefused", { detail });
    }
  }

  async #copy() {
    await navigator.clipboard.writeText(by("room-link").value);
    by("copy-link").textContent = word("copied");
    setTimeout(() => (by("copy-link").textContent = word("copyLink")), 3000);
  }

  /** @param {import("./rooms.js").Seat} seat */
  #welcome(seat) {
    document.body.classList.add("in-room");
    for (const each of document.querySelectorAll(".pair")) each.setAttribute("hidden", "");
    by("people").hidden = false;
    this.show([]);
    const empty = by("empty");
    empty.querySelector("h2").textContent = word("joinTitle");
    empty.querySelector("p").textContent = word("joinHint", { language: languageName(seat.language) });
  }
}
