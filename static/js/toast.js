/** Short messages in the corner, and words for screen readers alone. */

const SHOWN_FOR = 7000;
const corner = document.getElementById("toasts");

function leave(element, after) {
  setTimeout(() => {
    if (document.hidden || element.matches(":hover, :focus-within")) leave(element, after);
    else element.remove();
  }, after);
}

/** Show a toast in the corner. What went wrong stays until it is dismissed. */
export function show(element, after = SHOWN_FOR) {
  corner.append(element);
  if (element.matches(".is-info, .is-ok")) leave(element, after);
}

/** Take a toast away; where the focus was in it, it goes on to the next, or into the page. */
export function drop(element) {
  const hadFocus = element.contains(document.activeElement);
  element.remove();
  if (hadFocus) (corner.querySelector("[data-toast-close]") ?? document.getElementById("main")).focus();
}

/** Show text; kind "info", "ok", "warn" or "bad". */
export function toast(text, kind = "info") {
  const element = document.getElementById(`toast-${kind}`).content.firstElementChild.cloneNode(true);
  element.querySelector("p").textContent = text;
  for (const other of corner.children) if (other.textContent === element.textContent) other.remove();
  show(element);
}

/** Say text to screen readers at once, without showing it. */
export function announce(text) {
  const announcer = document.getElementById("announcer");
  announcer.textContent = "";
  setTimeout(() => { announcer.textContent = text; }, 50);
}

corner.addEventListener("click", (event) => {
  const closed = event.target.closest("[data-toast-close]")?.closest(".toast");
  if (closed) drop(closed);
});

// What a page brings with it is not announced by a live region, so it is put in again.
for (const element of [...corner.children]) {
  element.remove();
  setTimeout(() => show(element), 120);
}
