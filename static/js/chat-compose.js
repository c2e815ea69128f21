/** The box to write in: what Enter does, how much room is left, and editing one's own message in place of a new one. */
import { forget } from "./drafts.js";
import { socket } from "./live.js";
import { toast } from "./toast.js";

const NEAR_THE_END = 1000;
const SAYS_SO_EVERY = 3000;

export class Compose {
  #editing = null;
  #isSaving = false;
  #saidAt = 0;

  constructor(chat, { send, editLast }) {
    this.chat = chat;
    this.form = chat.querySelector("form.compose");
    this.box = this.form.elements.text;
    this.send = send;
    this.editLast = editLast;
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.submit(); });
    this.box.addEventListener("input", () => this.#typed());
    this.box.addEventListener("keydown", (event) => this.#key(event));
    this.form.querySelector("[data-cancel]").addEventListener("click", () => this.cancel());
    for (const button of this.form.querySelectorAll("[data-enter]")) button.addEventListener("click", () => this.#choose(button.dataset.enter));
    this.#choose(localStorage.getItem("chat-enter") ?? (matchMedia("(pointer: coarse)").matches ? "line" : "send"));
    this.#count();
  }

  #choose(what) {
    this.enter = what;
    localStorage.setItem("chat-enter", what);
    for (const button of this.form.querySelectorAll("[data-enter]")) button.setAttribute("aria-pressed", String(button.dataset.enter === what));
    this.form.querySelector("#enter-key").hidePopover();
  }

  #key(event) {
    if (event.defaultPrevented || event.isComposing) return;
    const sends = event.key === "Enter" && (event.ctrlKey || event.metaKey || (this.enter === "send" && !event.shiftKey && !event.altKey));
    if (sends) this.submit();
    else if (event.key === "Escape" && this.#editing) this.cancel();
    else if (event.key === "ArrowUp" && !this.box.value && !this.#editing) this.editLast();
    else return;
    event.preventDefault();
  }

  #typed() {
    this.#complain("");
    this.#count();
    const now = Date.now();
    if (this.#editing || !this.box.value.trim() || now - this.#saidAt < SAYS_SO_EVERY || !socket.connected) return;
    this.#saidAt = now;
    socket.emit("channel:typing", { channel: this.chat.dataset.channel });
  }

  #count() {
    const left = Number(this.chat.dataset.longest) - [...this.box.value].length;
    const output = this.form.querySelector("[data-left]");
    const words = left < 0 ? output.dataset.over : output.dataset.text;
    output.value = left < NEAR_THE_END ? words.replace("{number}", Math.abs(left).toLocaleString(document.documentElement.lang)) : "";
    output.classList.toggle("is-over", left < 0);
    this.isTooLong = left < 0;
  }

  async submit() {
    const text = this.box.value;
    if (!text.trim() || this.isTooLong) return this.box.focus();
    if (this.#editing) return this.#save(text);
    this.put("");
    forget(this.form);
    this.#saidAt = 0;
    this.send(text);
  }

  /** Once, however often it is asked for before the answer comes: what is sent again would be refused as out of date. */
  async #save(text) {
    if (this.#isSaving) return;
    const { message, edition } = this.#editing;
    const wentWrong = document.getElementById("went-wrong").textContent;
    if (!socket.connected) return this.#complain(wentWrong);
    this.#isSaving = true;
    // The line may break before the answer comes.
    const answer = await socket.emitWithAck("message:edit", { message, edition, text }).catch(() => null);
    this.#isSaving = false;
    if (answer?.ok) this.cancel();
    else this.#complain(answer?.reason ?? wentWrong);
  }

  /** Write text into the box, and put the cursor behind it. */
  put(text) {
    this.box.value = text;
    this.box.setSelectionRange(text.length, text.length);
    this.#complain("");
    this.#count();
    this.form.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** Text that comes back to the box joins what stands there. */
  giveBack(text) {
    this.put([this.box.value, text].filter(Boolean).join("\n"));
    this.box.focus();
  }

  async edit(item) {
    const address = item.querySelector("[data-edit]").href.replace(/edit$/, "source");
    const answer = await fetch(address, { headers: { Accept: "application/json", "X-Requested-With": "fetch" } });
    const said = await answer.json();
    if (!answer.ok) return toast(said.error, "bad");
    this.#editing ??= { draft: this.box.value };
    Object.assign(this.#editing, { message: item.dataset.message, edition: said.edition });
    this.form.querySelector("[data-editing]").hidden = false;
    this.put(said.text);
    this.box.focus();
  }

  cancel() {
    const draft = this.#editing?.draft ?? "";
    this.#editing = null;
    this.form.querySelector("[data-editing]").hidden = true;
    this.put(draft);
    this.box.focus();
  }

  #complain(reason) {
    this.form.querySelector(".compose-error").textContent = reason;
    this.box.toggleAttribute("aria-invalid", Boolean(reason));
  }
}
