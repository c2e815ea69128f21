/** What messages cite, kept to what this reader may see now: whatever may have moved sight has them rendered again, a page at a time. */

const AT_ONCE = 50;
const GATHERED_FOR = 60;
const CITING = ".cited, .is-reference, .is-unseen";
/** What these say may concern any citation; a task or an exhibit concerns those that link to it, an exhibit also those that hide. */
const ANY = new Set(["country_rule", "membership", "workspace"]);

export class Citations {
  #stale = new Set();
  #isRendering = false;

  /** `render` fetches messages by their numbers and puts them in. */
  constructor(list, render) {
    this.list = list;
    this.render = render;
  }

  changed({ noun, id }) {
    if (ANY.has(noun)) return this.again(CITING);
    if (noun === "exhibit") this.again(`[href$="${id}"], .is-unseen`);
    else if (noun === "task") this.again(`[href$="${id}"]`);
  }

  /** Render again the messages that hold what a selector finds. */
  async again(what = CITING) {
    for (const item of this.list.list.querySelectorAll(".message[data-number]")) if (item.querySelector(what)) this.#stale.add(item.dataset.number);
    if (this.#isRendering) return;
    this.#isRendering = true;
    await new Promise((resolve) => setTimeout(resolve, GATHERED_FOR));
    while (this.#stale.size) {
      const some = [...this.#stale].slice(0, AT_ONCE);
      for (const number of some) this.#stale.delete(number);
      await this.render(some);
    }
    this.#isRendering = false;
  }
}
