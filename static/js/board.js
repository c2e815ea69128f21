/**
 * jit-board: cards move by pointer, by Alt and an arrow on the card, and by its menu. A move shows at once; when the server refuses it,
 * the card goes where it really is and the reason is said. What others do arrives by socket and is put in place.
 */
import "./board-page.js";
import { letDrag } from "./board-drag.js";
import { cardsIn, columnOf, columnsOf, count, put, putByRank, say, write } from "./board-places.js";
import htmx from "./htmx.js";
import { socket } from "./live.js";
import { csrfToken } from "./requests.js";
import { announce, toast } from "./toast.js";
import { askToSignIn } from "./dialog.js";

const ANSWERED_WITHIN = 8000;
const NO_ID = "00000000-0000-0000-0000-000000000000";
const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];

class Board extends HTMLElement {
  /** Cards on their way to the server, each with where it is wanted next. */
  wanted = new Map();

  connectedCallback() {
    this.stops = new AbortController();
    const heard = { signal: this.stops.signal };
    this.stopDrag = letDrag(this, (card, column, next) => this.move(card, column, next));
    this.addEventListener("keydown", (event) => this.byKey(event), heard);
    this.addEventListener("submit", (event) => this.byMenu(event), { ...heard, capture: true });
    this.addEventListener("click", (event) => this.byStep(event), heard);
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

  byKey(event) {
    const card = event.target.closest("[data-card]");
    if (!card || !event.altKey || event.ctrlKey || event.metaKey || !ARROWS.includes(event.key)) return;
    event.preventDefault();
    if (!card.dataset.moveUrl) return;
    if (event.key === "ArrowUp") return this.step(card, -1);
    if (event.key === "ArrowDown") return this.step(card, 1);
    const step = (event.key === "ArrowRight") === (getComputedStyle(this).direction === "ltr") ? 1 : -1;
    const columns = columnsOf(this);
    const to = columns[columns.indexOf(columnOf(card)) + step];
    if (!to) return announce(this.dataset.saidEdge);
    this.move(card, to, cardsIn(to)[0]);
  }

  byStep(event) {
    const button = event.target.closest("[data-step]");
    if (!button) return;
    button.form.hidePopover();
    this.step(button.closest("[data-card]"), button.dataset.step === "up" ? -1 : 1);
  }

  /** One place up or down within the column. */
  step(card, by) {
    const cards = cardsIn(columnOf(card));
    const at = cards.indexOf(card);
    if (!cards[at + by]) return announce(say(by < 0 ? this.dataset.saidTop : this.dataset.saidBottom, card));
    this.move(card, columnOf(card), by < 0 ? cards[at - 1] : cards[at + 2]);
  }

  byMenu(event) {
    const column = columnsOf(this).find((one) => one.dataset.column === event.submitter?.value);
    if (event.submitter?.name !== "column" || !column) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    event.target.hidePopover?.();
    this.move(event.target.closest("[data-card]"), column, cardsIn(column)[0]);
  }

  /** Show the card before `next` in the column, or last, say so, and ask the server for it. */
  move(card, column, next) {
    if (next === card || (columnOf(card) === column && card.nextElementSibling === (next ?? null))) return;
    put(card, column, next);
    card.querySelector(".card-title").focus();
    card.scrollIntoView({ block: "nearest", inline: "nearest" });
    announce(say(this.dataset.saidMoved, card));
    const id = card.dataset.card;
    const cards = cardsIn(column);
    const at = cards.indexOf(card);
    const where = { column: column.dataset.column };
    if (at > 0) where.after = cards[at - 1].dataset.card;
    else if (cards.length > 1) where.before = cards[1].dataset.card;
    const isOnItsWay = this.wanted.has(id);
    this.wanted.set(id, where);
    if (!isOnItsWay) this.send(id);
  }

  async send(id) {
    let where;
    while ((where = this.wanted.get(id))) {
      const card = this.card(id);
      const answer = card ? await this.ask(card, { ...where, edition: Number(card.dataset.edition) }) : { ok: false };
      const isNewest = this.wanted.get(id) === where;
      if (isNewest || !answer.ok) this.wanted.delete(id);
      if (answer.ok) this.settle(id, answer.place, isNewest);
      else await this.refused(id, answer);
    }
  }

  async ask(card, said) {
    if (socket?.connected) {
      try {
        const answer = await socket.timeout(ANSWERED_WITHIN).emitWithAck("task:move", { task: card.dataset.card, ...said });
        if (answer.status !== 401) return answer; // it was the socket of a cookie of before: the one of now may do
      } catch {
        return { ok: false, reason: this.dataset.saidSlow }; // no answer in time: what happened is asked for again
      }
    }
    const headers = { "X-CSRFToken": csrfToken(), "X-Requested-With": "fetch", Accept: "application/json" };
    try {
      const answer = await fetch(card.dataset.moveUrl, { method: "POST", headers, body: new URLSearchParams(said) });
      if (answer.ok) return await answer.json();
      if (answer.status === 401) askToSignIn();
      return { ok: false, reason: answer.status === 401 ? "" : (await answer.json()).error };
    } catch {
      return { ok: false, reason: this.dataset.saidSlow };
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
