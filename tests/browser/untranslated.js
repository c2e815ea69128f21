([begin, end, data, words]) => {
  // Every text of the page, its templates and its attributes that stands outside the pseudo-language's marks, and is not data.
  const known = new Set(words);
  const escaped = data.map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).sort((a, b) => b.length - a.length);
  const people = new RegExp(`(?<![\\p{L}\\p{N}])(${escaped.join("|")})(?![\\p{L}\\p{N}])`, "gu");
  const apart = "bdi, time, kbd, code, pre, script, style, svg, [dir=auto], [translate=no]";
  let depth = 0;
  const outside = (text) => {
    let said = "";
    for (const sign of text) {
      if (sign === begin) { depth += 1; said += " "; }
      else if (sign === end) depth -= 1;
      else if (depth === 0) said += sign;
    }
    return said.trim();
  };
  const found = [];
  const examine = (text, where) => {
    const rest = outside(text).replace(people, " ");
    const foreign = rest.split(/[^\p{L}\p{M}\p{N}]+/u).filter((word) => /\p{L}{2}/u.test(word) && !/^[0-9a-f]{32,}$/.test(word) && !known.has(word));
    if (foreign.length) found.push(`${where}: ${text.trim().slice(0, 80)}`);
  };
  const walk = (root) => {
    const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node; node = texts.nextNode())
      // Where scripts run, what noscript holds is text with its tags.
      if (!node.parentElement?.closest(apart)) examine(node.parentElement?.localName === "noscript" ? node.data.replace(/<[^>]*>/g, " ") : node.data, node.parentElement?.localName ?? "template");
    for (const element of root.querySelectorAll("*")) {
      for (const name of ["title", "aria-label", "placeholder", "alt", "aria-description", "data-confirm"])
        if (element.hasAttribute(name) && !element.closest("svg")) examine(element.getAttribute(name), `@${name}`);
      if (element.localName === "template") walk(element.content);
    }
  };
  walk(document);
  if (depth) found.push(`a text begins or ends inside an element that is not examined: ${depth}`);
  return [...new Set(found)];
}
