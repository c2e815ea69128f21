/**
 * jit-chat: one live conversation. What is pushed is put in by its number; whatever was missed (a gap, a lost connection, another
 * language) is fetched from the server, which renders it for this reader alone.
 */
import * as channels from "./chat-channels.js";
import { Citations } from "./chat-citations.js";
import { Compose } from "./chat-compose.js";
import { letLoadEarlier } from "./chat-earlier.js";
import { MessageList } from "./chat-list.js";
import { Outbox } from "./chat-outbox.js";
import { Reading } from "./chat-reading.js";
import { Suggestions } from "./chat-suggest.js";
import { askToSignIn, confirm } from "./dialog.js";
import { socket } from "./live.js";
import { BY_ITSELF } from "./requests.js";
import { toast } from "./toast.js";
import { showTyping, stopTyping } from "./chat-typing.js";

const ARRIVES_WITHIN = 2000;

customElements.define("jit-chat", class extends HTMLElement {
  #catching = null;
  #heard = { message: (said) => this.#message(said), read: (mark) => this.reading.moved(mark), typing: (who) => showTyping(this, who), connect: () => this.#connected(), look_again: () => this.#connected() };

  connectedCallback() {
    this.channel = this.dataset.channel;
    this.list = new MessageList(this);
    this.list.start();
    this.citations = new Citations(this.list, (numbers) => this.#renderAgain(numbers));
    this.isPast = "isPast" in this.dataset;
    this.reading = new Reading(this, this.list);
    if (this.querySelector("form.compose") && !this.isPast) this.#startWriting();
    for (const [event, act] of Object.entries(this.#heard)) socket.on(event, act);
    this.list.scroller.addEventListener("scroll", () => this.reading.looked());
    this.querySelector("[data-to-newest]").addEventListener("click", () => this.#toNewest());
    this.addEventListener("click", (event) => this.#pressed(event));
    this.seen = () => this.reading.looked();
    document.addEventListener("visibilitychange", this.seen);
    this.changed = ({ detail }) => this.#changed(detail);
    document.addEventListener("jit:changed", this.changed);
    if (!this.isPast) letLoadEarlier(this, this.list, (question) => this.#fetch(question));
    if (socket.connected) this.#connected();
  }

  disconnectedCallback() {
    for (const [event, act] of Object.entries(this.#heard)) socket.off(event, act);
    document.removeEventListener("visibilitychange", this.seen);
    document.removeEventListener("jit:changed", this.changed);
  }

  #startWriting() {
    this.compose = new Compose(this, { send: (text) => this.outbox.add(text), editLast: () => this.#editLast() });
    this.suggestions = new Suggestions(this, this.compose);
    this.outbox = new Outbox(this, this.list, { arrived: (number, item) => this.#arrived(number, item), takenBack: (text) => this.compose.giveBack(text) });
    if (this.outbox.waiting.length) this.list.toEnd();
  }

  async #connected() {
    await this.#catchUp();
    if (this.isGone) return;
    this.citations.again();
    this.outbox?.flush();
    this.reading.looked();
  }

  /** Who may no longer hear the channel loses what is shown of it. */
  async #changed(what) {
    if (what.noun === "membership" || what.noun === "workspace") await this.#fetch("numbers=", BY_ITSELF);
    if (!this.isGone) this.citations.changed(what);
  }

  async #renderAgain(numbers) {
    const answer = await this.#fetch(`numbers=${numbers}`, BY_ITSELF);
    if (answer) this.#put(answer.html);
  }

  #close() {
    this.isGone = true;
    this.disconnectedCallback();
    this.replaceChildren(this.querySelector("template[data-gone]").content);
  }

  #message({ channel, number, edition, language, html }) {
    if (channel !== this.channel) return edition === 1 && channels.heard(channel);
    if (this.isPast) return;
    const isNext = number === this.list.last + 1;
    if (language !== document.documentElement.lang || (number > this.list.last && !isNext)) return this.#catchUp();
    if (number >= this.list.first || isNext) this.#put(html);
  }

  /** Fetch what was said since, and what changed of what is shown; several calls at once are one. */
  #catchUp() {
    this.#catching ??= this.#fetchSince().finally(() => { this.#catching = null; });
    return this.#catching;
  }

  async #fetchSince() {
    if (this.isPast) return;
    for (let more = true; more; ) {
      const answer = await this.#fetch(`after=${this.list.last}&first=${this.list.first}`, BY_ITSELF);
      if (!answer) return;
      this.#put(answer.html);
      more = answer.more;
    }
  }

  async #fetch(question, more = {}) {
    const answer = await fetch(`${this.dataset.src}?${question}`, { headers: { Accept: "application/json", "X-Requested-With": "fetch", ...more } }).catch(() => null);
    if (answer?.status === 401) askToSignIn();
    if (answer?.status === 404 && !this.isGone) this.#close();
    return answer?.ok ? answer.json().catch(() => null) : null; // a lost connection is said by the banner, and asked again when it is back
  }

  #put(html) {
    const wasAtEnd = this.list.isAtEnd;
    const fresh = this.list.put(html);
    if (!fresh.length) return wasAtEnd && this.list.toEnd();
    for (const item of fresh) {
      this.list.list.querySelector(`.is-pending[data-waits="${item.dataset.number}"]`)?.remove();
      stopTyping(this, item.dataset.author);
    }
    this.querySelector(".earlier .empty")?.remove();
    const isMine = fresh.some((item) => item.matches(".is-mine"));
    if (wasAtEnd || isMine) this.list.toEnd();
    else this.querySelector("[data-to-newest]").hidden = false;
    this.reading.looked();
  }

  /** The server has it under this number; what is shown of it comes by push, or is fetched when that does not come. */
  #arrived(number, item) {
    if (this.list.item(number)) return item.remove();
    item.dataset.waits = number;
    setTimeout(() => item.isConnected && this.#catchUp(), ARRIVES_WITHIN);
  }

  #toNewest() {
    this.list.toEnd();
    this.reading.looked();
  }

  async #pressed(event) {
    const item = event.target.closest(".message");
    if (event.target.closest("[data-edit]") && this.compose) {
      event.preventDefault();
      this.compose.edit(item);
    } else if (event.target.closest("[data-withdraw]") && (await confirm(this.querySelector("[data-ask-withdraw]").textContent))) {
      const answer = await socket.emitWithAck("message:withdraw", { message: item.dataset.message });
      if (!answer.ok) toast(answer.reason, "bad");
    }
  }

  #editLast() {
    const mine = [...this.list.list.querySelectorAll(".message.is-mine:not(.is-withdrawn)")].at(-1);
    if (mine) this.compose.edit(mine);
  }
});
