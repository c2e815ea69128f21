/**
 * What is being sent: kept in this window until the server has it, so that no text is lost, and sent in order with a token each, so
 * that sending it again says nothing twice.
 */
import { socket } from "./live.js";

const ANSWER_WITHIN = 8000;
const RETRY_AFTER = 3000;

export class Outbox {
  #isSending = false;

  constructor(chat, list, { arrived, takenBack }) {
    this.chat = chat;
    this.list = list;
    this.arrived = arrived;
    this.takenBack = takenBack;
    this.key = `outbox:${document.querySelector('meta[name="viewer"]').content}:${chat.dataset.channel}`;
    this.waiting = JSON.parse(sessionStorage.getItem(this.key) ?? "[]");
    for (const each of this.waiting) this.#show(each);
  }

  add(text) {
    const each = { token: crypto.randomUUID(), text, failed: "" };
    this.waiting.push(each);
    this.#keep();
    this.#show(each);
    this.list.toEnd();
    this.flush();
  }

  /** Send what waits, one after the other; what failed for a reason waits for the person. */
  async flush() {
    if (this.#isSending) return;
    this.#isSending = true;
    for (let each; socket.connected && (each = this.waiting.find((one) => !one.failed)); ) {
      this.#say(each, "sending");
      if (!(await this.#send(each))) {
        setTimeout(() => this.flush(), RETRY_AFTER);
        break;
      }
    }
    this.#isSending = false;
    if (!socket.connected) for (const each of this.waiting) if (!each.failed) this.#say(each, "waiting");
  }

  /** True when the server said yes or no; false when it said nothing and must be asked again. */
  async #send(each) {
    let answer;
    try {
      answer = await socket.timeout(ANSWER_WITHIN).emitWithAck("message:post", { channel: this.chat.dataset.channel, token: each.token, text: each.text });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return false; // no answer in time: the token makes it safe to send again
    }
    if (answer.ok) {
      this.#drop(each);
      this.arrived(answer.number, each.item);
    } else if (answer.status === 401) {
      return false; // the socket says whether it is over, or comes again with a newer cookie
    } else {
      each.failed = answer.reason || "?";
      this.#keep();
      this.#say(each, "failed");
    }
    return true;
  }

  #show(each) {
    const item = this.chat.querySelector("template[data-pending]").content.firstElementChild.cloneNode(true);
    item.querySelector(".message-text").textContent = each.text;
    item.querySelector("[data-retry]").addEventListener("click", () => { each.failed = ""; this.flush(); });
    item.querySelector("[data-take-back]").addEventListener("click", () => {
      this.#drop(each);
      item.remove();
      this.takenBack(each.text);
    });
    each.item = item;
    this.list.list.append(item);
    this.#say(each, each.failed ? "failed" : socket.connected ? "sending" : "waiting");
  }

  #say(each, state) {
    const note = each.item.querySelector("[data-state]");
    note.textContent = `${note.dataset[state]} ${state === "failed" ? each.failed : ""}`;
    each.item.classList.toggle("is-failed", state === "failed");
    for (const button of each.item.querySelectorAll("[data-retry], [data-take-back]")) button.hidden = state !== "failed";
  }

  #drop(each) {
    this.waiting.splice(this.waiting.indexOf(each), 1);
    this.#keep();
  }

  #keep() {
    sessionStorage.setItem(this.key, JSON.stringify(this.waiting.map(({ token, text, failed }) => ({ token, text, failed }))));
  }
}
