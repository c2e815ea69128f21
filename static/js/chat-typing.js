/** Who is writing just now; a name goes when nothing more is heard of it. */

const SHOWN_FOR = 5000;
const writing = new Map();

function show(chat) {
  const line = chat.querySelector("[data-typing]");
  const [name, other] = [...writing.values()].map((each) => each.name);
  const words = writing.size > 2 ? line.dataset.many : writing.size === 2 ? line.dataset.two : line.dataset.one;
  line.querySelector("[data-who]").textContent = writing.size ? words.replace("{name}", name).replace("{other}", other) : "";
  line.querySelector(".typing-dots").hidden = !writing.size;
}

export function showTyping(chat, { channel, person, name }) {
  if (channel !== chat.dataset.channel) return;
  clearTimeout(writing.get(person)?.timer);
  writing.set(person, { name, timer: setTimeout(() => stopTyping(chat, person), SHOWN_FOR) });
  show(chat);
}

/** She said it, or went silent. */
export function stopTyping(chat, person) {
  clearTimeout(writing.get(person)?.timer);
  writing.delete(person);
  show(chat);
}
