// @ts-check
// Keeps what the officer had open, framed and focused when a part of the page is replaced.

/** @type {Map<string, boolean>} */
const open = new Map();
let focused = "";

/** @param {Element | null} element @returns {string} a selector that finds the same thing in the new part */
function trace(element) {
  if (!element || element === document.body) return "";
  if (element.id) return `#${CSS.escape(element.id)}`;
  const owner = element.closest("[id]");
  const key = element.getAttribute("data-key");
  const inside = key ? `[data-key="${key}"]` : element.tagName.toLowerCase();
  return owner ? `#${CSS.escape(owner.id)} ${inside}` : "";
}

document.body.addEventListener("htmx:beforeSwap", (event) => {
  const target = /** @type {CustomEvent} */ (event).detail.target;
  focused = target.contains(document.activeElement) ? trace(document.activeElement) : "";
  for (const details of target.querySelectorAll("details[id]")) open.set(details.id, details.open);
});

document.body.addEventListener("htmx:afterSwap", () => {
  for (const [id, was] of open) {
    const details = document.getElementById(id);
    if (details instanceof HTMLDetailsElement) details.open = was;
  }
  open.clear();
  const again = focused && document.querySelector(focused);
  if (again instanceof HTMLElement) again.focus({ preventScroll: true });
});
// An act was sent: its menu is done with.
document.body.addEventListener("submit", (event) => {
  const menu = event.target instanceof Element && event.target.closest("details.menu");
  if (menu instanceof HTMLDetailsElement) menu.open = false;
});
