/**
 * jit-board: cards move by pointer, by Alt and an arrow on the card, and by its menu. A move shows at once; when the server refuses it,
 * the card goes where it really is and the reason is said. What others do arrives by socket and is put in place.
 */
import "./board-page.js";
import { letAct } from "./board-acts.js";
import { askFor } from "./board-asking.js";
import { letDrag } from "./board-drag.js";
import { columnOf, count, placeOf, put, putByRank, say, write } from "./board-places.js";
import htmx from "./htmx.js";
import { socket } from "./live.js";
import { announce, toast } from "./toast.js";

const NO_ID = "00000000-0000-0000-0000-000000000000";

class Board extends HTMLElement {
  /** Cards on their way to the server, each with where it is wanted next. */
  wanted = new Map();

  connectedCallback() {
    this.stops = new AbortController();
    const move = (card, column, next) => this.move(card, column, next);
    this.stopDrag = letDrag(this, move);
    letAct(this, move, this.stops.signal);
    this.counting = new MutationObserver(() => count(this));
    this.counting.observe(this, { childList: true, subtree: true });
    this.onMoved = (place) => this.moved(place);
    this.onChanged = (what) => this.changed(what);
    socket?.on("task_moved", this.onMoved);
    socket?.on("changed", this.onChanged);
  }

  disconnectedCallback() {
    this.stops.abort();
    this.stopDrag();
    this.counting.disconnect();
    socket?.off("task_moved", this.onMoved);
    socket?.off("changed", this.onChanged);
  }

  card(id) {
    return this.querySelector(`[data-card="${CSS.escape(id)}"]`);
  }

  /** Show the card before `next` in the column, or last, say so, and ask the server for it. */
  move(card, column, next) {
    if (next === card || (columnOf(card) === column && card.nextElementSibling === (next ?? null))) return;
    put(card, column, next);
    card.querySelector(".card-title").focus();
    card.scrollIntoView({ block: "nearest", inline: "nearest" });
    announce(say(this.dataset.saidMoved, card));
    const id = card.dataset.card;
    const isOnItsWay = this.wanted.has(id);
    this.wanted.set(id, placeOf(card));
    if (!isOnItsWay) this.send(id);
  }

  async send(id) {
    let where;
    while ((where = this.wanted.get(id))) {
      const card = this.card(id);
      const answer = card ? await askFor(card, { ...where, edition: Number(card.dataset.edition) }, this.dataset.saidSlow) : { ok: false };
      const isNewest = this.wanted.get(id) === where;
      if (isNewest || !answer.ok) this.wanted.delete(id);
      if (answer.ok) this.settle(id, answer.place, isNewest);
      else await this.refused(id, answer);
    }
  }

  /** Take the place that the server gave; while a newer move is on its way, only what that move must know. */
  settle(id, place, isNewest) {
    const card = this.card(id);
    if (!card || Number(card.dataset.edition) > place.edition) return;
    const isOld = write(card, place);
    if (!isNewest) return;
    putByRank(this, card);
    if (isOld) this.fetchCard(id);
  }

  async refused(id, { reason }) {
    if (reason) toast(reason, "bad");
    await this.fetchCard(id);
  }

  moved(place) {
    const card = this.card(place.id);
    if (this.wanted.has(place.id) || (card && Number(card.dataset.edition) >= place.edition)) return;
    if (!card || this.hasAttribute("data-filtered")) return this.fetchCard(place.id);
    const isOld = write(card, place);
    putByRank(this, card);
    card.classList.remove("is-new");
    requestAnimationFrame(() => card.classList.add("is-new"));
    if (isOld) this.fetchCard(place.id);
  }

  changed({ noun, id, act }) {
    if (noun !== "task" || act === "task.moved") return;
    if (act === "task.deleted") this.drop(id);
    else this.fetchCard(id);
  }

  /** Take a card off the board; a focus that was on it goes to its neighbour, and it is said. */
  drop(id) {
    const card = this.card(id);
    if (!card) return;
    const next = card.nextElementSibling ?? card.previousElementSibling;
    const hadFocus = card.contains(document.activeElement);
    announce(say(this.dataset.saidGone, card));
    card.remove();
    if (hadFocus) (next?.querySelector(".card-title") ?? this).focus();
  }

  /** Draw a card as the server shows it to this reader now, and put it in its place; what is not shown any more goes. */
  async fetchCard(id) {
    if (this.hasAttribute("data-filtered")) return htmx.ajax("GET", this.dataset.src, { source: this, target: this, swap: "outerMorph" });
    let card = this.card(id);
    if (!card) {
      card = Object.assign(document.createElement("li"), { hidden: true, id: `task-${id}` });
      Object.assign(card.dataset, { card: id, live: `task:${id}` });
      this.querySelector(".cards").append(card);
    }
    await htmx.ajax("GET", this.dataset.cardUrl.replace(NO_ID, id), { source: card, target: card, swap: "outerMorph" });
    const now = this.card(id);
    if (now && !now.hidden) putByRank(this, now);
    else now?.remove();
  }
}

customElements.define("jit-board", Board);
