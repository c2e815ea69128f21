/** How an upload speaks to the server: the page's token, checksums, and the reasons of refusals. */
import { DefaultHttpStack } from "tus-js-client";
import { FOR_VIEWER } from "./renewed.js";
import { csrfToken } from "./requests.js";

/** A piece no longer than this is held in memory, and carries its checksum. */
export const MOST_CHECKED = 16 * 1024 * 1024;

/** How a browser says that a file was changed, moved or taken away since it was chosen. */
export const UNREADABLE = /^(NotReadable|NotFound)Error/;

/** Put the server's present CSRF token into the page; answers the status, and whether it was another one. */
export async function renewToken(endpoint) {
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
export class HttpStack extends DefaultHttpStack {
  constructor(endpoint) {
    super();
    this.endpoint = endpoint;
    this.hasNewToken = false;
  }

  createRequest(method, url) {
    const request = super.createRequest(method, url);
    const send = request.send.bind(request);
    const abort = request.abort.bind(request);
    let isAborted = false;
    for (const [name, value] of Object.entries(FOR_VIEWER)) request.setHeader(name, value);
    request.abort = () => {
      isAborted = true;
      return abort();
    };
    request.send = async (body) => {
      if (method !== "HEAD") request.setHeader("X-CSRFToken", csrfToken());
      if (method === "PATCH" && body?.size <= MOST_CHECKED) request.setHeader("Upload-Checksum", await checksum(body));
      // Stopped meanwhile, it would go out none the less, and without what its headers said.
      if (isAborted) return new Promise(() => {});
      const answer = await send(body);
      this.hasNewToken = answer.getStatus() === 400 && (await renewToken(this.endpoint)).isNew;
      return answer;
    };
    return request;
  }
}

/** Declare the hash of what was sent to this upload; none without an answer. A token that is no longer the right one is renewed. */
export async function declareHash(endpoint, upload, said) {
  const answer = await fetch(`${upload}/hash`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrfToken(), "X-Requested-With": "fetch" },
    body: JSON.stringify(said),
  }).catch(() => null);
  const isForeign = answer?.status === 400 && (await renewToken(endpoint)).isNew;
  return isForeign ? declareHash(endpoint, upload, said) : answer;
}

/** Why the server refused, in its words; none without an answer, or in a proxy's own page. */
export function reasonIn(answer) {
  try {
    return JSON.parse(answer.getBody()).error ?? "";
  } catch {
    return "";
  }
}

export const reasonOf = (answer) => answer.json().then(({ error }) => error ?? "", () => "");
