/** Starts what every page has, and fetches what only some pages have when its element first appears. */
import "./renewed.js";
import "./requests.js";
import "./dialog.js";
import "./toast.js";
import "./double.js";
import "./faults.js";
import "./drafts.js";
import { socket } from "./live.js";
import "./notices.js";

/** Custom elements by name, and the module that defines each. A new one is a line here and a file beside this one. */
const ELEMENTS = {
  "jit-copy": () => import("./copy.js"),
  "jit-text": () => import("./preview.js"),
  "jit-pdf": () => import("./preview.js"),
  "jit-media": () => import("./preview.js"),
  "jit-upload": () => import("./vault-upload.js"),
  "jit-compare": () => import("./vault-compare.js"),
  "jit-go-on": () => import("./go-on.js"),
  "jit-minutes-left": () => import("./minutes-left.js"),
  "jit-passkey": () => import("./passkeys.js"),
  "jit-chat": () => import("./chat.js"),
  "jit-board": () => import("./board.js"),
};

function fetchModules(root) {
  const wanted = Object.entries(ELEMENTS).filter(([name]) => root.querySelector(name));
  return wanted.map(([name, load]) => {
    delete ELEMENTS[name];
    return load();
  });
}

new MutationObserver(() => fetchModules(document)).observe(document.body, { childList: true, subtree: true });
document.documentElement.dataset.starts = "";
Promise.allSettled(fetchModules(document)).then(() => {
  document.dispatchEvent(new Event("jit:started"));
  socket?.connect();
});

// On a narrow screen the tab one is at may lie outside the row of tabs.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
// A browser leaves one that is half in sight where it is, also when it gets the focus.
document.querySelector(".tabs")?.addEventListener("focusin", ({ target }) => target.scrollIntoView({ block: "nearest", inline: "nearest" }));
