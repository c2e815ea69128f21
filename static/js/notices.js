/** Following a notice marks it as read; the link leads straight to what it is about. */
import { csrfToken } from "./requests.js";

function follow(event) {
  const link = event.target.closest("a[data-notice]");
  if (!link || event.button > 1) return;
  // The page may be left before the answer comes.
  fetch(link.dataset.notice, { method: "POST", keepalive: true, redirect: "manual", headers: { "X-CSRFToken": csrfToken(), "X-Requested-With": "fetch" } }).catch(() => {});
}

document.addEventListener("click", follow);
document.addEventListener("auxclick", follow);
