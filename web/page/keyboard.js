/**
 * The keys of the page: space mutes, escape interrupts, Ctrl+Enter starts and ends.
 *
 * A key that the focused control needs stays its own, and so do all while a dialog is open.
 *
 * @param {{ mute: () => void, interrupt: () => void, toggle: () => void }} actions
 */
export function listenToKeys({ mute, interrupt, toggle }) {
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]") || event.isComposing) return;
    const action = actionOf(event, { mute, interrupt, toggle });
    if (!action) return;
    event.preventDefault();
    if (!event.repeat) action();
  });
}

/**
 * @param {KeyboardEvent} event
 * @param {{ mute: () => void, interrupt: () => void, toggle: () => void }} actions
 */
function actionOf(event, { mute, interrupt, toggle }) {
  const target = /** @type {HTMLElement} */ (event.target);
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) return toggle;
  if (event.key === "Escape" && isPlain) return interrupt;
  if (event.key === " " && isPlain && !target.closest("button, a, input, select, textarea, summary")) return mute;
  return undefined;
}
