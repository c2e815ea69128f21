/** The list of a conversation: items are put where their number belongs, each once, and only the newest edition of each stays. */
import { elementsIn } from "./trusted.js";

const NEAR = 120;
// A smooth scroll by key or wheel that is under way goes on from wherever a script has put the list meanwhile.
const SCROLLS_ON_FOR = 800;
const GESTURES = ["keydown", "pointerdown", "touchstart", "wheel"];
const numberOf = (item) => Number(item.dataset.number);

export class MessageList {
  #heldUntil = 0;

  constructor(chat) {
    this.scroller = chat.querySelector(".messages");
    this.list = chat.querySelector(".message-list");
    this.first = Number(chat.dataset.first);
    this.last = Number(chat.dataset.last);
    this.scroller.addEventListener("scrollend", () => performance.now() < this.#heldUntil && this.#putAtEnd());
    this.#keepLineAboveBox();
    for (const gesture of GESTURES) chat.addEventListener(gesture, () => { this.#heldUntil = 0; }, { capture: true, passive: true });
  }

  /** What is typed makes the box taller, and so does a phone's keyboard: the line that stands above the box stays there. */
  #keepLineAboveBox() {
    let height = this.scroller.clientHeight;
    new ResizeObserver(() => {
      const lost = height - this.scroller.clientHeight;
      height = this.scroller.clientHeight;
      if (lost > 0) this.scroller.scrollTop += lost;
    }).observe(this.scroller);
  }

  item(number) {
    return this.list.querySelector(`.message[data-number="${number}"]`);
  }

  get isAtEnd() {
    return this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < NEAR;
  }

  /** To the newest message, and to stay there unless the person goes elsewhere. */
  toEnd() {
    this.#heldUntil = performance.now() + SCROLLS_ON_FOR;
    this.#putAtEnd();
  }

  #putAtEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  /** Put in what the server rendered; answers the items that are new here, in order. */
  put(html) {
    const fresh = [];
    let day = null;
    for (const item of elementsIn(html, "ol")) {
      if (item.matches(".day")) day = item;
      else if (this.#place(item, day)) fresh.push(item);
    }
    this.#tidyDays();
    return fresh;
  }

  #place(item, day) {
    const number = numberOf(item);
    this.#mark(item);
    const known = this.item(number);
    if (known) {
      if (Number(known.dataset.edition) <= Number(item.dataset.edition) && !known.isEqualNode(item)) this.#replace(known, item);
      return false;
    }
    const next = [...this.list.querySelectorAll(".message[data-number]")].find((other) => numberOf(other) > number);
    const before = next ? this.#firstLineAbove(next) : this.list.querySelector(".is-pending");
    if (day) this.list.insertBefore(day.cloneNode(true), before);
    this.list.insertBefore(item, before);
    this.first = this.first ? Math.min(this.first, number) : number;
    this.last = Math.max(this.last, number);
    return true;
  }

  #replace(known, item) {
    const hadFocus = known.contains(document.activeElement);
    known.replaceWith(item);
    if (hadFocus) this.scroller.focus({ preventScroll: true });
  }

  /** The day line of a message belongs to it: what comes before the message comes before that line. */
  #firstLineAbove(item) {
    let line = item;
    while (line.previousElementSibling?.matches(".day")) line = line.previousElementSibling;
    return line;
  }

  #tidyDays() {
    const seen = new Set();
    for (const line of this.list.querySelectorAll(".day[data-day]")) {
      const day = line.dataset.day + line.dataset.zone;
      if (seen.has(day)) line.remove();
      seen.add(day);
    }
  }

  /** What mentions the reader stands out. */
  #mark(root) {
    const me = document.querySelector('meta[name="viewer"]').content;
    for (const word of root.querySelectorAll(`.is-mention[data-person="${me}"]`)) word.classList.add("is-me");
  }

  start() {
    this.#mark(this.list);
    const line = this.list.querySelector("#unread");
    if (line) line.scrollIntoView({ block: "center" });
    else this.toEnd();
  }
}
