/** Suggestions while writing: people after an @, exhibits after a #; arrows choose, Enter or Tab takes, Escape leaves. */
import { elementsIn } from "./trusted.js";

const WORD = /(?:^|[\s(])([@#][^\s@#]{0,40}(?: [^\s@#]{1,40})?)$/u;
const ASKED_AFTER = 120;

export class Suggestions {
  #timer;
  #chosen = -1;

  constructor(chat, compose) {
    this.chat = chat;
    this.compose = compose;
    this.box = compose.box;
    this.list = chat.querySelector("#suggestions");
    this.box.setAttribute("aria-controls", "suggestions");
    this.box.addEventListener("input", () => this.#ask());
    this.box.addEventListener("keydown", (event) => this.#key(event), { capture: true });
    this.box.addEventListener("blur", () => setTimeout(() => this.#close(), 150));
    this.list.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      this.#take(event.target.closest("[role=option]"));
    });
    chat.querySelector(".is-mention-button").addEventListener("click", () => this.#begin("@"));
    chat.querySelector(".is-cite").addEventListener("click", () => this.#begin("#"));
  }

  get #typed() {
    return WORD.exec(this.box.value.slice(0, this.box.selectionStart))?.[1];
  }

  #begin(sign) {
    this.box.focus();
    const before = this.box.value.slice(0, this.box.selectionStart);
    this.box.setRangeText(before && !/\s$/.test(before) ? ` ${sign}` : sign, this.box.selectionStart, this.box.selectionEnd, "end");
    this.box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #ask() {
    clearTimeout(this.#timer);
    if (!this.#typed) return this.#close();
    this.#timer = setTimeout(() => this.#fetch(this.#typed), ASKED_AFTER);
  }

  async #fetch(typed) {
    if (!typed) return this.#close();
    const answer = await fetch(`${this.chat.dataset.suggestions}?q=${encodeURIComponent(typed)}`, { headers: { "X-Requested-With": "fetch" } });
    if (!answer.ok || typed !== this.#typed) return;
    this.list.replaceChildren(...elementsIn(await answer.text(), "ul"));
    if (!this.list.children.length) return this.#close();
    this.list.showPopover({ source: this.box });
    this.#choose(0);
  }

  #choose(index) {
    const options = this.list.children;
    this.#chosen = (index + options.length) % options.length;
    for (const [place, option] of [...options].entries()) option.setAttribute("aria-selected", String(place === this.#chosen));
    options[this.#chosen].scrollIntoView({ block: "nearest" });
    this.box.setAttribute("aria-activedescendant", options[this.#chosen].id);
  }

  #key(event) {
    if (!this.list.matches(":popover-open") || event.isComposing) return;
    if (event.key === "ArrowDown") this.#choose(this.#chosen + 1);
    else if (event.key === "ArrowUp") this.#choose(this.#chosen - 1);
    else if (event.key === "Escape") this.#close();
    else if ((event.key === "Enter" || event.key === "Tab") && !event.ctrlKey && !event.metaKey && !event.shiftKey) this.#take(this.list.children[this.#chosen]);
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  #take(option) {
    const typed = this.#typed;
    if (!option || !typed) return;
    const end = this.box.selectionStart;
    this.box.setRangeText(`${option.dataset.word} `, end - typed.length, end, "end");
    this.#close();
    this.box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #close() {
    clearTimeout(this.#timer);
    this.#chosen = -1;
    this.box.removeAttribute("aria-activedescendant");
    if (this.list.matches(":popover-open")) this.list.hidePopover();
  }
}
