/** A form that is being sent is not sent again: a double click does a thing once. */
const sending = new Set();
const FREED_AFTER = 8000; // an answer that is a download leaves the page standing

function free(form) {
  sending.delete(form);
  form.removeAttribute("aria-busy");
  for (const button of form.querySelectorAll("[data-sending]")) {
    button.removeAttribute("aria-disabled");
    delete button.dataset.sending;
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method === "dialog" || form.method === "get") return;
  if (sending.has(form)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  sending.add(form);
  form.setAttribute("aria-busy", "true");
  for (const button of form.querySelectorAll("button:not([type=button])")) {
    button.setAttribute("aria-disabled", "true");
    button.dataset.sending = "";
  }
  setTimeout(() => {
    if (event.defaultPrevented && !form.hasAttribute("data-htmx-powered")) free(form);
    else setTimeout(() => free(form), FREED_AFTER);
  });
}, { capture: true });

document.addEventListener("htmx:finally:request", (event) => {
  const form = event.target.closest?.("form") ?? event.detail.ctx?.request?.form;
  if (form) free(form);
});
addEventListener("pageshow", () => [...sending].forEach(free));
