/**
 * jit-upload[data-endpoint] in a dialog: files on their way into the vault (templates/components/uploads.html draws it, and holds its
 * words). Inside: form[data-about] whose fields, in details[data-fields], describe what is sent, with a hidden "workspace"; [data-drop] with a file input, and
 * [data-folder] if folders may be chosen; ul[data-rows] and a template of one row; [data-unfinished] and [data-wrong], hidden. Here and
 * beside the dialog: [data-said], read out. Files may be dropped anywhere on the page. Chosen files wait for the form, save those that were begun before:
 * they go on at once. Dispatches "jit:upload" {state, file} as each file goes on.
 */
import { catchDrops, pick } from "./upload-picking.js";
import { open, openByAddress } from "./upload-dialog.js";
import { recall, unfinished } from "./upload-memory.js";
import { Row } from "./upload-row.js";
import { Tray } from "./upload-tray.js";

const AT_ONCE = 2;
const RESUMES_AFTER = 30_000;
const LOOKS_AFTER = 700;
const LONGEST_TITLE = 200;

/** As much of a text as a title holds; of a long path, its end. */
function fitting(text) {
  const letters = [...text];
  return letters.length > LONGEST_TITLE ? `…${letters.slice(1 - LONGEST_TITLE).join("")}` : text;
}

customElements.define("jit-upload", class extends HTMLElement {
  rows = [];

  connectedCallback() {
    if (this.form) return;
    this.form = this.querySelector("[data-about]");
    this.fields = this.querySelector("[data-fields]");
    this.list = this.querySelector("[data-rows]");
    this.dialog = this.closest("dialog");
    this.endpoint = new URL(this.dataset.endpoint, location.href).href;
    this.tray = new Tray(this, this.dialog);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.go();
    });
    pick(this.querySelector("[data-drop]"), (found) => this.take(found));
    catchDrops((found) => this.take(found), () => !document.querySelector(`dialog:modal:not(#${this.dialog.id})`));
    openByAddress(this.dialog);
    addEventListener("beforeunload", (event) => this.active().length && event.preventDefault());
    addEventListener("online", () => this.again());
    setInterval(() => this.again(), RESUMES_AFTER);
    document.addEventListener("jit:changed", ({ detail }) => detail.noun === "exhibit" && this.lookSoon());
    document.addEventListener("jit:reconnected", () => this.lookSoon());
    this.remind();
  }

  get workspace() {
    return this.form.elements.workspace.value;
  }

  active() {
    return this.rows.filter((row) => row.isUnderWay);
  }

  async take({ files, isPartial }) {
    open(this.dialog);
    this.complain(isPartial ? this.dataset.unreadable : files.length ? "" : this.dataset.empty);
    for (const each of files) {
      if (this.rows.some((row) => row.path === each.path && row.file.size === each.file.size && !row.isOver)) continue;
      const row = new Row(this, each);
      this.rows.push(row);
      row.url = await recall(this.workspace, each.file, each.path);
      if (row.url) row.show("queued");
    }
    this.fold();
    this.next();
    this.remind();
  }

  /** What describes files stands open while some wait for it, and folded while they are only being sent. */
  fold() {
    const hadFocus = this.fields.contains(document.activeElement);
    this.fields.open = !this.rows.length || this.rows.some((row) => row.state === "chosen");
    if (hadFocus && !this.fields.open) this.fields.querySelector("summary").focus();
  }

  /** The form is sent: it describes every file that waits for it. */
  go() {
    const waiting = this.rows.filter((row) => row.state === "chosen");
    this.complain(waiting.length ? "" : this.dataset.nothing);
    if (!waiting.length) return;
    const said = Object.fromEntries([...new FormData(this.form)].filter(([name, value]) => typeof value === "string" && name !== "csrf_token"));
    for (const row of waiting) {
      const title = waiting.length === 1 ? said.title || row.path : [said.title, row.path].filter(Boolean).join(" · ");
      row.metadata = { ...said, title: fitting(title) };
      row.show("queued");
    }
    this.fold();
    waiting[0].element.scrollIntoView({ block: "nearest" });
    this.next();
  }

  /** Begin what is ready, a few at a time. */
  next() {
    for (const row of this.rows) {
      if (this.active().length >= AT_ONCE) break;
      if (row.state === "queued") row.send(this.endpoint, this.workspace);
    }
  }

  /** The line may be back: go on with what stopped by itself. */
  again() {
    for (const row of this.rows) if (row.state === "failed") row.transfer.resume();
  }

  /** What was received is being read back: ask in a moment what was found. */
  lookSoon() {
    clearTimeout(this.looking);
    this.looking = setTimeout(() => this.rows.forEach((row) => row.state === "finished" && row.transfer.look()), LOOKS_AFTER);
  }

  hear(row, words) {
    this.dispatchEvent(new CustomEvent("jit:upload", { bubbles: true, detail: { state: row.state, file: row.file } }));
    if (row.isOver || row.isResting) this.say(`${row.path}: ${words}`);
    if (row.state === "finished") this.lookSoon();
    this.next();
    this.remind();
    this.tray.update();
  }

  left(row) {
    this.rows = this.rows.filter((other) => other !== row);
    this.fold();
    this.remind();
    this.tray.update();
  }

  /** Uploads of an earlier visit go on when the same files are chosen again: say so, for the browser may not reopen them itself. */
  remind() {
    const here = this.rows.filter((row) => row.transfer && !row.isOver).length;
    this.querySelector("[data-unfinished]").hidden = unfinished(this.workspace) <= here;
  }

  focusWithin() {
    if (this.dialog.open) this.querySelector('input[type="file"]').focus();
    else document.querySelector(`[commandfor="${this.dialog.id}"]`).focus();
  }

  /** What is wrong with what was chosen, seen and heard in the form. */
  complain(text) {
    const place = this.querySelector("[data-wrong]");
    place.textContent = text;
    place.hidden = !text;
  }

  /** Read out politely: in the dialog while it is open, for then nothing beside it is heard. */
  say(text) {
    const [inside] = this.querySelectorAll("[data-said]");
    const beside = document.querySelector("[data-said]:not(jit-upload *)");
    (this.dialog.open ? inside : beside).textContent = text;
  }
});
