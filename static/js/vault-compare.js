/**
 * jit-compare[data-upload][data-length]: whoever sent a file chooses it once more, for its bytes are in the vault and their hash was never
 * declared. It is computed here and declared if the vault holds the same; if not, only once the person is sure of the file. Inside: a file
 * input, progress, [data-said] and [data-wrong].
 */
import { askToSignIn, confirm } from "./dialog.js";
import { toast } from "./toast.js";
import { startWorker } from "./trusted.js";
import { declareHash, reasonOf, UNREADABLE } from "./upload-http.js";
import { forgetAddress } from "./upload-memory.js";

const wentWrong = () => document.getElementById("went-wrong").textContent;

customElements.define("jit-compare", class extends HTMLElement {
  connectedCallback() {
    if (this.input) return;
    this.input = this.querySelector("input");
    this.bar = this.querySelector("progress");
    this.input.addEventListener("change", () => this.take());
    this.take();
  }

  take() {
    const [file] = this.input.files;
    const length = Number(this.dataset.length);
    this.hasher?.terminate();
    this.show("", "");
    if (!file) return;
    if (file.size === length) this.hash(file);
    else this.refuse(file.size > length ? this.dataset.longer : this.dataset.shorter);
  }

  hash(file) {
    const hasher = (this.hasher = startWorker("hash.worker.js"));
    this.show(this.dataset.hashing, "", 0);
    hasher.addEventListener("message", ({ data }) => {
      if (data.done !== undefined) this.bar.value = data.done / (file.size || 1);
      if (data.error !== undefined) this.refuse(UNREADABLE.test(data.error) ? this.dataset.changed : wentWrong());
      // Without its place in the page there is nobody left to be asked or told.
      if (data.sha256 !== undefined && this.isConnected) this.declare(hasher, { sha256: data.sha256, if_same: true });
    });
    hasher.addEventListener("error", () => this.refuse(wentWrong()));
    hasher.postMessage({ file });
  }

  async declare(hasher, said) {
    hasher.terminate();
    const hadFocus = this.contains(document.activeElement);
    const answer = await declareHash(this.dataset.endpoint, this.dataset.upload, said);
    const reason = !answer || answer.ok ? "" : await reasonOf(answer);
    // Another file was chosen meanwhile.
    if (this.hasher !== hasher) return;
    if (answer?.ok) this.finish((await answer.json()).integrity, hadFocus);
    else if (answer?.status === 412) this.doubt(hasher, said, reason);
    else this.refuse(reason || wentWrong());
    if (answer?.status === 401) askToSignIn();
  }

  async doubt(hasher, { sha256 }, reason) {
    if (await confirm(`${reason} ${this.dataset.sure}`)) this.declare(hasher, { sha256 });
    else this.refuse(`${reason} ${this.dataset.kept}`);
  }

  finish(integrity, hadFocus) {
    const isGood = integrity === "verified";
    forgetAddress(this.dataset.upload);
    // The page fetches itself again without this element, and may have done so already.
    if (hadFocus) document.getElementById("main").focus();
    this.querySelector(".field").hidden = true;
    this.show(this.dataset[integrity] ?? "", "");
    toast(this.dataset[integrity] ?? "", isGood ? "ok" : "bad");
  }

  refuse(text) {
    this.hasher?.terminate();
    this.input.value = "";
    this.show("", text);
  }

  /** What goes on, what is wrong, and how far it is, if it goes on. */
  show(said, wrong, share) {
    const place = this.querySelector("[data-wrong]");
    this.querySelector("[data-said]").textContent = said;
    place.textContent = wrong;
    place.hidden = !wrong;
    this.bar.hidden = share === undefined;
    this.bar.value = share ?? 0;
  }
});
