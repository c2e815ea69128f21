/**
 * One file on its way: sent by tus while its SHA-256 is computed beside, then the hash is declared. It says what happens to it by
 * change(state, more): "beginning", "sending" {done, total}, "hashing" {done, total}, "paused" and "waiting" {reason}, both once it is known with
 * {done, total} of what is stored, "away" while the vault does not answer, "elsewhere", "signed-out", "failed" {reason}, "refused" {reason}, "changed",
 * "gone", "ended", "cancelled", "finished", and when asked "verified" or "mismatch".
 */
import { Upload } from "tus-js-client";
import { askToSignIn } from "./dialog.js";
import { startWorker } from "./trusted.js";
import { declareHash, HttpStack, MOST_CHECKED, reasonIn, reasonOf, renewToken, UNREADABLE } from "./upload-http.js";
import { forget, remember } from "./upload-memory.js";

const CHUNK = 128 * 1024 * 1024;
const RETRY_AFTER = [300, 1000, 2000, 4000, ...Array(20).fill(5000)];
const LOOK_AGAIN = 5000;
const WAITS = new Set([0, 409, 423, 460]);

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

export class Transfer {
  #upload;
  #hasher;
  #sha256;
  #reason = "";
  #stored = 0;
  #isAsking = true;
  #isSent = false;
  #isGoing = false;
  #isPaused = false;
  #isOver = false;

