/**
 * Previews: text, PDF page by page, pictures and recordings. Bytes come from our own origin, through the policy. Where there is nothing to
 * show, the words stand beside in template[data-says]: "away", whose [data-again] tries again, "broken", and "refused", for the server's own.
 */
import { startWorker } from "./trusted.js";

const AWAY = "away";
const BROKEN = "broken";
const UNREACHED = new Set([0, 502, 503, 504]);
const UNREADABLE = new Set(["InvalidPDFException", "PasswordException", "FormatError"]);

const ask = (address) => fetch(address, { headers: { "X-Requested-With": "fetch" } }).catch(() => null);

/** What an answer that shows nothing says, and in whose words. */
async function meaning(answer) {
  if (UNREACHED.has(answer?.status ?? 0)) return [AWAY];
  return ["refused", await answer.json().then(({ error }) => error, () => "")];
}

/** What is the matter with an address that gave nothing to show; with no more than its bytes, as said. Nothing is shown, nor on record. */
async function matter(address, ofBytes) {
  const answer = await ask(`${address}?as=look`);
  return answer?.ok ? [ofBytes] : meaning(answer);
}

class Preview extends HTMLElement {
  connectedCallback() {
    if (this.isStarted) return;
    this.isStarted = true;
    this.begin();
  }

  /** Put this in the place of what is shown; the focus does not get lost with what goes. */
  put(...elements) {
    const hadFocus = this.contains(document.activeElement);
    this.replaceChildren(...elements);
    const next = this.querySelector("button, [controls], a") ?? this.querySelector("[tabindex]");
    if (hadFocus) next?.focus();
  }

  say([what, reason]) {
    const words = this.parentElement.querySelector(`template[data-says="${what}"]`).content.cloneNode(true);
    if (reason) words.querySelector("p").textContent = reason;
    this.put(words);
    this.querySelector("[data-again]")?.addEventListener("click", ({ currentTarget }) => this.again(currentTarget), { once: true });
  }

  /** Once: a try that came to nothing must not take the place of what a later one shows. */
  again(button) {
    button.setAttribute("aria-disabled", "true");
    this.begin();
  }
}

class TextPreview extends Preview {
  async begin() {
    const answer = await ask(this.dataset.src);
    if (!answer?.ok) return this.say(await meaning(answer));
    const text = await answer.text().catch(() => null);
    if (text === null) return this.say([AWAY]);
    const shown = document.createElement("pre");
    shown.dir = "auto";
    shown.tabIndex = 0;
    shown.textContent = text;
    this.put(shown);
  }
}

/** Holds an element that fetches and shows by itself, until that says that it cannot. */
class MediaPreview extends Preview {
  begin() {
    const media = (this.media = this.media?.cloneNode() ?? this.firstElementChild);
    media.addEventListener("error", () => this.failed(media));
    if (media.parentElement !== this) this.put(media);
    // What went wrong before anybody listened.
    if (media.error || (media.complete && !media.naturalWidth)) this.failed(media);
  }

  async failed(media) {
    const what = await matter(media.src, BROKEN);
    if (this.media === media && media.isConnected) this.say(what);
  }
}

class PdfPreview extends Preview {
  async begin() {
    try {
      const pdfjs = await import("pdfjs-dist");
      pdfjs.GlobalWorkerOptions.workerPort ??= startWorker("pdf.worker.js");
      const opening = pdfjs.getDocument({ url: this.dataset.src, isEvalSupported: false, enableXfa: false, verbosity: 0, rangeChunkSize: 1 << 20, disableAutoFetch: true });
      this.show(await opening.promise);
    } catch (error) {
      this.failed(error);
    }
  }

  async failed(error) {
    this.say(UNREADABLE.has(error.name) ? [BROKEN] : await matter(this.dataset.src, AWAY));
  }

  show(pdf) {
    const pages = document.createElement("div");
    pages.className = "pdf-pages";
    pages.tabIndex = 0;
    this.put(pages);
    const watching = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting || "drawn" in target.dataset) continue;
        target.dataset.drawn = "";
        this.draw(pdf, target).catch((error) => pages.isConnected && this.failed(error));
      }
    }, { root: null, rootMargin: "600px" });
    for (let number = 1; number <= pdf.numPages; number += 1) {
      const figure = document.createElement("figure");
      const label = this.dataset.page.replace("%(number)s", number).replace("%(count)s", pdf.numPages);
      const canvas = document.createElement("canvas");
      canvas.dir = "ltr"; // what a PDF draws is placed letter by letter, and would be turned round where the page runs the other way
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", label);
      const caption = document.createElement("figcaption");
      caption.textContent = label;
      figure.dataset.number = number;
      figure.append(canvas, caption);
      pages.append(figure);
      watching.observe(figure);
    }
  }

  async draw(pdf, figure) {
    const page = await pdf.getPage(Number(figure.dataset.number));
    const canvas = figure.querySelector("canvas");
    const natural = page.getViewport({ scale: 1 });
    const viewport = page.getViewport({ scale: Math.min(2, (figure.clientWidth / natural.width) * devicePixelRatio) });
    canvas.width = viewport.width;
    canvas.height = viewport.height;
    await page.render({ canvasContext: canvas.getContext("2d"), viewport }).promise;
  }
}

customElements.define("jit-text", TextPreview);
customElements.define("jit-media", MediaPreview);
customElements.define("jit-pdf", PdfPreview);
