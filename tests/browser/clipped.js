(begin) => {
  // Every text of the pseudo-language that its surroundings cut off, or that stands outside the window.
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const unseen = ".vh, .skip, .crumbs, svg, template, script, style, option"; // a page's heading says what crumbs shorten
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const own = node.parentElement;
    if (!node.data.includes(begin) || own.closest(unseen) || !own.checkVisibility({ visibilityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    const say = (why) => found.push(`${why}: ${own.localName}.${own.className}: ${node.data.trim().slice(0, 60)}`);
    let scrolls = false;
    for (let each = own; each && each !== document.body; each = each.parentElement) {
      const style = getComputedStyle(each), around = each.getBoundingClientRect();
      if (around.width <= 2 || around.height <= 2) { scrolls = true; break; } // said to screen readers only
      if (/auto|scroll/.test(style.overflowX)) scrolls = true;
      const hides = (overflow) => /hidden|clip/.test(overflow);
      if (hides(style.overflowX) && !scrolls && (box.right > around.right + 1 || box.left < around.left - 1)) say("cut");
      if (hides(style.overflowY) && !/auto|scroll/.test(style.overflowX) && box.bottom > around.bottom + 2 && !scrolls)
        say("cut below");
      if (style.position === "fixed") break;
    }
    if (!scrolls && (box.left < -1 || box.right > innerWidth + 1)) say("outside");
  }
  return [...new Set(found)];
}
