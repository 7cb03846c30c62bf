/**
 * What runs between Start and End: client, speaker and a source of speech, and the conversation that they make.
 */

import { Emitter } from "../client/emitter.js";
import { InterpreterClient, Microphone, OUTPUT_RATE_HZ, Recording, Speaker } from "../interpreter-client.js";
import { People } from "./people.js";

/**
 * @typedef {object} Input
 * @property {"microphone" | "sample"} kind
 * @property {string} [deviceId] Of the microphone.
 * @property {string} [name] Of the sample.
 * @property {boolean} [echoCancellation]
 * @property {boolean} [noiseSuppression]
 */

/**
 * @typedef {"idle" | "opening" | "running" | "finishing"} Phase
 * @typedef {"idle" | "silent" | "speaking" | "processing" | "interpreting" | "muted" | "waiting"} State
 *
 * @typedef {object} SessionEvents
 * @property {Phase} phase
 * @property {State} state What people see at a glance, when it changes.
 * @property {number} voice Level of the speaker's voice, from 0 to 1.
 * @property {import("../client/speaker.js").SpeakerReport} played
 * @property {import("../interpreter-client.js").StatusEvent} status
 * @property {import("../interpreter-client.js").ClientEvents["connected"]} connected
 * @property {{ code?: string, message: string, ms?: number }} told A warning, or a message that was refused.
 * @property {Error} failed No speech: the source could not be opened.
 * @property {void} lost The microphone is gone.
 * @property {boolean} muted
 * @property {InterpreterClient} made A client, before it starts.
 * @property {import("./people.js").Person[]} people In a room: who else is there, whenever that or who speaks changes.
 */

/** @extends {Emitter<SessionEvents>} */
export class Session extends Emitter {
  #conversation;
  #url;
  /** @type {InterpreterClient | null} */
  #client = null;
  /** @type {Speaker | null} */
  #speaker = null;
  /** @type {Microphone | Recording | null} */
  #source = null;
  /** The source that was asked for last, until it is closed. @type {Promise<Microphone | Recording> | null} */
  #opening = null;
  /** @type {Phase} */
  #phase = "idle";
  #speech = "silent";
  /** What was told last. @type {State} */
  #state = "idle";
  #isMuted = false;
  /** Between asking for silence and the answer, what comes is not played. */
  #isHushed = false;
  #volume = 1;
  #people = new People((others) => this.emit("people", others));

  /**
   * @param {string | URL} url Of the WebSocket.
   * @param {import("./conversation.js").Conversation} conversation
   */
  constructor(url, conversation) {
    super();
    this.#url = url;
    this.#conversation = conversation;
  }

  get phase() {
    return this.#phase;
  }

  get isMuted() {
    return this.#isMuted;
  }

  /**
   * Somebody in the room.
   *
   * @param {string} id
   */
  person(id) {
    return this.#people.named(id);
  }

  get isAudible() {
    return this.#speaker?.isAwake ?? true;
  }

