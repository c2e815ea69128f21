/** The one Trusted Types policy of the house: workers of our own build, and what our own server rendered, parsed apart. */
const rules = {
  createScriptURL(address) {
    const url = new URL(address, import.meta.url);
    const folder = new URL(".", import.meta.url).href;
    if (!url.href.startsWith(folder) || !/^[\w.-]+\.js$/.test(url.href.slice(folder.length))) throw new TypeError(`not a script of this build: ${url}`);
    return url.href;
  },
  createHTML: (text) => text,
};
const policy = globalThis.trustedTypes?.createPolicy("app", rules) ?? rules;

/** Start a worker of the build by its plain name, such as "hash.worker.js". */
export function startWorker(name) {
  return new Worker(policy.createScriptURL(ASSETS[name]), { type: "module" });
}

/** The text of one element of a page that our own origin answered; the page is parsed apart, so nothing in it runs. */
export function textIn(page, selector) {
  return new DOMParser().parseFromString(policy.createHTML(page), "text/html").querySelector(selector)?.textContent.trim() ?? "";
}

/** The elements of a fragment that our own server rendered, for the inside of an element of this kind; scripts among them would not run. */
export function elementsIn(html, inside = "div") {
  const page = new DOMParser().parseFromString(policy.createHTML(`<${inside}>${html}</${inside}>`), "text/html");
  return [...page.body.firstElementChild.children].map((element) => document.adoptNode(element));
}
