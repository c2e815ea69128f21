/**
 * jit-upload[data-endpoint]: files on their way into the vault (templates/components/uploads.html draws it, and holds its words).
 * Inside: form[data-about] whose fields describe what is sent, with a hidden "workspace"; [data-drop] with a file input, and
 * [data-folder] if folders may be chosen; ul[data-rows] and a template of one row; [data-said], read out; [data-unfinished], hidden.
 * Dispatches "jit:upload" {state, file} as each file goes on. Chosen files wait for the form, save those that were begun before:
 * they go on at once.
 */
import { confirm } from "./dialog.js";
import { duration, Pace, percent, size, speed } from "./upload-figures.js";
import { recall, unfinished } from "./upload-memory.js";
import { pick } from "./upload-picking.js";
import { Transfer } from "./upload-transfer.js";

const AT_ONCE = 2;
const RESUMES_AFTER = 30_000;
const TURNING = /[\u202a-\u202e\u2066-\u2069]/g; // shown as they are, they would hide a name's true ending
const IDLE = new Set(["paused", "failed", "signed-out"]);
const OVER = new Set(["finished", "refused", "changed", "gone", "cancelled"]);

class Row {
  constructor(tray, { file, path }) {
    Object.assign(this, { tray, file, path, pace: new Pace() });
    this.element = tray.querySelector("template").content.firstElementChild.cloneNode(true);
    this.bar = this.element.querySelector("progress");
    this.bar.max = file.size || 1;
    this.bar.setAttribute("aria-label", this.bar.getAttribute("aria-label").replace("…", path).trim());
    this.write("name", path.replace(TURNING, "\uFFFD"));
    this.write("done", size(file.size));
    this.on(".is-pause", () => this.transfer?.pause());
    this.on(".is-resume", () => this.transfer?.resume());
    this.on(".is-cancel", () => this.cancel());
    this.show("chosen");
    tray.querySelector("[data-rows]").append(this.element);
  }

  on(selector, act) {
    this.element.querySelector(selector).addEventListener("click", act);
  }

  write(name, text) {
    const place = this.element.querySelector(`[data-${name}]`);
    (place.querySelector("bdi") ?? place).textContent = text;
  }

  send(endpoint, workspace, metadata, url) {
    this.show("waiting");
    this.transfer = new Transfer({
      ...this, endpoint, workspace, metadata, url, change: (state, more) => this.show(state, more),
    });
    this.transfer.resume();
  }

  async cancel() {
    if (OVER.has(this.state) || this.state === "chosen") return this.leave();
    if (!(await confirm(this.tray.dataset.sure))) return undefined;
    await this.transfer.cancel().catch(() => this.show("failed"));
    return undefined;
  }

  leave() {
    this.element.remove();
    this.tray.left(this);
  }

  show(state, more = {}) {
    const isNews = state !== this.state;
    this.state = state;
    if (more.total) this.figures(more);
    else this.rest();
    if (isNews || more.reason) {
      this.element.classList.toggle("is-paused", state === "chosen" || state === "paused");
      this.element.classList.toggle("is-failed", IDLE.has(state) && state !== "paused");
      this.element.classList.toggle("is-over", OVER.has(state));
      this.element.classList.toggle("is-refused", OVER.has(state) && state !== "finished");
      this.element.classList.toggle("is-finished", state === "finished");
      this.write("status", this.words(state, more.reason));
      this.tray.hear(this, this.words(state, more.reason));
    }
    if (state === "cancelled") this.leave();
  }

  words(state, reason) {
    return reason || this.tray.dataset[state.replace(/-./, (pair) => pair[1].toUpperCase())] || "";
  }

  figures({ done, total }) {
    this.bar.value = done;
    this.write("percent", percent(done / total));
    const pace = this.state === "sending" ? this.pace.at(done) : 0;
    this.write("speed", pace ? speed(pace) : "");
    this.write("left", pace ? `${duration((total - done) / pace)} ${this.tray.dataset.left}` : "");
  }

  rest() {
    this.pace.rest();
    this.write("speed", "");
    this.write("left", "");
    if (this.state === "finished") {
      this.bar.value = this.bar.max;
      this.write("percent", percent(1));
    }
  }
}

customElements.define("jit-upload", class extends HTMLElement {
  rows = [];

  connectedCallback() {
    if (this.form) return;
    this.form = this.querySelector("[data-about]");
    this.endpoint = new URL(this.dataset.endpoint, location.href).href;
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.go();
    });
    pick(this.querySelector("[data-drop]"), (files, failed) => this.take(files, failed));
    addEventListener("beforeunload", (event) => this.active().length && event.preventDefault());
    addEventListener("online", () => this.again());
    setInterval(() => this.again(), RESUMES_AFTER);
    this.remind();
  }

  get workspace() {
    return this.form.elements.workspace.value;
  }

  active() {
    return this.rows.filter((row) => row.transfer && !IDLE.has(row.state) && !OVER.has(row.state));
  }

  async take(files, failed) {
    if (failed) this.say(this.dataset.unreadable);
    for (const each of files) {
      if (this.rows.some((row) => row.path === each.path && row.file.size === each.file.size && !OVER.has(row.state))) continue;
      const row = new Row(this, each);
      this.rows.push(row);
      row.url = await recall(this.workspace, each.file, each.path);
      if (row.url) row.isReady = true;
    }
    this.next();
    this.remind();
  }

  /** The form is sent: it describes every file that waits for it. */
  go() {
    const waiting = this.rows.filter((row) => row.state === "chosen" && !row.isReady);
    if (!waiting.length) return this.say(this.dataset.nothing);
    const said = Object.fromEntries([...new FormData(this.form)].filter(([name, value]) => typeof value === "string" && name !== "csrf_token"));
    for (const row of waiting) {
      const name = row.path.slice(0, 200);
      row.metadata = { ...said, title: waiting.length === 1 ? said.title || name : [said.title, name].filter(Boolean).join(" · ").slice(0, 200) };
      row.isReady = true;
    }
    waiting[0].element.scrollIntoView({ block: "nearest" });
    return this.next();
  }

  /** Begin what is ready, a few at a time. */
  next() {
    for (const row of this.rows) {
      if (this.active().length >= AT_ONCE) break;
      if (row.state === "chosen" && row.isReady) row.send(this.endpoint, this.workspace, row.metadata, row.url);
    }
  }

  /** The line may be back: go on with what stopped by itself. */
  again() {
    for (const row of this.rows) if (row.state === "failed") row.transfer.resume();
  }

  hear(row, words) {
    this.dispatchEvent(new CustomEvent("jit:upload", { bubbles: true, detail: { state: row.state, file: row.file } }));
    if (OVER.has(row.state) || IDLE.has(row.state)) this.say(`${row.path}: ${words}`);
    this.next();
    this.remind();
  }

  left(row) {
    this.rows = this.rows.filter((other) => other !== row);
    this.remind();
  }

  /** Uploads of an earlier visit go on when the same files are chosen again: say so, for the browser may not reopen them itself. */
  remind() {
    const here = this.rows.filter((row) => row.transfer && !OVER.has(row.state)).length;
    const count = unfinished(this.workspace) - here;
    const place = this.querySelector("[data-unfinished]");
    place.hidden = count <= 0;
  }

  say(text) {
    this.querySelector("[data-said]").textContent = text;
  }
});
