// @ts-check
// Carries a passkey ceremony between the server and the browser; what it signs was made by the server.

/** @param {string} text base64url @returns {ArrayBuffer} */
function bytes(text) {
  const binary = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(binary, (c) => c.charCodeAt(0)).buffer;
}

/** @param {ArrayBuffer} buffer @returns {string} standard base64 */
const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));
/** @param {ArrayBuffer} buffer @returns {string} base64url */
const base64url = (buffer) => base64(buffer).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** @param {any} options */
async function get(options) {
  const ids = options.allowCredentials.map((/** @type {any} */ c) => ({ ...c, id: bytes(c.id) }));
  const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: ids };
  const credential = /** @type {any} */ (await navigator.credentials.get({ publicKey }));
  const answer = credential.response;
  return {
    credential: base64(credential.rawId),
    authenticator_data: base64(answer.authenticatorData),
    client_data: base64(answer.clientDataJSON),
    signature: base64(answer.signature),
  };
}

/** @param {any} options */
async function create(options) {
  const user = { ...options.user, id: bytes(options.user.id) };
  const publicKey = { ...options, challenge: bytes(options.challenge), user, excludeCredentials: [] };
  const credential = /** @type {any} */ (await navigator.credentials.create({ publicKey }));
  const { clientDataJSON, attestationObject } = credential.response;
  return {
    id: credential.id,
    rawId: base64url(credential.rawId),
    type: credential.type,
    response: { clientDataJSON: base64url(clientDataJSON), attestationObject: base64url(attestationObject) },
  };
}

/** @param {HTMLFormElement} form @param {string} address @param {BodyInit} body @param {string} type */
async function post(form, address, body, type) {
  const token = /** @type {HTMLInputElement} */ (form.elements.namedItem("csrfmiddlewaretoken")).value;
  const headers = { "X-CSRFToken": token, ...(type ? { "Content-Type": type } : {}) };
  return (await fetch(address, { method: "POST", body, headers })).json();
}

/** @param {HTMLFormElement} form @param {string} sentence */
function say(form, sentence) {
  const box = /** @type {HTMLElement} */ (form.querySelector("[data-said]"));
  box.hidden = !sentence;
  /** @type {HTMLElement} */ (box.firstElementChild).textContent = sentence;
}

/** @param {HTMLFormElement} form */
async function ceremony(form) {
  const { passkey, options, answer } = form.dataset;
  const offered = await post(form, options ?? "", new FormData(form), "");
  if (offered.refused) return say(form, offered.refused);
  const signed = passkey === "create" ? await create(offered) : await get(offered);
  const done = await post(form, answer ?? "", JSON.stringify(signed), "application/json");
  if (done.refused) return say(form, done.refused);
  window.location.assign(done.next);
}

for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll("form[data-passkey]"))) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    say(form, "");
    const words = /** @type {HTMLElement} */ (form.querySelector("[data-words]")).dataset;
    const none = !window.isSecureContext || !navigator.credentials;
    if (none) return say(form, words.unsupported ?? "");
    ceremony(form).catch(() => say(form, words.cancelled ?? ""));
  });
}
