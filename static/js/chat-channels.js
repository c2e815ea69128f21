/** How much is unread, in the list of channels and on the tab. */

const lineOf = (channel) => document.querySelector(`[data-channel-line="${channel}"]`);

function show(line, unread) {
  line.querySelector("[data-unread]").textContent = unread;
  line.querySelector(".count").hidden = unread <= 0;
  line.classList.toggle("is-unread", unread > 0);
  showOnTab();
}

function showOnTab() {
  const count = document.querySelector('.tabs a[href$="/chat"] .count');
  if (!count) return;
  const unread = [...document.querySelectorAll("[data-unread]")].reduce((sum, each) => sum + Number(each.textContent), 0);
  count.firstChild.textContent = unread;
  count.hidden = unread === 0;
}

/** Something was said in a channel that is not open here. */
export function heard(channel) {
  const line = lineOf(channel);
  if (line) show(line, Number(line.querySelector("[data-unread]").textContent) + 1);
}

/** The person has read a channel, in this window or another. */
export function read(channel, unread) {
  const line = lineOf(channel);
  if (line) show(line, unread);
}