  constructor({ file, path, endpoint, workspace, metadata, url, change }) {
    Object.assign(this, { file, path, endpoint, workspace, change });
    this.http = new HttpStack(endpoint);
    this.#upload = new Upload(file, {
      // Without an endpoint nothing is begun anew behind the person's back when the upload is not found.
      endpoint: url ? null : endpoint,
      uploadUrl: url ?? null,
      metadata: { ...metadata, key: crypto.randomUUID(), filename: file.name, filetype: file.type },
      chunkSize: CHUNK,
      retryDelays: RETRY_AFTER,
      storeFingerprintForResuming: false,
      httpStack: this.http,
      onShouldRetry: (error) => this.#mayRetry(error),
      onUploadUrlAvailable: () => this.#begun(),
      onProgress: (done, total) => this.#moved(done, total),
      onChunkComplete: (_, stored) => this.#gotThrough(stored),
      onError: (error) => this.#stopped(error),
      onSuccess: () => this.#sent(),
    });
  }

  /** Of the piece that was under way the vault may have kept all that came, or nothing: how far it is, only it can tell. */
  async pause() {
    this.#isPaused = true;
    this.#isGoing = false;
    this.#upload.abort();
    this.change("paused");
    const answer = this.#upload.url && (await this.#ask());
    if (answer?.ok && this.#isPaused) this.change("paused", { done: Number(answer.headers.get("Upload-Offset")), total: this.file.size });
  }

  /** Go on where it rests: nothing is begun beside what is under way. */
  resume() {
    if (this.#isGoing) return;
    this.#isGoing = true;
    this.#isPaused = false;
    this.#isAsking = true;
    if (this.#reason) this.change("waiting", { reason: this.#reason });
    else this.change("beginning");
    if (!this.#hasher) this.#hash();
    if (this.#isSent) this.#declare();
    else this.#upload.start();
  }

  async cancel() {
    this.#end();
    await forget(this.workspace, this.file, this.path);
    await this.#upload.abort(Boolean(this.#upload.url));
    this.change("cancelled");
  }

  #begun() {
    this.#upload.options.endpoint = null;
    remember(this.workspace, this.file, this.path, this.#upload.url);
  }

  #hash() {
    this.#hasher = startWorker("hash.worker.js");
    this.#hasher.addEventListener("message", ({ data }) => {
      if (data.done !== undefined && this.#isSent) this.change("hashing", { done: data.done, total: this.file.size });
      if (data.error !== undefined) this.#notHashed(data.error);
      if (data.sha256 === undefined) return;
      this.#sha256 = data.sha256;
      this.#hasher.terminate();
      if (this.#isSent) this.#declare();
    });
    this.#hasher.addEventListener("error", ({ message }) => this.#notHashed(message ?? ""));
    this.#hasher.postMessage({ file: this.file });
  }

  #notHashed(error) {
    this.#hasher.terminate();
    this.#hasher = undefined;
    this.#isGoing = false;
    this.#upload.abort();
    if (UNREADABLE.test(error)) this.#give("changed");
    else this.change("failed");
  }

  /** A file that was changed, moved or taken away cannot be read as it was chosen: what was sent of it proves nothing. */
  async #lookAtFile() {
    const error = await this.file.slice(0, 1).arrayBuffer().then(() => "", String);
    if (!UNREADABLE.test(error) || this.#isOver) return;
    this.#upload.abort();
    this.#give("changed");
  }

  /** Bytes leave: while a refusal is being tried again its words stand, beside what is stored, until bytes were taken. */
  #moved(done, total) {
    // What is said first is how far the vault has come.
    if (this.#isAsking) this.#stored = done;
    this.#isAsking = false;
    if (this.#reason) this.change("waiting", { done: this.#stored, total, reason: this.#reason });
    else this.change("sending", { done, total });
  }

  #gotThrough(stored) {
    this.#stored = stored;
    this.#reason = "";
    this.#upload.options.chunkSize = CHUNK;
  }

  #mayRetry(error) {
    const status = error.originalResponse?.getStatus() ?? 0;
    if (this.#isOver) return false;
    const isBeginning = error.originalRequest?.getMethod() === "POST";
    const isWorthIt = status >= 500 || (WAITS.has(status) && !(isBeginning && status === 409)) || this.http.hasNewToken;
    if (isWorthIt) this.#wait(status, reasonIn(error.originalResponse));
    return isWorthIt;
  }

  /** Say why it does not go on, in the server's words where it has some, and knock again with no more than a small piece. */
  #wait(status, reason) {
    this.#reason = status ? reason || this.#reason : "";
    this.#upload.options.chunkSize = MOST_CHECKED;
    this.#isAsking = true;
    if (status === 423) this.change("elsewhere");
    else if (status >= 500 && !this.#reason) this.change("away");
    else this.change("waiting", { reason: this.#reason });
    if (!status) this.#lookAtFile();
  }

  #stopped(error) {
    if (this.#isOver) return;
    this.#isGoing = false;
    const answer = error.originalResponse;
    const status = answer?.getStatus() ?? 0;
    if (status === 401) this.#awaitSignIn();
    else if (status === 409 || (status >= 400 && status < 500 && !WAITS.has(status))) this.#refused(status, reasonIn(answer));
    else this.change("failed", { reason: this.#reason });
  }

  #refused(status, reason) {
    if (status === 404) this.#give("ended");
    else if (status === 410) this.#give("gone");
    else this.#give("refused", { reason });
  }

  /** It is over; a file that cannot be read just now is remembered, for it may come back as it was. */
  async #give(state, more) {
    if (this.#isOver) return;
    this.#end();
    if (state !== "changed") await forget(this.workspace, this.file, this.path);
    this.change(state, more);
  }

  /** Say so, and go on by itself once the person has signed in again, here or in another window. */
  async #awaitSignIn() {
    const look = () => renewToken(this.endpoint).then(({ status }) => status, () => 0);
    let hasAsked = false;
    let status = await look(); // by a newer cookie, if there is one
    while (status !== 200 && !this.#isOver) {
      if (status === 401 && !hasAsked) {
        hasAsked = true;
        this.change("signed-out");
        askToSignIn();
      }
      await pause(LOOK_AGAIN);
      status = await look();
    }
    if (!this.#isOver) this.resume();
  }

  #sent() {
    this.#isSent = true;
    if (this.#sha256) this.#declare();
    else this.change("hashing", { done: 0, total: this.file.size });
  }

  async #declare() {
    if (!this.#sha256) return;
    const answer = await declareHash(this.endpoint, this.#upload.url, { sha256: this.#sha256 });
    this.#isGoing = false;
    if (answer?.ok) this.#give("finished", await answer.json());
    else if (answer?.status === 401) this.#awaitSignIn();
    else if (answer && answer.status < 500) this.#refused(answer.status, await reasonOf(answer));
    else this.change("failed", { reason: answer ? await reasonOf(answer) : "" });
  }

  /** What was found when it was read back, if that is done. */
  async look() {
    const answer = await this.#ask();
    const found = answer?.headers.get("Upload-Integrity");
    if (found === "verified" || found === "mismatch") this.change(found);
  }

  #ask() {
    return fetch(this.#upload.url, { method: "HEAD", headers: { "Tus-Resumable": "1.0.0" } }).catch(() => null);
  }

  #end() {
    this.#isOver = true;
    this.#isPaused = false;
    this.#hasher?.terminate();
  }
}
