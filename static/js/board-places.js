/** Where cards stand on the page: columns, order by rank, counts. Nothing here talks to the server. */

export const columnsOf = (board) => [...board.querySelectorAll(".column[data-column]")];
export const cardsIn = (column) => [...column.querySelectorAll(".cards > [data-card]:not([hidden])")];
export const columnOf = (card) => card.closest(".column[data-column]");
export const nameOf = (column) => column.querySelector("h3").textContent.trim();

/** Put a card before another card of the column, or last; a card that stands there already is left alone, focus and all. */
export function put(card, column, next) {
  const list = column.querySelector(".cards");
  if (card.parentElement === list && (card.nextElementSibling ?? null) === (next ?? null)) return;
  const hadFocus = card.contains(document.activeElement) ? document.activeElement : null;
  list.insertBefore(card, next ?? null);
  hadFocus?.focus({ preventScroll: true });
}

/** Where a card stands in its column, as the server takes it: after the card before it, or before the one after it. */
export function placeOf(card) {
  const column = columnOf(card);
  const cards = cardsIn(column);
  const at = cards.indexOf(card);
  const place = { column: column.dataset.column };
  if (at > 0) place.after = cards[at - 1].dataset.card;
  else if (cards.length > 1) place.before = cards[1].dataset.card;
  return place;
}

/** Put a card where its own data-column and data-rank say; ranks sort by their characters. */
export function putByRank(board, card) {
  const column = columnsOf(board).find((one) => one.dataset.column === card.dataset.column);
  if (!column) return;
  put(card, column, cardsIn(column).find((other) => other !== card && other.dataset.rank > card.dataset.rank));
}

/** Write a place that the server gave into the card and its menu; true when the card must be drawn anew. */
export function write(card, place) {
  card.dataset.column = place.column;
  card.dataset.rank = place.rank;
  card.dataset.edition = place.edition;
  const edition = card.querySelector('input[name="edition"]');
  if (edition) edition.value = place.edition;
  for (const button of card.querySelectorAll('button[name="column"]')) {
    if (button.value === place.column) button.setAttribute("aria-pressed", "true");
    else button.removeAttribute("aria-pressed");
  }
  return place.is_done !== card.classList.contains("is-done");
}

export function count(board) {
  for (const column of columnsOf(board)) {
    const shown = column.querySelector("header .count");
    const total = cardsIn(column).length + Number(shown.dataset.hidden);
    if (shown.firstChild.data.trim() !== String(total)) shown.firstChild.data = String(total);
  }
}

/** What is said of a card's place, with {key}, {at}, {count} and {column} filled in. */
export function say(text, card, column = columnOf(card)) {
  const cards = cardsIn(column);
  const words = { key: card.dataset.key, at: cards.indexOf(card) + 1, count: cards.length, column: nameOf(column) };
  return text.replace(/\{(\w+)\}/g, (_, word) => words[word]);
}
