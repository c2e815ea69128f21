/** Moving cards by pointer: a line shows between which two cards the dragged one would land. */
import { combine } from "@atlaskit/pragmatic-drag-and-drop/combine";
import { draggable, dropTargetForElements } from "@atlaskit/pragmatic-drag-and-drop/element/adapter";
import { cardsIn, columnsOf } from "./board-places.js";

const TARGET = "data-drop-target-for-element";

/** The card before which a pointer at this height would drop; undefined is the end. */
function nextAt(column, y, dragged) {
  return cardsIn(column).find((card) => {
    const box = card.getBoundingClientRect();
    return card !== dragged && y < box.top + box.height / 2;
  });
}

/** Let the board's cards be dragged; move(card, column, next) is called when one is dropped. Answers how to stop. */
export function letDrag(board, move) {
  const line = document.createElement("li");
  line.className = "drop-line";
  line.setAttribute("role", "presentation");
  const known = new Map();

  function showLine(column, { location, source }) {
    const next = nextAt(column, location.current.input.clientY, source.element);
    const list = column.querySelector(".cards");
    if (line.parentElement !== list || line.nextElementSibling !== (next ?? null)) list.insertBefore(line, next ?? null);
  }

  function target(column) {
    const over = (event) => { column.classList.add("is-over"); showLine(column, event); };
    const out = () => { column.classList.remove("is-over"); line.remove(); };
    return dropTargetForElements({
      element: column, canDrop: ({ source }) => board.contains(source.element), onDragEnter: over, onDrag: over, onDragLeave: out,
      onDrop({ location, source }) {
        out();
        move(source.element, column, nextAt(column, location.current.input.clientY, source.element));
      },
    });
  }

  function source(card) {
    return draggable({
      element: card, canDrag: () => Boolean(card.dataset.moveUrl),
      onDragStart: () => card.classList.add("is-dragging"), onDrop: () => card.classList.remove("is-dragging"),
    });
  }

  function learn() {
    const now = new Set([...columnsOf(board), ...columnsOf(board).flatMap(cardsIn)]);
    for (const [element, stop] of known) if (!now.has(element)) { stop(); known.delete(element); }
    for (const element of now) if (!known.has(element)) known.set(element, element.dataset.card ? source(element) : target(element));
    // What is drawn anew keeps its element but loses the marks that the library finds it by.
    for (const element of now) {
      const mark = element.dataset.card ? "draggable" : TARGET;
      if (!element.hasAttribute(mark)) element.setAttribute(mark, "true");
    }
  }

  const watch = new MutationObserver(learn);
  watch.observe(board, { childList: true, subtree: true, attributeFilter: ["draggable", TARGET] });
  learn();
  return combine(() => watch.disconnect(), () => { for (const stop of known.values()) stop(); });
}
