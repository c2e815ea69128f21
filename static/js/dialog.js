/** Dialogs: invoker buttons where the browser lacks them, "are you sure", and signing in again. */

if (!("commandForElement" in HTMLButtonElement.prototype))
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[commandfor]");
    const dialog = button && document.getElementById(button.getAttribute("commandfor"));
    if (!dialog) return;
    if (button.getAttribute("command") === "show-modal") dialog.showModal();
    else if (button.getAttribute("command") === "close") dialog.close();
  });

if (!("closedBy" in HTMLDialogElement.prototype))
  document.addEventListener("click", (event) => {
    if (event.target.matches?.('dialog[closedby="any"]')) event.target.close();
  });

/** Ask in a dialog; resolves to true when the person says yes. */
export function confirm(text) {
  const dialog = document.getElementById("confirm");
  document.getElementById("confirm-text").textContent = text;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

/** The sign-in has ended: what the page showed is hidden, uploads aside, and the way back is offered. */
export function askToSignIn() {
  document.documentElement.dataset.signedOut = "";
  const dialog = document.getElementById("signed-out");
  if (dialog && !dialog.open) dialog.showModal();
}

const agreed = new WeakSet();

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const text = event.submitter?.dataset.confirm ?? form.dataset.confirm;
  if (!text || agreed.delete(form)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!(await confirm(text))) return;
  agreed.add(form);
  form.requestSubmit(event.submitter);
}, { capture: true });

document.addEventListener("htmx:confirm", async (event) => {
  event.preventDefault();
  if (await confirm(event.detail.ctx.confirm)) event.detail.issueRequest();
  else event.detail.dropRequest();
});
