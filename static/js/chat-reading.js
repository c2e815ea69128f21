/** How far this reader has read: told to the server once the newest is seen, and heard from her other windows. */
import * as channels from "./chat-channels.js";
import { socket } from "./live.js";

const READ_AFTER = 400;

export class Reading {
  #to = 0;
  #soon;

  constructor(chat, list) {
    this.chat = chat;
    this.list = list;
  }

  /** Something was shown, scrolled or turned to: if it is the newest, it is read in a moment. */
  looked() {
    const { chat, list } = this;
    if (list.isAtEnd) chat.querySelector("[data-to-newest]").hidden = true;
    const isSeen = document.visibilityState === "visible" && list.isAtEnd && chat.checkVisibility() && !chat.isPast;
    if (!isSeen || list.last <= this.#to || this.#soon) return;
    this.#soon = setTimeout(() => this.#tell(), READ_AFTER);
  }

  #tell() {
    this.#soon = undefined;
    if (!socket.connected) return;
    this.#to = this.list.last;
    socket.emit("channel:read", { channel: this.chat.channel, number: this.#to });
  }

  /** The mark of a channel was moved, here or elsewhere. */
  moved({ channel, number }) {
    channels.read(channel, channel === this.chat.channel ? Math.max(0, this.list.last - number) : 0);
  }
}
