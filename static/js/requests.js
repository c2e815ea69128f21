/** htmx under the house's rules: no code from strings, our CSRF token, and every refusal said in words. */
import "./htmx.js";
import "htmx.org/dist/ext/hx-csp.js";
import { askToSignIn } from "./dialog.js";
import { toast } from "./toast.js";
import { textIn } from "./trusted.js";

function refuse() {
  throw new Error("this portal runs no code from strings");
}

htmx.registerExtension("house", { init: (api) => api.initSecurity(null, refuse, refuse) });

export const csrfToken = () => document.querySelector('meta[name="csrf-token"]').content;

/** What a page asks by itself says so: it does not keep a sign-in alive that nobody uses (jit_portal/web/session.py). */
export const BY_ITSELF = { "X-Asked-By-Page": "1" };

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement?.matches?.("[data-live], [data-src]")) Object.assign(ctx.request.headers, BY_ITSELF);
  if (!["GET", "HEAD"].includes(ctx.request.method)) ctx.request.headers["X-CSRFToken"] = csrfToken();
});

/** What an error means on screen; true when the answer may take its place in the page, as a form with its faults does. */
function mayShow(status, text, element) {
  const reason = status < 400 ? "" : textIn(text, "#reason");
  if (status < 400 || (status === 422 && !reason)) return true;
  if (status === 401) askToSignIn();
  else if (element?.dataset?.quiet !== undefined) return false;
  else if (status === 404 && element?.dataset?.live) remove(element);
  else toast(reason || document.getElementById("went-wrong").textContent, "bad");
  return false;
}

/** Takes what is no longer shown to this reader off the screen; words take the place of what a page was about. */
function remove(element) {
  const hadFocus = element.contains(document.activeElement);
  if (element.dataset.src && !element.closest(".vanishing")) element.replaceWith(document.getElementById("gone").content.cloneNode(true));
  else element.remove();
  if (hadFocus) document.getElementById("main").focus();
}

document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = event.detail;
  if (ctx.response && !mayShow(ctx.response.status, ctx.text, ctx.target)) event.preventDefault();
});
document.addEventListener("htmx:error", ({ target, detail }) => {
  // For live elements the banner of the connection says it already.
  if (detail.error?.name !== "AbortError" && !target.dataset?.live) toast(document.getElementById("went-wrong").textContent, "bad");
});
