/** jit-copy[data-text]: its button copies the text and says so. */
import { toast } from "./toast.js";

customElements.define("jit-copy", class extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", async () => {
      await navigator.clipboard.writeText(this.dataset.text);
      toast(this.dataset.done, "ok");
    });
  }
});
