/**
 * One file on its way: sent by tus while its SHA-256 is computed beside, then the hash is declared. It says what happens to it by
 * change(state, more): "sending" {done, total}, "hashing" {done, total}, "paused", "waiting", "signed-out", "failed", "refused" {reason},
 * "changed", "gone", "cancelled", "finished".
 */
import { DefaultHttpStack, Upload } from "tus-js-client";
import { askToSignIn } from "./dialog.js";
import { csrfToken } from "./requests.js";
import { startWorker } from "./trusted.js";
import { forget, remember } from "./upload-memory.js";

const CHUNK = 64 * 1024 * 1024;
const CHECKED = 16 * 1024 * 1024;
const RETRY_AFTER = [300, 1000, 2000, 4000, 8000, 15_000, 30_000, 30_000];
const LOOK_AGAIN = 5000;
const WAITS = new Set([0, 409, 423, 460]);

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Put the server's present CSRF token into the page; answers the status, and whether it was another one. */
async function renewToken(endpoint) {
  const answer = await fetch(`${endpoint}/token`, { headers: { "X-Requested-With": "fetch" } });
  if (!answer.ok) return { status: answer.status, isNew: false };
  const { csrf } = await answer.json();
  const isNew = csrf !== csrfToken();
  document.querySelector('meta[name="csrf-token"]').content = csrf;
  return { status: 200, isNew };
}

async function checksum(blob) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await blob.arrayBuffer()));
  return `sha256 ${btoa(String.fromCharCode(...digest))}`;
}

/** Requests that carry the page's token, and the checksum of pieces small enough to be held in memory. */
class HttpStack extends DefaultHttpStack {
  constructor(endpoint) {
    super();
    this.endpoint = endpoint;
    this.hasNewToken = false;
  }

  createRequest(method, url) {
    const request = super.createRequest(method, url);
    const send = request.send.bind(request);
    request.send = async (body) => {
      if (method !== "HEAD") request.setHeader("X-CSRFToken", csrfToken());
      if (method === "PATCH" && body?.size <= CHECKED) request.setHeader("Upload-Checksum", await checksum(body));
      const answer = await send(body);
      this.hasNewToken = answer.getStatus() === 400 && (await renewToken(this.endpoint)).isNew;
      return answer;
    };
    return request;
  }
}

function reasonIn(answer) {
  try {
    return JSON.parse(answer.getBody()).error ?? "";
  } catch {
    return ""; // a proxy's own page
  }
}

export class Transfer {
  #upload;
  #hasher;
  #sha256;
  #isSent = false;
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
      onProgress: (done, total) => this.change("sending", { done, total }),
      onError: (error) => this.#stopped(error),
      onSuccess: () => this.#sent(),
    });
  }

  pause() {
    this.#upload.abort();
    this.change("paused");
  }

  resume() {
    this.change("waiting");
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

  /** A file that was changed, moved or taken away cannot be read as it was chosen: what was sent of it proves nothing. */
  #notHashed(error) {
    this.#hasher.terminate();
    this.#hasher = undefined;
    this.#upload.abort();
    if (/^(NotReadable|NotFound)Error/.test(error)) this.#give("changed");
    else this.change("failed");
  }

  #mayRetry(error) {
    const status = error.originalResponse?.getStatus() ?? 0;
    if (this.#isOver) return false;
    const isBeginning = error.originalRequest?.getMethod() === "POST";
    const isWorthIt = status >= 500 || (WAITS.has(status) && !(isBeginning && status === 409)) || this.http.hasNewToken;
    if (isWorthIt) this.change("waiting");
    return isWorthIt;
  }

  #stopped(error) {
    if (this.#isOver) return;
    const answer = error.originalResponse;
    const status = answer?.getStatus() ?? 0;
    if (status === 401) this.#awaitSignIn();
    else if (status === 404 || status === 410) this.#give("gone");
    else if (status >= 400 && status < 500 && !WAITS.has(status)) this.#give("refused", { reason: reasonIn(answer) });
    else if (status === 409) this.#give("refused", { reason: reasonIn(answer) });
    else this.change("failed");
  }

  async #give(state, more) {
    this.#end();
    await forget(this.workspace, this.file, this.path);
    this.change(state, more);
  }

  /** Say so, and go on by itself once the person has signed in again, here or in another window. */
  async #awaitSignIn() {
    this.change("signed-out");
    askToSignIn();
    for (let status = 401; status !== 200 && !this.#isOver; ) {
      await pause(LOOK_AGAIN);
      status = await renewToken(this.endpoint).then((found) => found.status, () => 0);
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
    const answer = await fetch(`${this.#upload.url}/hash`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken(), "X-Requested-With": "fetch" },
      body: JSON.stringify({ sha256: this.#sha256 }),
    }).catch(() => null);
    if (answer?.ok) this.#give("finished", await answer.json());
    else if (answer?.status === 401) this.#awaitSignIn();
    else if (answer?.status === 400 && (await renewToken(this.endpoint)).isNew) this.#declare();
    else if (answer && answer.status < 500) this.#give("refused", { reason: (await answer.json()).error });
    else this.change("failed");
  }

  #end() {
    this.#isOver = true;
    this.#hasher?.terminate();
  }
}
