/**
 * section[data-tray] floats in a corner of the page while there are uploads, and says what they add up to. The rows stand in it while
 * their dialog is closed. Inside: [data-sum], progress, [data-fold], .is-clear and [data-place] for the rows.
 */
import { percent } from "./upload-figures.js";

const QUARTERS = 4;

export class Tray {
  #quarter = 0;

  constructor(uploads, dialog) {
    Object.assign(this, { uploads, dialog });
    this.section = document.querySelector("[data-tray]");
    this.home = uploads.list.parentElement;
    this.bar = this.section.querySelector("progress");
    const fold = this.section.querySelector("[data-fold]");
    fold.addEventListener("click", () => this.fold(fold.getAttribute("aria-expanded") === "true"));
    this.fold(matchMedia("(max-width: 900px)").matches);
    this.clearing = this.section.querySelector(".is-clear");
    this.clearing.addEventListener("click", () => this.clear());
    new MutationObserver(() => this.update()).observe(dialog, { attributeFilter: ["open"] });
  }

  fold(isFolded) {
    this.section.querySelector("[data-fold]").setAttribute("aria-expanded", String(!isFolded));
    this.section.querySelector("[data-place]").hidden = isFolded;
  }

  /** Put the rows where they belong now, and say what they add up to. */
  update() {
    const { list, rows } = this.uploads;
    const place = this.dialog.open ? this.home : this.section.querySelector("[data-place]");
    if (list.parentElement !== place) place.append(list);
    this.section.hidden = !rows.length;
    document.documentElement.classList.toggle("has-uploads", !this.section.hidden);
    this.clearing.hidden = !rows.some((row) => row.isOver);
    this.add(rows.filter((row) => row.transfer && !row.isRefused));
  }

  add(rows) {
    const total = rows.reduce((sum, row) => sum + row.bar.max, 0);
    const share = total ? rows.reduce((sum, row) => sum + row.bar.value, 0) / total : 0;
    const { sum } = this.uploads.dataset;
    const received = rows.filter((row) => row.isOver).length;
    this.bar.value = share;
    this.section.querySelector("[data-sum]").textContent = rows.length
      ? sum.replace("{received}", received).replace("{count}", rows.length).replace("{percent}", percent(share)) : "";
    this.announce(Math.floor(share * QUARTERS));
  }

  /** Heard at each quarter of the way, not at every percent. */
  announce(quarter) {
    const said = `${this.bar.getAttribute("aria-label")}: ${percent(quarter / QUARTERS)}`;
    if (quarter > this.#quarter && quarter < QUARTERS) this.uploads.say(said);
    this.#quarter = quarter;
  }

  clear() {
    const { rows } = this.uploads;
    for (const row of rows.filter((each) => each.isOver)) row.leave();
    if (this.section.hidden) this.uploads.focusWithin();
    else this.section.querySelector("[data-fold]").focus();
  }
}
