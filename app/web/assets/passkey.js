// Passkeys, the only thing here that needs a script. https://www.w3.org/TR/webauthn-3/#sctn-parseCreationOptionsFromJSON
// A form with data-passkey="create" or "get" asks its data-options address what the browser is to do, has it done, and
// is sent with the answer. Without this script the forms stay hidden and the text beside them tells of the other ways.
"use strict";

const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));

const written = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

const described = (list) => (list || []).map((each) => ({ ...each, id: bytes(each.id) }));

function creation(options) {
  return {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...options.user, id: bytes(options.user.id) },
    excludeCredentials: described(options.excludeCredentials),
  };
}

function request(options) {
  return { ...options, challenge: bytes(options.challenge), allowCredentials: described(options.allowCredentials) };
}

function told(credential) {
  const response = { clientDataJSON: written(credential.response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = written(credential.response[name]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return {
    id: credential.id,
    rawId: written(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment || undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  };
}

async function answer(form) {
  const body = new URLSearchParams({ csrf: form.elements.csrf.value });
  const asked = await fetch(form.dataset.options, { method: "POST", body, credentials: "same-origin" });
  if (!asked.ok) throw new Error(String(asked.status));
  const { ticket, options } = await asked.json();
  const credential =
    form.dataset.passkey === "create"
      ? await navigator.credentials.create({ publicKey: creation(options) })
      : await navigator.credentials.get({ publicKey: request(options) });
  form.elements.ticket.value = ticket;
  form.elements.answer.value = JSON.stringify(told(credential));
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    if (form.elements.answer.value) return;
    event.preventDefault();
    const problem = form.querySelector("[role=alert]");
    problem.textContent = "";
    try {
      await answer(form);
      form.submit();
    } catch {
      problem.textContent = form.dataset.failed;
    }
  });
}
