/** Older messages come when the top comes into view, and what is read stays where it stands. */

/** Let the conversation's link load what was said earlier; ask(question) answers {html, more}, or nothing. */
export function letLoadEarlier(chat, list, ask) {
  const link = chat.querySelector("[data-earlier]");
  if (!link) return;
  const { scroller } = list;

  async function load() {
    if (link.ariaBusy === "true") return;
    link.ariaBusy = "true";
    const answer = await ask(`before=${list.first}`);
    const below = scroller.scrollHeight - scroller.scrollTop;
    if (answer) list.put(answer.html);
    if (answer && !answer.more) link.remove();
    scroller.scrollTop = scroller.scrollHeight - below;
    link.ariaBusy = "false";
  }

  link.addEventListener("click", (event) => { event.preventDefault(); load(); });
  new IntersectionObserver(([entry]) => entry.isIntersecting && load(), { root: scroller, rootMargin: "200px 0px 0px" }).observe(link);
}
