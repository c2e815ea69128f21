/**
 * One connection that says what changed, never what it says now. The server sends ("changed", {noun, id}); every element with
 * data-live="noun" or data-live="noun:id" (several, with spaces) fetches its data-src again. Missing now means gone: it is removed.
 */
import { io } from "socket.io-client";
import { askToSignIn } from "./dialog.js";
import htmx from "./htmx.js";

const GATHERED_FOR = 60;
const SAID_AFTER = 2500;
const TRIES_WITH_NEW_COOKIE = 3;
const TRIES_EVERY = 2000;
const viewer = document.querySelector('meta[name="viewer"]');
const isFetching = new Map();
let wasConnected = false;

/**
 * The connection, or null on a page without a signed-in person; modules may emit their own verbs on it. It is opened once whoever
 * listens to it is there; the server then tells whether this page missed anything since it was made.
 */
export const socket = viewer && io({
  transports: ["websocket", "polling"],
  autoConnect: false,
  auth: (send) => send({ viewer: viewer.content, ...(wasConnected ? {} : { as_of: Number(viewer.dataset.asOf) }) }),
});

async function fetchAgain(element) {
  if (isFetching.has(element)) {
    isFetching.set(element, "again");
    return;
  }
  isFetching.set(element, "once");
  await new Promise((resolve) => setTimeout(resolve, GATHERED_FOR));
  isFetching.set(element, "once");
  if (element.isConnected) await htmx.ajax("GET", element.dataset.src, { source: element, target: element, swap: element.dataset.swap ?? "outerMorph" });
  const isStale = isFetching.get(element) === "again";
  isFetching.delete(element);
  if (isStale && element.isConnected) fetchAgain(element);
}

function concerns(element, noun, id) {
  return element.dataset.live.split(/\s+/).some((word) => word === noun || word === `${noun}:${id}`);
}

/** Fetch again every element that shows this thing, and tell modules by the event "jit:changed". */
export function changed({ noun, id }) {
  document.dispatchEvent(new CustomEvent("jit:changed", { detail: { noun, id } }));
  for (const element of document.querySelectorAll("[data-live][data-src]")) if (concerns(element, noun, id)) fetchAgain(element);
}

// What was said while nobody listened, here or on the server, was not heard.
function lookAgain() {
  document.dispatchEvent(new CustomEvent("jit:reconnected"));
  document.querySelectorAll("[data-live][data-src]").forEach(fetchAgain);
}

function watch() {
  const banner = document.getElementById("connection");
  let saying;
  let tries = 0;
  const lost = () => { saying ??= setTimeout(() => { banner.hidden = false; }, SAID_AFTER); };
  socket.on("connect", () => {
    clearTimeout(saying);
    saying = undefined;
    banner.hidden = true;
    tries = 0;
    document.documentElement.dataset.connected = "";
    if (wasConnected) lookAgain();
    wasConnected = true;
  });
  socket.on("disconnect", (reason) => {
    delete document.documentElement.dataset.connected;
    if (reason === "io server disconnect") askToSignIn();
    else if (reason !== "io client disconnect") lost();
  });
  // The login goes on under another cookie, which may come after this: a refusal is no news yet.
  socket.on("renewed", () => { tries = TRIES_WITH_NEW_COOKIE; });
  socket.on("connect_error", () => {
    if (socket.active) lost();
    else if (--tries > 0) setTimeout(() => socket.connect(), TRIES_EVERY);
    else askToSignIn();
  });
  socket.on("changed", changed);
  // What carries a message says that it changed, too.
  socket.on("message", ({ id }) => changed({ noun: "message", id }));
  // She has read on, in this window or another.
  socket.on("read", ({ channel }) => changed({ noun: "read_mark", id: channel }));
  socket.on("look_again", lookAgain);
  // A line still being built goes down with its page; closing it by hand would only make the console complain.
  addEventListener("pagehide", () => socket.connected && socket.disconnect());
  addEventListener("pageshow", (event) => event.persisted && socket.connect());
}

if (socket) watch();