  /** From 0 to 1. @param {number} volume */
  set volume(volume) {
    this.#volume = volume;
    if (this.#speaker) this.#speaker.volume = volume;
  }

  /**
   * Begin; call it from a click or a key, or the browser plays nothing.
   *
   * @param {import("../client/protocol.js").SessionConfig} config
   * @param {Input} input
   */
  async start(config, input) {
    if (this.#phase !== "idle") return;
    this.#enter("opening");
    this.#isMuted = false;
    this.emit("muted", false);
    try {
      this.#speaker ??= await this.#openSpeaker();
      await this.#speaker.wake();
      await this.#openSource(input);
    } catch (error) {
      this.emit("failed", /** @type {Error} */ (error));
      this.#closeSource();
      this.#enter("idle");
      return;
    }
    this.#conversation.begin();
    this.#client = this.#makeClient(config);
    this.emit("made", this.#client);
    this.#speech = "silent";
    this.#enter("running");
    this.#client.start();
  }

  /** End when what was said is interpreted; called a second time, at once. */
  async end() {
    if (this.#phase === "finishing") return this.#client?.stop();
    if (this.#phase !== "running") return;
    this.#closeSource();
    this.#enter("finishing");
    await this.#client?.finish();
  }

  /** End at once, and begin again with other choices, if a session runs. */
  async restart(config, input) {
    if (this.#phase !== "running") return;
    const wasMuted = this.#isMuted;
    this.#client?.stop();
    await this.start(config, input);
    if (wasMuted && this.#phase === "running") this.mute(true);
  }

  /** Take speech from elsewhere, and leave the session as it is. @param {Input} input */
  async changeInput(input) {
    if (this.#phase !== "running") return;
    this.#closeSource();
    try {
      await this.#openSource(input);
    } catch (error) {
      this.emit("failed", /** @type {Error} */ (error));
    }
  }

  /** @param {boolean} isMuted */
  mute(isMuted) {
    if (this.#phase !== "running") return;
    this.#isMuted = isMuted;
    if (this.#source) this.#source.isMuted = isMuted;
    this.emit("muted", isMuted);
    this.#tellState();
  }

  /** Stop what plays, at once; the server stops what it has not sent. */
  interrupt() {
    void this.#speaker?.clear();
    this.#isHushed = this.#client?.interrupt() ?? false;
  }

  /** Sound may have been held back until somebody does something. */
  wake() {
    void this.#speaker?.wake();
  }

  /** The network is back. */
  retry() {
    this.#client?.retry();
  }

  async #openSpeaker() {
    const speaker = await Speaker.open({ volume: this.#volume });
    speaker.on("report", (report) => {
      this.emit("played", report);
      this.#tellState();
    });
    return speaker;
  }

  /** @param {Input} input */
  async #openSource(input) {
    const opening = this.#makeSource(input);
    this.#opening = opening;
    const source = await opening;
    if (this.#opening !== opening) return source.close();
    this.#source = source;
    source.isMuted = this.#isMuted;
  }

  /** @param {Input} input */
  async #makeSource({ kind, name, deviceId, echoCancellation, noiseSuppression }) {
    const send = (samples) => this.#client?.send(samples);
    if (kind === "sample") {
      const response = await fetch(`samples/${name}`);
      if (!response.ok) throw new Error("sampleFailed");
      const recording = await Recording.open(await response.arrayBuffer(), send);
      recording.on("level", (level) => this.emit("voice", level));
      recording.on("ended", () => void this.end());
      return recording;
    }
    const microphone = await Microphone.open(send, { deviceId, echoCancellation, noiseSuppression });
    microphone.on("level", (level) => this.emit("voice", level));
    microphone.on("lost", () => {
      this.#closeSource();
      this.emit("lost", undefined);
    });
    return microphone;
  }

  #closeSource() {
    this.#opening = null;
    this.#source?.close();
    this.#source = null;
    this.emit("voice", 0);
  }

  /** @param {import("../client/protocol.js").SessionConfig} config */
  #makeClient(config) {
    const client = new InterpreterClient(this.#url, config);
    const conversation = this.#conversation;
    const isInRoom = config.room !== undefined;
    client.on("text", (text) => conversation.takeText(text));
    client.on("audio", ({ samples }) => {
      const queued_ms = (this.#speaker?.report.queued_secs ?? 0) * 1000;
      // In a room sound comes as it is to be heard, and nobody says whose it is.
      if (!isInRoom) conversation.takeAudio({ duration_ms: (samples.length / OUTPUT_RATE_HZ) * 1000, queued_ms });
      if (!this.#isHushed) this.#speaker?.play(samples);
    });
    client.on("turn", (turn) => {
      if (!isInRoom) this.#speaker?.endOfTurn();
      conversation.takeTurn(turn);
    });
    client.on("interrupted", (interrupted) => {
      if (!interrupted.speaker) {
        this.#isHushed = false;
        void this.#speaker?.clear();
      }
      if (!isInRoom || interrupted.speaker) conversation.takeInterrupted(interrupted);
    });
    client.on("state", (state) => {
      if (!state.speaker || state.speaker === this.#people.self) this.#speech = state.state;
      if (state.speaker) this.#people.speaks(state.speaker, state.state === "speaking");
      conversation.takeState(state);
      this.#tellState();
    });
    client.on("joined", (person) => this.#people.joined(person));
    client.on("left", (person) => this.#people.left(person));
    client.on("connected", (connected) => {
      this.#people.self = connected.participantId;
      this.#isHushed = false;
      if (!connected.resumed) this.#people.clear();
      if (connected.isFresh) {
        conversation.breakOff();
        this.#speech = "silent";
        this.#tellState();
      }
      this.emit("connected", connected);
    });
    client.on("warning", (warning) => this.emit("told", warning));
    client.on("fault", (fault) => this.emit("told", fault));
    client.on("status", (status) => {
      if (status.status === "ended") this.#ended(client);
      this.emit("status", status);
      this.#tellState();
    });
    return client;
  }

  /** @param {InterpreterClient} client */
  #ended(client) {
    if (this.#client !== client) return;
    this.#client = null;
    this.#closeSource();
    this.#conversation.breakOff();
    this.#enter("idle");
  }

  /** @param {Phase} phase */
  #enter(phase) {
    this.#phase = phase;
    this.emit("phase", phase);
    this.#tellState();
  }

  #tellState() {
    const state = this.#stateNow();
    if (state === this.#state) return;
    this.#state = state;
    this.emit("state", state);
  }

  /** @returns {State} */
  #stateNow() {
    const isPlaying = this.#speaker?.report.isPlaying ?? false;
    if (this.#phase !== "running" && this.#phase !== "finishing") return isPlaying ? "interpreting" : "idle";
    if (this.#client?.status === "connecting" || this.#client?.status === "reconnecting") {
      return isPlaying ? "interpreting" : "waiting";
    }
    if (this.#speech === "speaking") return "speaking";
    if (isPlaying) return "interpreting";
    if (this.#speech === "processing") return "processing";
    return this.#isMuted ? "muted" : "silent";
  }
}
