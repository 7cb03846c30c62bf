/** Every word of the page, in the languages that it speaks. */

/** @typedef {{ [key: string]: string }} Words */

/** @type {Words} */
const ENGLISH = {
  title: "Live interpreter",
  skip: "Skip to the conversation",
  spoken: "Spoken",
  into: "Into",
  either: "{first} or {second}",
  other: "the other one",
  engine: "Engine",
  input: "Speech from",
  defaultMicrophone: "Default microphone",
  microphone: "Microphone {number}",
  sample: "Sample: {language}, {name}",
  settings: "Settings",
  close: "Close",
  echoCancellation: "Echo cancellation",
  noiseSuppression: "Noise suppression",
  whisper: "Source text by Whisper",
  volume: "Volume",
  keep: "Keep conversations on this device",
  keepHint: "Off: nothing is kept once this page closes. On: in this browser only.",
  kept: "Kept conversations",
  keptNone: "None yet.",
  keptTurns: "{count} turns",
  clearAll: "Clear all",
  keys: "Keys",
  keyMute: "mute, and unmute",
  keyInterrupt: "stop the interpretation that plays",
  keyStart: "start, and end",
  space: "Space",
  escape: "Esc",
  start: "Start",
  starting: "Starting …",
  end: "End",
  ending: "Finishing …",
  mute: "Mute",
  unmute: "Unmute",
  interrupt: "Stop speaking",
  captions: "Captions",
  captionsOff: "Leave captions",
  transcript: "Transcript",
  copy: "Copy",
  copied: "Copied.",
  text: "Text",
  which: "Subtitles of",
  source: "What was said",
  target: "Interpretation",
  latest: "Latest",
  newConversation: "New conversation",
  tryTitle: "Speak. It is heard in the other language.",
  tryHint: "Press Start, allow the microphone, and talk as you would. The interpretation is read out and written down here while the conversation goes on.",
  trySample: "Try it with sample speech",
  conversation: "Conversation",
  youLevel: "Your voice",
  outLevel: "Interpreter's voice",
  idle: "Ready",
  silent: "Listening",
  speaking: "Speech",
  processing: "Interpreting …",
  interpreting: "Speaking the interpretation",
  muted: "Muted",
  offline: "Not connected",
  connecting: "Connecting …",
  connected: "Connected",
  reconnecting: "Reconnecting …",
  ended: "Ended",
  delay: "Delay {secs} s",
  delayLabel: "From the end of speech to its interpretation",
  tryAgain: "Try now",
  dismiss: "Dismiss",
  again: "Next try in {secs} s.",
  resumed: "The connection was lost and is back. Nothing was missed.",
  fresh: "The server began a new session. What is shown here stays; what was just being said may be missing.",
  interruptedTurn: "stopped",
  brokenTurn: "broken off",
  playBlocked: "The browser holds the sound back. Press any button of this page to let it play.",
  micDenied: "The microphone is not allowed. Allow it in the browser's address bar for this page, then press Start again. Or try sample speech.",
  micMissing: "No microphone was found. Connect one and press Start again, or try sample speech.",
  micBusy: "The microphone can't be used; another program may hold it. Close that one, or choose another microphone.",
  micInsecure: "Browsers allow the microphone only on pages over https, or on localhost. Open this page there, or try sample speech.",
  micLost: "The microphone is gone. Connect it again, or choose another one in Settings; the session waits.",
  micFailed: "The microphone could not be started ({detail}).",
  sampleFailed: "The sample could not be loaded.",
  historyFailed: "This browser does not let the page keep conversations.",
  configFailed: "The server does not say what it offers; it may be starting. Reload the page to try again.",
  UNREACHABLE: "The server can't be reached.",
  REFUSED: "The server lets no page of this address in. Its operator has to add {origin} to CORS_ORIGINS.",
  LOST: "The connection was lost. What you say is kept for a minute and sent when it is back.",
  CLOSED: "The session was closed; another window may have taken it over.",
  UNSUPPORTED_LANGUAGE: "The server does not interpret between these languages. Choose others and press Start.",
  INIT_TIMEOUT: "The server waited too long for this page to begin.",
  IDLE_TIMEOUT: "Nothing was said for a long time, so the server ended the session. Press Start to go on.",
  SESSION_EXPIRED: "The session reached its longest time; a new one begins.",
  MESSAGE_TOO_LARGE: "The server refused audio as too long. Press Start to go on.",
  RATE_LIMITED: "Audio came faster than the server allows. Press Start to go on.",
  SERVER_BUSY: "All places of the server are taken at the moment.",
  SHUTTING_DOWN: "The server is being restarted.",
  UPSTREAM_AUTH: "The server's access to its interpreting service is refused. Only its operator can help.",
  UPSTREAM_QUOTA: "The quota of the interpreting service is used up.",
  UPSTREAM_UNAVAILABLE: "The interpreting service can't be reached.",
  INTERNAL: "The server had a fault.",
  INVALID_MESSAGE: "The server does not take this choice ({detail}).",
  UNKNOWN_TYPE: "The server did not understand this page. Reload it.",
  NOT_READY: "The server did not understand this page. Reload it.",
  ALREADY_INIT: "The server did not understand this page. Reload it.",
  INVALID_AUDIO: "The server could not use a piece of audio.",
  WHISPER_UNAVAILABLE: "Whisper is not available; the source text comes from the interpreting service.",
  SPEECH_DROPPED: "{secs} s of speech could not be interpreted. Please say it again.",
  UPSTREAM_RECONNECTED: "The interpreting service was away for a moment; it catches up.",
  AUDIO_LOST: "{secs} s of speech were lost with the connection. Please say it again.",
  GLOSSARY_MISSED: "A term of the glossary may be interpreted otherwise than agreed.",
  debug: "Development",
  saveTrace: "Save trace",
  withAudio: "with audio",
};

