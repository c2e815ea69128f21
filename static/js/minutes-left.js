/** jit-minutes-left[data-until]: whole minutes until then, kept right while the page stays open. */
customElements.define("jit-minutes-left", class extends HTMLElement {
  connectedCallback() {
    this.timer = setInterval(() => {
      const left = Math.ceil((new Date(this.dataset.until) - Date.now()) / 60_000);
      this.textContent = Math.max(0, left);
    }, 5_000);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }
});
