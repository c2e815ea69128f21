/**
 * What is typed into form[data-draft] outlives an expired sign-in: it is kept in this window for this person, put back when the form comes
 * again empty, and forgotten when it was sent. With it is kept what it was typed over, so that the server tells when that changed meanwhile.
 */
import { names, person, PREFIX, read, write } from "./drafts-kept.js";

const nameOf = (form) => `${PREFIX}${person}:${form.dataset.draft}`;
const forms = () => document.querySelectorAll("form[data-draft]");

const TYPED_OVER = ["edition", "base"];
const isTyped = (field) => field.name && field.name !== "csrf_token" && !["password", "file", "hidden", "submit", "button"].includes(field.type);
const isKept = (field) => isTyped(field) || (field.type === "hidden" && TYPED_OVER.includes(field.name));
const isTicked = (field) => field.type === "checkbox" || field.type === "radio";

function typed(form) {
  return [...form.elements].filter(isKept).map((field) => [field.name, field.value, isTicked(field) ? field.checked : null]);
}

function isUntouched(form) {
  return [...form.elements].filter(isTyped).every((field) =>
    isTicked(field) ? field.checked === field.defaultChecked : field.type.startsWith("select") || field.value === field.defaultValue);
}

function keep(form, wasSent = false) {
  write(nameOf(form), { typed: typed(form), wasSent });
}

export function forget(form) {
  sessionStorage.removeItem(nameOf(form));
}

/** What went on from this page is sent now, and the page that answers forgets it. */
function sendWaiting() {
  for (const name of names()) {
    const draft = read(name);
    if (draft.waits === location.pathname) write(name, { ...draft, wasSent: true });
  }
}

function putBack(form) {
  const draft = read(nameOf(form));
  if (!draft || !isUntouched(form)) return;
  for (const [name, value, checked] of draft.typed) {
    const fields = [...form.elements].filter((field) => isKept(field) && field.name === name);
    const field = checked === null ? fields[0] : fields.find((one) => one.value === value);
    if (!field) continue;
    if (field.value !== value || (checked !== null && field.checked !== checked)) field.closest("details")?.setAttribute("open", "");
    if (checked === null) field.value = value;
    else field.checked = checked;
  }
  form.dispatchEvent(new Event("input", { bubbles: true }));
}

if (person) {
  forms().forEach(putBack);
  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("form[data-draft]");
    if (form) keep(form);
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches("form[data-draft]")) keep(event.target, true);
    if (event.target.closest("jit-go-on")) sendWaiting();
    if (event.target.matches("[data-signs-out]")) sessionStorage.clear();
  });
  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    const form = ctx.request.form;
    if (form?.matches("[data-draft]") && ctx.request.method !== "GET" && ctx.response.status < 400) forget(form);
  });
}
