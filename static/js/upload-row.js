/** One file in the list of uploads: what happens to it in words and figures, and what can be done about it. */
import { confirm } from "./dialog.js";
import { duration, Pace, percent, size, speed } from "./upload-figures.js";
import { Transfer } from "./upload-transfer.js";

const TURNING = /[\u202a-\u202e\u2066-\u2069]/g; // shown as they are, they would hide a name's true ending
const UNSENT = new Set(["chosen", "queued"]);
const RESTING = new Set(["paused", "failed", "signed-out"]);
const TRYING = new Set(["waiting", "failed"]);
const RECEIVED = new Set(["finished", "verified"]);
const REFUSED = new Set(["refused", "changed", "gone", "ended", "mismatch", "cancelled"]);

export class Row {
  constructor(uploads, { file, path }) {
    Object.assign(this, { uploads, file, path, pace: new Pace() });
    this.element = uploads.querySelector("template").content.firstElementChild.cloneNode(true);
    this.bar = this.element.querySelector("progress");
    this.bar.max = file.size || 1;
    this.bar.setAttribute("aria-label", this.bar.getAttribute("aria-label").replace("…", path).trim());
    this.write("name", path.replace(TURNING, "\uFFFD"));
    this.write("done", size(file.size));
    this.on("pause", () => this.transfer.pause());
    this.on("resume", () => this.transfer.resume());
    this.on("cancel", () => this.cancel());
    this.on("leave", () => this.leave());
    uploads.list.append(this.element);
    this.show("chosen");
  }

  get isUnsent() {
    return UNSENT.has(this.state);
  }

  get isResting() {
    return RESTING.has(this.state);
  }

  get isRefused() {
    return REFUSED.has(this.state);
  }

  get isOver() {
    return this.isRefused || RECEIVED.has(this.state);
  }

  get isUnderWay() {
    return !this.isUnsent && !this.isResting && !this.isOver;
  }

  on(name, act) {
    this.element.querySelector(`.is-${name}`).addEventListener("click", act);
  }

  write(name, text) {
    const place = this.element.querySelector(`[data-${name}]`);
    (place.querySelector("bdi") ?? place).textContent = text;
  }

  send(endpoint, workspace) {
    const { file, path, metadata, url } = this;
    this.transfer = new Transfer({ file, path, endpoint, workspace, metadata, url, change: (state, more) => this.show(state, more) });
    this.transfer.resume();
  }

  async cancel() {
    if (await confirm(this.uploads.dataset.sure)) await this.transfer.cancel().catch(() => this.show("failed"));
  }

  /** Take the row away, and leave the focus with its neighbour. */
  leave() {
    const neighbour = this.element.nextElementSibling ?? this.element.previousElementSibling;
    const hadFocus = this.element.contains(document.activeElement);
    this.element.remove();
    this.uploads.left(this);
    if (hadFocus && neighbour) focusIn(neighbour);
    else if (hadFocus) this.uploads.focusWithin();
  }

  show(state, more = {}) {
    const words = this.words(state, more.reason);
    const isNews = state !== this.state || words !== this.said;
    Object.assign(this, { state, said: words });
    if (more.total) this.figures(more);
    else this.rest();
    if (isNews) this.tell(words);
    if (state === "cancelled") this.leave();
  }

  tell(words) {
    const marks = { unsent: this.isUnsent, paused: this.state === "paused", failed: this.isResting && this.state !== "paused" };
    Object.assign(marks, { over: this.isOver, refused: this.isRefused, finished: RECEIVED.has(this.state) });
    for (const [mark, holds] of Object.entries(marks)) this.element.classList.toggle(`is-${mark}`, holds);
    this.write("status", words);
    // A button that its own press took away must not take the focus with it.
    if (this.element.contains(document.activeElement) && !document.activeElement.checkVisibility()) focusIn(this.element);
    this.uploads.hear(this, words);
  }

  words(state, reason) {
    const said = this.uploads.dataset;
    if (reason && TRYING.has(state)) return `${reason} ${said.again}`;
    return reason || said[state.replace(/-./, (pair) => pair[1].toUpperCase())] || "";
  }

  /** All of it is there only once it is received: until then the last byte is not counted. */
  figures({ done, total }) {
    const sure = Math.min(done, total - 1);
    this.bar.value = sure;
    this.write("percent", percent(sure / total));
    if (this.state !== "sending") this.pace.rest();
    const pace = this.state === "sending" ? this.pace.at(done) : 0;
    this.write("speed", pace ? speed(pace) : "");
    this.write("left", pace ? `${duration((total - done) / pace)} ${this.uploads.dataset.left}` : "");
    this.uploads.tray?.update();
  }

  rest() {
    this.pace.rest();
    this.write("speed", "");
    this.write("left", "");
    if (!RECEIVED.has(this.state)) return;
    this.bar.value = this.bar.max;
    this.write("percent", percent(1));
  }
}

function focusIn(element) {
  [...element.querySelectorAll("button")].find((button) => button.checkVisibility())?.focus();
}