/** @type {Words} */
const KOREAN = {
  title: "실시간 통역",
  skip: "대화로 건너뛰기",
  spoken: "말하는 언어",
  into: "통역 언어",
  either: "{first} 또는 {second}",
  other: "상대 언어",
  engine: "엔진",
  input: "음성 입력",
  defaultMicrophone: "기본 마이크",
  microphone: "마이크 {number}",
  sample: "샘플: {language}, {name}",
  settings: "설정",
  close: "닫기",
  echoCancellation: "에코 제거",
  noiseSuppression: "소음 제거",
  whisper: "Whisper로 원문 표시",
  volume: "음량",
  keep: "이 기기에 대화 보관",
  keepHint: "끄면 페이지를 닫을 때 아무것도 남지 않습니다. 켜면 이 브라우저에만 보관합니다.",
  kept: "보관한 대화",
  keptNone: "아직 없습니다.",
  keptTurns: "{count}개 발화",
  clearAll: "모두 삭제",
  keys: "단축키",
  keyMute: "음소거 및 해제",
  keyInterrupt: "재생 중인 통역 멈추기",
  keyStart: "시작 및 종료",
  space: "스페이스",
  escape: "Esc",
  start: "시작",
  starting: "시작하는 중…",
  end: "종료",
  ending: "마무리하는 중…",
  mute: "음소거",
  unmute: "음소거 해제",
  interrupt: "통역 멈추기",
  captions: "자막 모드",
  captionsOff: "자막 모드 끝내기",
  transcript: "대화 기록",
  copy: "복사",
  copied: "복사했습니다.",
  text: "텍스트",
  which: "자막 내용",
  source: "원문",
  target: "통역문",
  latest: "최신 대화로",
  newConversation: "새 대화",
  tryTitle: "말씀하시면 상대 언어로 들려 드립니다.",
  tryHint: "시작을 누르고 마이크를 허용한 뒤 평소처럼 말씀하세요. 대화가 이어지는 동안 통역을 들려 드리고 여기에 적어 둡니다.",
  trySample: "샘플 음성으로 체험하기",
  conversation: "대화",
  youLevel: "내 목소리",
  outLevel: "통역 음성",
  idle: "준비됨",
  silent: "듣는 중",
  speaking: "말하는 중",
  processing: "통역하는 중…",
  interpreting: "통역을 들려주는 중",
  muted: "음소거됨",
  offline: "연결 안 됨",
  connecting: "연결하는 중…",
  connected: "연결됨",
  reconnecting: "다시 연결하는 중…",
  ended: "종료됨",
  delay: "지연 {secs}초",
  delayLabel: "말이 끝난 뒤 통역이 시작될 때까지 걸린 시간",
  tryAgain: "지금 다시 시도",
  dismiss: "닫기",
  again: "{secs}초 뒤 다시 시도합니다.",
  resumed: "끊어졌던 연결이 복구되었습니다. 빠진 내용은 없습니다.",
  fresh: "서버가 새 세션을 시작했습니다. 여기 보이는 대화는 그대로 남지만, 방금 하시던 말씀은 빠졌을 수 있습니다.",
  interruptedTurn: "멈춤",
  brokenTurn: "중단됨",
  playBlocked: "브라우저가 소리 재생을 막고 있습니다. 페이지의 아무 버튼이나 누르면 재생됩니다.",
  micDenied: "마이크가 허용되지 않았습니다. 브라우저 주소창에서 이 페이지의 마이크를 허용한 뒤 시작을 다시 눌러 주세요. 샘플 음성으로 체험하실 수도 있습니다.",
  micMissing: "마이크를 찾을 수 없습니다. 마이크를 연결하고 시작을 다시 눌러 주세요. 샘플 음성으로 체험하실 수도 있습니다.",
  micBusy: "마이크를 사용할 수 없습니다. 다른 프로그램이 쓰고 있을 수 있습니다. 그 프로그램을 닫거나 다른 마이크를 선택해 주세요.",
  micInsecure: "브라우저는 https 페이지나 localhost에서만 마이크를 허용합니다. 그 주소로 여시거나 샘플 음성으로 체험해 보세요.",
  micLost: "마이크 연결이 끊어졌습니다. 다시 연결하거나 설정에서 다른 마이크를 선택해 주세요. 세션은 기다립니다.",
  micFailed: "마이크를 시작하지 못했습니다({detail}).",
  sampleFailed: "샘플을 불러오지 못했습니다.",
  historyFailed: "이 브라우저에서는 대화를 보관할 수 없습니다.",
  configFailed: "서버가 제공하는 기능을 알려 주지 않습니다. 시작하는 중일 수 있으니 페이지를 새로 고쳐 주세요.",
  UNREACHABLE: "서버에 연결할 수 없습니다.",
  REFUSED: "서버가 이 주소의 페이지를 받아들이지 않습니다. 운영자가 CORS_ORIGINS에 {origin}을(를) 추가해야 합니다.",
  LOST: "연결이 끊어졌습니다. 하시는 말씀은 1분 동안 보관했다가 연결되면 보냅니다.",
  CLOSED: "세션이 닫혔습니다. 다른 창에서 이어받았을 수 있습니다.",
  UNSUPPORTED_LANGUAGE: "서버가 이 언어들 사이의 통역을 제공하지 않습니다. 다른 언어를 선택하고 시작을 눌러 주세요.",
  INIT_TIMEOUT: "페이지가 시작하기를 서버가 너무 오래 기다렸습니다.",
  IDLE_TIMEOUT: "오랫동안 대화가 없어 서버가 세션을 끝냈습니다. 계속하려면 시작을 눌러 주세요.",
  SESSION_EXPIRED: "세션의 최대 시간이 지나 새 세션을 시작합니다.",
  MESSAGE_TOO_LARGE: "오디오가 너무 길어 서버가 거부했습니다. 계속하려면 시작을 눌러 주세요.",
  RATE_LIMITED: "서버가 허용하는 것보다 빠르게 오디오를 보냈습니다. 계속하려면 시작을 눌러 주세요.",
  SERVER_BUSY: "지금은 서버에 빈자리가 없습니다.",
  SHUTTING_DOWN: "서버를 다시 시작하고 있습니다.",
  UPSTREAM_AUTH: "통역 서비스가 이 서버의 접근을 거부했습니다. 운영자만 해결할 수 있습니다.",
  UPSTREAM_QUOTA: "통역 서비스의 사용 한도를 모두 썼습니다.",
  UPSTREAM_UNAVAILABLE: "통역 서비스에 연결할 수 없습니다.",
  INTERNAL: "서버에 오류가 발생했습니다.",
  INVALID_MESSAGE: "서버가 이 선택을 받아들이지 않습니다({detail}).",
  UNKNOWN_TYPE: "서버가 이 페이지를 이해하지 못했습니다. 새로 고쳐 주세요.",
  NOT_READY: "서버가 이 페이지를 이해하지 못했습니다. 새로 고쳐 주세요.",
  ALREADY_INIT: "서버가 이 페이지를 이해하지 못했습니다. 새로 고쳐 주세요.",
  INVALID_AUDIO: "서버가 오디오 일부를 처리하지 못했습니다.",
  WHISPER_UNAVAILABLE: "Whisper를 사용할 수 없어 통역 서비스의 원문을 보여 드립니다.",
  SPEECH_DROPPED: "{secs}초 분량의 말씀을 통역하지 못했습니다. 다시 말씀해 주세요.",
  UPSTREAM_RECONNECTED: "통역 서비스 연결이 잠시 끊어졌다가 복구되었습니다. 밀린 내용을 통역하고 있습니다.",
  AUDIO_LOST: "연결이 끊어지면서 {secs}초 분량의 말씀이 사라졌습니다. 다시 말씀해 주세요.",
  GLOSSARY_MISSED: "용어집의 용어가 정해진 대로 통역되지 않았을 수 있습니다.",
  debug: "개발자 보기",
  saveTrace: "기록 저장",
  withAudio: "오디오 포함",
};

