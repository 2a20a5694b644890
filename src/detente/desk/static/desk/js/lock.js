// @ts-check
// Locks the screen after the idle time the party has set; the page says how long, the server does the locking.

const after = Number(document.body.dataset.lockAfter ?? 0) * 1000;
let last = Date.now();

if (after) {
  for (const kind of ["pointermove", "keydown", "pointerdown"]) {
    document.addEventListener(kind, () => { last = Date.now(); }, { passive: true });
  }
  setInterval(() => {
    const lock = document.querySelector('[data-key="KeyL"]');
    if (Date.now() - last > after && lock instanceof HTMLButtonElement) lock.form?.requestSubmit(lock);
  }, 1000);
}
