/** Previews that a browser does not show by itself: text, and PDF page by page. Bytes come from our own origin, through the policy. */
import { startWorker } from "./trusted.js";

class TextPreview extends HTMLElement {
  async connectedCallback() {
    const text = await this.read();
    const shown = document.createElement(text === null ? "p" : "pre");
    shown.dir = "auto";
    shown.tabIndex = 0;
    shown.textContent = text ?? this.dataset.failed;
    this.replaceChildren(shown);
  }

  /** The text, or null when the portal does not answer with it. */
  async read() {
    try {
      const answer = await fetch(this.dataset.src, { headers: { "X-Requested-With": "fetch" } });
      return answer.ok ? await answer.text() : null;
    } catch {
      return null;
    }
  }
}

class PdfPreview extends HTMLElement {
  async connectedCallback() {
    if (this.isStarted) return;
    this.isStarted = true;
    try {
      const pdfjs = await import("pdfjs-dist");
      pdfjs.GlobalWorkerOptions.workerPort ??= startWorker("pdf.worker.js");
      const opening = pdfjs.getDocument({ url: this.dataset.src, isEvalSupported: false, enableXfa: false, verbosity: 0, rangeChunkSize: 1 << 20, disableAutoFetch: true });
      await this.show(await opening.promise);
    } catch {
      const said = document.createElement("p");
      said.textContent = this.dataset.failed;
      this.replaceChildren(said);
    }
  }

  async show(pdf) {
    const pages = document.createElement("div");
    pages.className = "pdf-pages";
    pages.tabIndex = 0;
    this.replaceChildren(pages);
    const watching = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting || target.dataset.drawn) continue;
        target.dataset.drawn = "";
        this.draw(pdf, target);
      }
    }, { root: null, rootMargin: "600px" });
    for (let number = 1; number <= pdf.numPages; number += 1) {
      const figure = document.createElement("figure");
      const label = this.dataset.page.replace("%(number)s", number).replace("%(count)s", pdf.numPages);
      const canvas = document.createElement("canvas");
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
customElements.define("jit-pdf", PdfPreview);
