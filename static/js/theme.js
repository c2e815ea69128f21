/** Light, dark or as the device: set before the first paint, remembered in this browser. */
const root = document.documentElement;
root.dataset.js = "";

function chosen() {
  try {
    return localStorage.getItem("theme") ?? "auto";
  } catch (error) {
    if (error instanceof DOMException) return "auto"; // storage is switched off in this browser
    throw error;
  }
}

function mark() {
  for (const button of document.querySelectorAll("[data-theme-choice]"))
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === root.dataset.theme));
}

root.dataset.theme = chosen();
document.addEventListener("DOMContentLoaded", mark);
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-theme-choice]");
  if (!button) return;
  root.dataset.theme = button.dataset.themeChoice;
  localStorage.setItem("theme", root.dataset.theme);
  mark();
  button.closest("[popover]")?.hidePopover();
});
