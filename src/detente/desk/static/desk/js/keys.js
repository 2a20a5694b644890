// @ts-check
// The key map: `data-key` holds the place of a key (KeyboardEvent.code), so every layout presses the same one.
// Letters act on the framed entry first, then on the page; digits choose from what is open. It clicks, no more.

const cards = () => /** @type {HTMLElement[]} */ ([...document.querySelectorAll("article[data-case]")]);
let chosen = "";

/** The framed entry: the one the officer chose, else the first. @returns {HTMLElement | undefined} */
function framed() {
  const all = cards();
  return all.find((card) => card.id === chosen) ?? all[0];
}

function frame() {
  const card = framed();
  for (const other of cards()) other.classList.toggle("selected", other === card);
}

/** @param {number} step */
function move(step) {
  const all = cards();
  const next = all[all.indexOf(/** @type {HTMLElement} */ (framed())) + step];
  if (!next) return;
  chosen = next.id;
  next.focus();
  frame();
}

/** @param {ParentNode | null | undefined} scope @param {string} code @returns {HTMLElement | null} */
const find = (scope, code) => scope?.querySelector(`[data-key="${code}"]`) ?? null;

/** @param {string} code @returns {HTMLElement | null} */
function meant(code) {
  const panel = document.querySelector("dialog[open], .panel-page");
  if (code.startsWith("Digit")) {
    const digit = code.slice(5);
    if (panel) return panel.querySelector(`[data-digit="${digit}"], [data-key="${code}"]`);
    return find(framed()?.querySelector("details.menu[open]"), code);
  }
  if (panel) return null;
  const elsewhere = [...document.querySelectorAll(`[data-key="${code}"]`)].find((e) => !e.closest("article"));
  return find(framed(), code) ?? /** @type {HTMLElement | null} */ (elsewhere ?? null);
}

/** @param {EventTarget | null} target */
function typing(target) {
  return target instanceof HTMLTextAreaElement || (target instanceof HTMLInputElement && target.type !== "radio");
}

document.addEventListener("keydown", (event) => {
  const off = document.querySelector("[data-keys]")?.getAttribute("data-keys") === "off";
  if (off || event.repeat || event.ctrlKey || event.altKey || event.metaKey || typing(event.target)) return;
  if (event.code === "Escape") {
    const menu = framed()?.querySelector("details.menu[open]");
    if (menu instanceof HTMLDetailsElement) menu.open = false;
    return;
  }
  if (!document.querySelector("dialog[open]") && (event.code === "KeyJ" || event.code === "KeyK")) {
    move(event.code === "KeyJ" ? 1 : -1);
    return;
  }
  const found = meant(event.code.replace("Numpad", "Digit"));
  if (!found) return;
  event.preventDefault();
  const card = found.closest("article");
  if (card) chosen = card.id;
  found.focus();
  found.click();
  requestAnimationFrame(() => found.parentElement?.scrollIntoView({ block: "nearest" }));
});

document.addEventListener("focusin", (event) => {
  const card = event.target instanceof Element && event.target.closest("article[data-case]");
  if (card && card.id !== chosen) {
    chosen = card.id;
    frame();
  }
});
document.body.addEventListener("htmx:afterSettle", frame);
frame();
