/**
 * Telling whoever listens.
 *
 * @template {{ [name: string]: any }} Events The value that comes with each event, by its name.
 */
export declare class Emitter<Events extends {
    [name: string]: any;
}> {
    #private;
    /**
     * Listen.
     *
     * @template {keyof Events} Name
     * @param {Name} name Which event.
     * @param {(value: Events[Name]) => void} listener Is called with the event's value.
     * @returns {() => void} Stops listening.
     */
    on<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void): () => void;
    /**
     * Tell all who listen; one that throws keeps no other from being told.
     *
     * @template {keyof Events} Name
     * @param {Name} name
     * @param {Events[Name]} value
     */
    emit<Name extends keyof Events>(name: Name, value: Events[Name]): void;
}
