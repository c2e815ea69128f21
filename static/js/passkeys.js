/** jit-passkey[data-ask]: before its form is sent, the browser makes a passkey or uses one; what it answers goes along. */
import { csrfToken } from "./requests.js";
import { toast } from "./toast.js";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const named = (list = []) => list.map((each) => ({ ...each, id: bytes(each.id) }));

/** What the server asked, with bytes where the browser wants bytes. */
function opened(asked) {
  const options = { ...asked, challenge: bytes(asked.challenge) };
  if (asked.user) options.user = { ...asked.user, id: bytes(asked.user.id) };
  if (asked.excludeCredentials) options.excludeCredentials = named(asked.excludeCredentials);
  if (asked.allowCredentials) options.allowCredentials = named(asked.allowCredentials);
  return options;
}

/** What the browser answered, as the server reads it. */
function written({ id, rawId, type, response }) {
  const parts = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const said = parts.filter((name) => response[name]).map((name) => [name, text(response[name])]);
  return JSON.stringify({ id, rawId: text(rawId), type, response: Object.fromEntries(said) });
}

customElements.define("jit-passkey", class extends HTMLElement {
  connectedCallback() {
    this.addEventListener("submit", (event) => {
      const form = event.target;
      if (form.elements.credential.value) return;
      event.preventDefault();
      if (!this.isAsking) this.ask(form);
    });
  }

  async ask(form) {
    this.isAsking = true;
    try {
      const answer = await fetch(this.dataset.ask, { method: "POST", headers: { "X-CSRFToken": csrfToken(), Accept: "application/json" } });
      const asked = await answer.json();
      if (!answer.ok) throw new Error(asked.error);
      const publicKey = opened(asked);
      const made = publicKey.user ? await navigator.credentials.create({ publicKey }) : await navigator.credentials.get({ publicKey });
      form.elements.credential.value = written(made);
    } catch (error) {
      toast(error instanceof DOMException || !error.message ? this.dataset.failed : error.message, "bad");
      return;
    } finally {
      this.isAsking = false;
    }
    form.requestSubmit();
  }
});
