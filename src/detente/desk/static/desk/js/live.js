// @ts-check
// Follows the desk's event stream and tells the parts of the page to ask again. Events carry ids only.
// One tab of a browser holds the stream (browsers allow six connections a host); the others hear from it.

const STALE_MS = 15000;
const channel = new BroadcastChannel("detente-events");
let heard = Date.now();
/** @type {Map<string, number>} */
const waiting = new Map();

/** @param {string} name */
function ask(name) {
  if (waiting.has(name)) return;
  waiting.set(name, window.setTimeout(() => {
    waiting.delete(name);
    document.body.dispatchEvent(new CustomEvent(name));
  }, 60));
}

/** @param {string} type */
function hear(type) {
  heard = Date.now();
  if (type === "beat") return;
  if (type !== "status") ask("detente:cases");
  ask("detente:lines");
}

function follow() {
  const source = new EventSource("/events");
  for (const type of ["entry", "status", "alarm", "peer", "resync", "beat"]) {
    source.addEventListener(type, () => {
      hear(type);
      channel.postMessage(type);
    });
  }
  return new Promise(() => {});
}

channel.addEventListener("message", (event) => hear(String(event.data)));
if (navigator.locks) navigator.locks.request("detente-events", follow);
else follow();

setInterval(() => {
  const stale = document.getElementById("stale");
  if (stale) stale.hidden = Date.now() - heard < STALE_MS;
}, 1000);
