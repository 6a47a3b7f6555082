// Passkeys (WebAuthn Level 2 §5.1): a button asks the authenticator and posts its answer with the form that it stands in.
// Without this file, or in a browser that knows no passkeys, the buttons stay hidden and the other ways remain.

const octets = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
const written = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const named = (list) => (list ?? []).map((one) => ({ ...one, id: octets(one.id) }));

const ways = {
  get: async (options) => navigator.credentials.get({ publicKey: {
    ...options, challenge: octets(options.challenge), allowCredentials: named(options.allowCredentials),
  } }),
  create: async (options) => navigator.credentials.create({ publicKey: {
    ...options, challenge: octets(options.challenge), user: { ...options.user, id: octets(options.user.id) },
    excludeCredentials: named(options.excludeCredentials),
  } }),
};

function answer(credential) {
  const { response } = credential;
  const parts = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) parts[name] = written(response[name]);
  }
  if (response.getTransports) parts.transports = response.getTransports();
  const id = written(credential.rawId);
  return JSON.stringify({ id, rawId: id, type: credential.type, response: parts, clientExtensionResults: {} });
}

async function use(button) {
  const form = button.form, failed = form.querySelector("[data-failed]");
  if (!form.reportValidity()) return;
  failed.hidden = true;
  button.disabled = true;
  try {
    let options;
    if (button.dataset.source) {
      const asked = await (await fetch(button.dataset.source, { cache: "no-store" })).json();
      form.querySelector("[data-ticket]").value = asked.ticket;
      options = asked.options;
    } else {
      options = JSON.parse(button.dataset.options);
    }
    form.querySelector("[data-answer]").value = answer(await ways[button.dataset.passkey](options));
    form.submit();
  } catch {
    failed.hidden = false; // the person said no, or the device has no passkey of theirs: the browser tells neither
    button.disabled = false;
  }
}

if (window.PublicKeyCredential) {
  for (const notice of document.querySelectorAll("[data-without-script]")) notice.hidden = true;
  for (const button of document.querySelectorAll("[data-passkey]")) {
    button.hidden = false;
    button.addEventListener("click", () => use(button));
  }
}
