/** jit-go-on: what waited for a confirmation is sent on by itself, once. */
customElements.define("jit-go-on", class extends HTMLElement {
  connectedCallback() {
    const form = this.querySelector("form");
    if (this.hasAttribute("data-sent")) return;
    this.dataset.sent = "";
    form.requestSubmit();
  }
});
