/**
 * Notices as they come: what is unread is counted on every page, and what its reader chose to see at once pops up. Following one
 * marks it as read; the link leads straight to what it is about.
 */
import { csrfToken } from "./requests.js";
import { show } from "./toast.js";

const POPPED = "popped";
const REMEMBERED = 20;
const arrived = document.getElementById("arrived");

function follow(event) {
  const link = event.target.closest("a[data-notice]");
  if (!link || event.button > 1) return;
  // The page may be left before the answer comes.
  fetch(link.dataset.notice, { method: "POST", keepalive: true, redirect: "manual", headers: { "X-CSRFToken": csrfToken(), "X-Requested-With": "fetch" } }).catch(() => {});
}

/** Whether this window has not shown it before, on this page or the last; from now on it has. */
function isNew(element) {
  const popped = JSON.parse(sessionStorage.getItem(POPPED) ?? "[]");
  const { popped: id } = element.dataset;
  if (popped.includes(id)) return false;
  sessionStorage.setItem(POPPED, JSON.stringify([id, ...popped].slice(0, REMEMBERED)));
  return true;
}

function takeIn() {
  for (const said of arrived.querySelectorAll("[data-unread]")) {
    for (const shown of document.querySelectorAll(`.app [data-unread="${said.dataset.unread}"], .drawer [data-unread="${said.dataset.unread}"]`)) shown.replaceChildren(said.cloneNode(true).firstElementChild ?? "");
  }
  for (const element of arrived.querySelectorAll("[data-popped]")) if (isNew(element)) show(element.cloneNode(true));
}

document.addEventListener("click", follow);
document.addEventListener("auxclick", follow);
if (arrived) new MutationObserver(takeIn).observe(arrived, { childList: true, subtree: true });
