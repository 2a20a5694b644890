// @ts-check
// Ticks the clocks and counts down to instants the server gave. It decides nothing: at zero it stands still.

const asOf = Number(document.documentElement.dataset.asOf) * 1000;
const skew = asOf ? asOf - Date.now() : 0;

/** @param {number} offset seconds from UTC @returns {string} `2026-11-23T10:41:07.000Z` of that wall clock */
const wall = (offset) => new Date(Date.now() + skew + offset * 1000).toISOString();

/** @param {number} seconds @returns {string} `1:05` or `2:01:05` */
function span(seconds) {
  const left = Math.max(0, seconds);
  const [h, m, s] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
  const tail = String(s).padStart(2, "0");
  return h ? `${h}:${String(m).padStart(2, "0")}:${tail}` : `${m}:${tail}`;
}

/** @param {string} selector @param {(element: HTMLElement) => string} text */
function fill(selector, text) {
  for (const element of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(selector))) {
    const next = text(element);
    if (element.textContent !== next) element.textContent = next;
  }
}

function tick() {
  fill("[data-clock]", (e) => wall(Number(e.dataset.clock)).slice(11, 19));
  fill("[data-day]", (e) => wall(Number(e.dataset.day)).slice(0, 10));
  fill("[data-due]", (e) => span(Number(e.dataset.due) - Math.floor((Date.now() + skew) / 1000)));
}

tick();
setInterval(tick, 250);
