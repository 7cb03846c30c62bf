/** Keeps a phone's screen on while people talk: a phone that sleeps hears nothing. */
export class WakeLock {
  /** @type {WakeLockSentinel | null} */
  #lock = null;
  #isWanted = false;

  constructor() {
    // The browser lets go of it whenever the page is not seen.
    document.addEventListener("visibilitychange", () => void this.#take());
  }

  /** @param {boolean} isWanted */
  set isWanted(isWanted) {
    this.#isWanted = isWanted;
    if (isWanted) void this.#take();
    else void this.#lock?.release();
  }

  async #take() {
    if (!this.#isWanted || document.visibilityState !== "visible") return;
    try {
      this.#lock = (await navigator.wakeLock?.request("screen")) ?? null;
    } catch {
      this.#lock = null; // a battery that is low: the conversation goes on without
    }
    if (!this.#isWanted) void this.#lock?.release();
  }
}
