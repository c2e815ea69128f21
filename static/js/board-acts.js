/** Moving cards without a pointer: Alt and an arrow on the card, its steps up and down, and its menu of columns. */
import { cardsIn, columnOf, columnsOf, say } from "./board-places.js";
import { announce } from "./toast.js";

const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];

/** Let the board's cards be moved so until the signal ends it; move(card, column, next) is called for each. */
export function letAct(board, move, signal) {
  /** One place up or down within the column. */
  function step(card, by) {
    const cards = cardsIn(columnOf(card));
    const at = cards.indexOf(card);
    if (!cards[at + by]) return announce(say(by < 0 ? board.dataset.saidTop : board.dataset.saidBottom, card));
    move(card, columnOf(card), by < 0 ? cards[at - 1] : cards[at + 2]);
  }

  function byKey(event) {
    const card = event.target.closest("[data-card]");
    if (!card || !event.altKey || event.ctrlKey || event.metaKey || !ARROWS.includes(event.key)) return;
    event.preventDefault();
    if (!card.dataset.moveUrl) return;
    if (event.key === "ArrowUp") return step(card, -1);
    if (event.key === "ArrowDown") return step(card, 1);
    const by = (event.key === "ArrowRight") === (getComputedStyle(board).direction === "ltr") ? 1 : -1;
    const columns = columnsOf(board);
    const to = columns[columns.indexOf(columnOf(card)) + by];
    if (!to) return announce(board.dataset.saidEdge);
    move(card, to, cardsIn(to)[0]);
  }

  function byStep(event) {
    const button = event.target.closest("[data-step]");
    if (!button) return;
    button.form.hidePopover();
    step(button.closest("[data-card]"), button.dataset.step === "up" ? -1 : 1);
  }

  function byMenu(event) {
    const column = columnsOf(board).find((one) => one.dataset.column === event.submitter?.value);
    if (event.submitter?.name !== "column" || !column) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    event.target.hidePopover?.();
    move(event.target.closest("[data-card]"), column, cardsIn(column)[0]);
  }

  board.addEventListener("keydown", byKey, { signal });
  board.addEventListener("submit", byMenu, { signal, capture: true });
  board.addEventListener("click", byStep, { signal });
}
