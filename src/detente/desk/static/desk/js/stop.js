// @ts-check
// Press 1 opens the panel, press 2 chooses the meaning and leads to the place, press 3 sends.

for (const opener of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("[data-opens]"))) {
  const panel = document.getElementById(opener.dataset.opens ?? "");
  if (!(panel instanceof HTMLDialogElement)) continue;
  opener.addEventListener("click", (event) => {
    event.preventDefault();
    if (!panel.open) panel.showModal();
    /** @type {HTMLElement | null} */ (panel.querySelector("input[type=radio]"))?.focus();
  });
  panel.addEventListener("change", (event) => {
    const chosen = event.target;
    if (!(chosen instanceof HTMLInputElement) || chosen.type !== "radio" || arrows) return;
    /** @type {HTMLElement | null} */ (panel.querySelector("#place"))?.focus();
  });
  panel.querySelector("[data-closes]")?.addEventListener("click", () => panel.close());
}

// Arrow keys walk through the meanings: only a press or a digit moves on to the place.
let arrows = false;
document.addEventListener("keydown", (event) => { arrows = event.key.startsWith("Arrow"); }, true);
document.addEventListener("pointerdown", () => { arrows = false; }, true);
