/**
 * What is sent before the page's scripts run waits for them: they ask whether one is sure, keep the draft, add what a passkey answers. Where
 * they do not come, it is sent as from a browser without scripts.
 */
let held;

function hold(event) {
  event.preventDefault();
  event.stopImmediatePropagation();
  held = [event.target, event.submitter];
}

function release() {
  document.removeEventListener("submit", hold, { capture: true });
  const [form, submitter] = held ?? [];
  if (form?.isConnected) form.requestSubmit(submitter);
}

document.addEventListener("submit", hold, { capture: true });
document.addEventListener("jit:started", release, { once: true });
// Modules have run by then, if they came; what they fetch besides may still be on its way.
document.addEventListener("DOMContentLoaded", () => "starts" in document.documentElement.dataset || release());
