/** What stands around a board: the dialog for a new task, and the chat beside it, fetched only where there is room for it. */
import htmx from "./htmx.js";

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-new-task]");
  const dialog = document.getElementById("new-task");
  if (!link || !dialog || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const form = dialog.querySelector("form");
  if (link.dataset.newTask) form.elements.column.value = link.dataset.newTask;
  // A page that the browser kept from before would else send the token of a task that exists already.
  form.elements.token.value = crypto.randomUUID();
  dialog.showModal();
  form.elements.title.focus();
});

const slot = document.querySelector("[data-panel][data-src]");
const isShown = new IntersectionObserver((entries) => {
  if (!entries.some((entry) => entry.isIntersecting)) return;
  isShown.disconnect();
  htmx.ajax("GET", slot.dataset.src, { source: slot, target: slot, swap: "innerHTML" });
});
if (slot) isShown.observe(slot);
