/**
 * The messages of the protocol as values, pure and total: docs/protocol.md has their meaning.
 */

/** Of the speech that the server sends, in Hz. */
export const OUTPUT_RATE_HZ = 24000;

/**
 * What a session is to be; every field may be left out.
 *
 * @typedef {object} SessionConfig
 * @property {string} [language] What is spoken: a code that the server has, or `"auto"`.
 * @property {string} [targetLanguage] What is to come out.
 * @property {string} [engine] The pipeline that is to serve.
 * @property {boolean} [useWhisper] Asks for source text by Whisper.
 * @property {{ id: string, token: string, name?: string }} [room] A seat in a conversation between people.
 * @property {number} [sampleRate] Of the audio that is sent, in Hz; 16000 where it is left out.
 */

/**
 * What a client shows to go on with a session.
 *
 * @typedef {object} Claim
 * @property {string} sessionId
 * @property {string} resumeToken
 * @property {number} lastSeq The last number that it got.
 * @property {number} firstSample The oldest sample that it can send again.
 */

/**
 * A message of the server: `type`, and the fields of that type.
 *
 * @typedef {{ type: string, seq?: number, [field: string]: any }} ServerMessage
 */

/** @type {Record<string, Record<string, string>>} For each type the fields that have to be there, with their types. */
const REQUIRED = {
  connected: { sessionId: "string" },
  input_transcription: { text: "string", isFinal: "boolean" },
  output_transcription: { text: "string", isFinal: "boolean" },
  audio_response: { data: "string", sampleRate: "number" },
  turn_complete: { inputText: "string", outputText: "string" },
  speech_state: { state: "string", timestamp: "number" },
  interrupted: { reason: "string" },
  warning: { message: "string", code: "string" },
  error: { message: "string" },
  participant_joined: { participantId: "string", name: "string", language: "string" },
  participant_left: { participantId: "string", name: "string", language: "string" },
};

/**
 * A text frame of the server.
 *
 * @param {string} text
 * @returns {ServerMessage | null} `null`: nothing that this client knows; later versions may send such.
 */
export function readMessage(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof message?.type !== "string" || !Object.hasOwn(REQUIRED, message.type)) return null;
  for (const [field, type] of Object.entries(REQUIRED[message.type])) {
    if (typeof message[field] !== type) return null;
  }
  return message;
}

/**
 * `init` for a session that can be resumed, with audio as binary frames.
 *
 * @param {SessionConfig} config
 * @param {Claim | null} claim The session to go on with, if there is one.
 * @returns {string}
 */
export function initMessage(config, claim) {
  return JSON.stringify({ type: "init", config: { ...config, audioEncoding: "binary", resume: claim ?? {} } });
}

/**
 * The samples of a binary frame, or of `data`, decoded.
 *
 * @param {ArrayBuffer} pcm Signed 16 bit little endian.
 * @returns {Int16Array | null} `null`: no samples, or half a one.
 */
export function samplesOf(pcm) {
  if (pcm.byteLength === 0 || pcm.byteLength % 2) return null;
  if (LITTLE_ENDIAN) return new Int16Array(pcm);
  const view = new DataView(pcm);
  return Int16Array.from({ length: pcm.byteLength / 2 }, (_, at) => view.getInt16(2 * at, true));
}

/**
 * Samples as a binary frame.
 *
 * @param {Int16Array} samples
 * @returns {ArrayBuffer}
 */
export function pcmOf(samples) {
  const pcm = new ArrayBuffer(2 * samples.length);
  if (LITTLE_ENDIAN) {
    new Int16Array(pcm).set(samples);
  } else {
    const view = new DataView(pcm);
    samples.forEach((sample, at) => view.setInt16(2 * at, sample, true));
  }
  return pcm;
}

/**
 * The samples of `data` in `audio_response`.
 *
 * @param {string} base64 Standard alphabet, padded.
 * @returns {Int16Array | null} `null`: it is no audio.
 */
export function samplesOfBase64(base64) {
  if (base64.length % 4 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) return null;
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  return samplesOf(bytes.buffer);
}

/**
 * The fields of these names, as far as they are there.
 *
 * @param {ServerMessage} message
 * @param {...string} names
 * @returns {any}
 */
export function pick(message, ...names) {
  return Object.fromEntries(names.filter((name) => name in message).map((name) => [name, message[name]]));
}

/**
 * A configuration that may be shown.
 *
 * @param {SessionConfig} config
 */
export function withoutSecrets({ room, ...config }) {
  return { ...config, ...(room && { room: { ...room, token: "…" } }) };
}

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
