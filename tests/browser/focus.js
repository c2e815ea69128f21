// What is wrong with where the focus is, or "": a person without a mouse must see it at every step.
() => {
  const at = document.activeElement;
  if (!at || at === document.body) return "nothing has the focus";
  const name = `${at.tagName} ${at.id || at.getAttribute("aria-label") || at.innerText || ""}`.trim().slice(0, 60);
  const rings = (element, part) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(element, part);
    return outlineStyle !== "none" && parseFloat(outlineWidth) > 0;
  };
  const frame = at.closest(".compose");
  // The button within a field for a date has a ring of its own, which no script sees.
  const isInsideDate = at.matches('[type^="date"], [type="time"]') && !at.matches(":focus-visible");
  const isRinged = rings(at) || rings(at, "::after") || (frame && getComputedStyle(frame).boxShadow.includes("2px"));
  if (!isRinged && !isInsideDate) return `no ring: ${name}`;
  const { left, right, top, bottom } = at.getBoundingClientRect();
  if (right - left < 2 || bottom - top < 2) return `nothing to see: ${name}`;
  if (bottom <= 0 || top >= innerHeight || right <= 0 || left >= innerWidth) return `outside the window: ${name}`;
  const middle = (low, high, most) => Math.min(Math.max((low + high) / 2, 1), most - 1);
  const over = document.elementFromPoint(middle(left, right, innerWidth), middle(top, bottom, innerHeight));
  return over && !at.contains(over) && !over.contains(at) ? `covered by ${over.tagName}.${over.className}: ${name}` : "";
}
