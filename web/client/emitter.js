/**
 * Telling whoever listens.
 *
 * @template {{ [name: string]: any }} Events The value that comes with each event, by its name.
 */
export class Emitter {
  /** @type {Map<keyof Events, Set<(value: any) => void>>} */
  #listeners = new Map();

  /**
   * Listen.
   *
   * @template {keyof Events} Name
   * @param {Name} name Which event.
   * @param {(value: Events[Name]) => void} listener Is called with the event's value.
   * @returns {() => void} Stops listening.
   */
  on(name, listener) {
    let listeners = this.#listeners.get(name);
    if (!listeners) this.#listeners.set(name, (listeners = new Set()));
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /**
   * Tell all who listen; one that throws keeps no other from being told.
   *
   * @template {keyof Events} Name
   * @param {Name} name
   * @param {Events[Name]} value
   */
  emit(name, value) {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