export const WORDS = { en: ENGLISH, ko: KOREAN };

/**
 * The first of the browser's languages that the page speaks.
 *
 * @param {readonly string[]} languages As `navigator.languages`.
 * @returns {"en" | "ko"}
 */
export function chosenLanguage(languages) {
  for (const tag of languages) {
    const language = tag.split("-")[0].toLowerCase();
    if (language === "ko" || language === "en") return language;
  }
  return "en";
}

export const language = chosenLanguage(globalThis.navigator?.languages ?? []);

/**
 * A text of the page.
 *
 * @param {string} key
 * @param {{ [name: string]: string | number }} [values] What stands for `{name}` in it.
 * @returns {string}
 */
export function word(key, values = {}) {
  return (WORDS[language][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** Whether there is a text of this name. @param {string | undefined} key */
export function hasWord(key) {
  return key !== undefined && Object.hasOwn(WORDS.en, key);
}

const names = new Intl.DisplayNames([language], { type: "language" });

/**
 * The name of a language, in the page's.
 *
 * @param {string} code BCP-47.
 */
export function languageName(code) {
  try {
    return names.of(code) ?? code;
  } catch {
    return code;
  }
}

/** Put the page's words where the document names them: `data-word` as text, `data-label` as name and tooltip. */
export function translate() {
  document.documentElement.lang = language;
  document.title = word("title");
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const element of document.querySelectorAll("[data-label]")) label(element, element.dataset.label);
}

/**
 * Name an element that shows no text.
 *
 * @param {HTMLElement} element
 * @param {string} key
 */
export function label(element, key) {
  element.setAttribute("aria-label", word(key));
  if (element.matches("button")) element.title = word(key);
}
