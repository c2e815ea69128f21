/** The dialog of the uploads: it opens by its button, by its name in the address, and when files are dropped. */

const opener = (dialog) => document.querySelector(`[commandfor="${dialog.id}"][command="show-modal"]`);

/** Open it as its button does: closing it gives the focus back to that button. */
export function open(dialog) {
  if (dialog.open) return;
  opener(dialog)?.focus();
  dialog.showModal();
}

/** Open it whenever the address ends in its name; closing it takes the name away, so that the same link opens it again. */
export function openByAddress(dialog) {
  const isNamed = () => location.hash === `#${dialog.id}`;
  const look = () => isNamed() && open(dialog);
  addEventListener("hashchange", look);
  dialog.addEventListener("close", () => {
    if (isNamed()) history.replaceState(history.state, "", location.pathname + location.search);
    // What it was opened by may have gone meanwhile.
    if (document.activeElement === document.body) opener(dialog)?.focus();
  });
  look();
}
