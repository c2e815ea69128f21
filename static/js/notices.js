/**
 * Notices as they come: what is unread is counted on every page, and what its reader chose to see at once pops up. Following one
 * marks it as read; the link leads straight to what it is about.
 */
import { csrfToken } from "./requests.js";
import { drop, show } from "./toast.js";

const POPPED = "popped";
const REMEMBERED = 200;
const MOST_AT_ONCE = 3;
const STANDS_FOR = 30000;
const arrived = document.getElementById("arrived");

function follow(event) {
  const link = event.target.closest("a[data-notice]");
  if (!link || event.button > 1) return;
  // The page may be left before the answer comes.
  fetch(link.dataset.notice, { method: "POST", keepalive: true, redirect: "manual", headers: { "X-CSRFToken": csrfToken(), "X-Requested-With": "fetch" } }).catch(() => {});
}

function count() {
  for (const said of arrived.querySelectorAll("[data-notices]"))
    for (const shown of document.querySelectorAll(`:is(.app, .drawer) [data-notices="${said.dataset.notices}"]`)) shown.replaceChildren(...said.cloneNode(true).childNodes);
}

/** Those that this window has not shown before, on this page or the last; from now on it has. The newest come first. */
function unseen(elements) {
  const popped = JSON.parse(sessionStorage.getItem(POPPED) ?? "[]");
  const found = elements.filter((element) => !popped.includes(element.dataset.popped));
  if (found.length) sessionStorage.setItem(POPPED, JSON.stringify([...found.map((element) => element.dataset.popped), ...popped].slice(0, REMEMBERED)));
  return found;
}

const standing = () => [...document.querySelectorAll("#toasts [data-popped]")];

/** What was read meanwhile, or is no longer shown to this reader, leaves the screen with it. */
function takeIn() {
  count();
  const here = [...arrived.querySelectorAll("[data-popped]")];
  const ids = new Set(here.map((element) => element.dataset.popped));
  standing().filter((element) => !ids.has(element.dataset.popped)).forEach(drop);
  for (const element of unseen(here).slice(0, MOST_AT_ONCE).reverse()) show(element.cloneNode(true), STANDS_FOR);
  standing().slice(0, -MOST_AT_ONCE).forEach(drop);
}

document.addEventListener("click", follow);
document.addEventListener("auxclick", follow);
if (arrived) new MutationObserver(takeIn).observe(arrived, { childList: true, subtree: true, characterData: true, attributes: true });
