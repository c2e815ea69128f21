/**
 * What a form still lacks is said beside the field and in the portal's words, where the browser would show a bubble of its own in its own
 * language. template#fault draws it and holds the words; a field may have its own in data-missing.
 */
const template = document.getElementById("fault");
const errorOf = (control) => document.getElementById(`${control.id}-error`);

function describe(control, id, isWrong) {
  const ids = new Set((control.getAttribute("aria-describedby") ?? "").split(" ").filter(Boolean));
  ids[isWrong ? "add" : "delete"](id);
  if (ids.size) control.setAttribute("aria-describedby", [...ids].join(" "));
  else control.removeAttribute("aria-describedby");
  if (isWrong) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
}

function clear(control) {
  errorOf(control)?.remove();
  describe(control, `${control.id}-error`, false);
  control.closest(".has-error")?.classList.remove("has-error");
}

function say(control, place) {
  clear(control);
  const error = template.content.firstElementChild.cloneNode(true);
  error.id = `${control.id}-error`;
  error.querySelector("[data-words]").textContent = control.validity.valueMissing ? control.dataset.missing || template.dataset.missing : template.dataset.wrong;
  if (place.matches(".field")) control.before(error);
  else place.append(error);
  if (place.matches(".field, .choice")) place.classList.add("has-error");
  describe(control, error.id, true);
  const change = () => {
    if (!control.validity.valid) return;
    clear(control);
    control.removeEventListener("input", change);
  };
  control.addEventListener("input", change);
}

let first = null;

document.addEventListener("invalid", (event) => {
  const control = event.target;
  const place = control.closest(".field, .choice, form:not(.compose)");
  if (!control.id) return;
  event.preventDefault();
  if (place) say(control, place);
  if (first) return;
  first = control;
  // Every other field of the form is told in the same breath; the first of them is where to begin.
  setTimeout(() => {
    const folded = control.closest("details:not([open])");
    if (folded) folded.open = true;
    control.focus({ preventScroll: true });
    (place ?? control).scrollIntoView({ block: "nearest" });
    first = null;
  });
}, { capture: true });
