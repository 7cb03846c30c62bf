/** What the page says, in the browser's language as far as the page speaks it; only that one is loaded. */

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
const { words } = await import(`./words-${language}.js`);

/**
 * A text of the page.
 *
 * @param {string} key
 * @param {{ [name: string]: string | number }} [values] What stands for `{name}` in it.
 * @returns {string}
 */
export function word(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

/** Whether there is a text of this name. @param {string | undefined} key */
export function hasWord(key) {
  return key !== undefined && Object.hasOwn(words, key);
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
