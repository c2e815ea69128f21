/** Files from an input, a folder, or dropped on the page; each as {file, path}, where path names the folders it came in. */

const chosen = (input) => [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));

async function entriesOf(folder) {
  const reader = folder.createReader();
  const all = [];
  // A reader answers a hundred at a time, and nothing once it has said all.
  for (let some; (some = await new Promise((done, failed) => reader.readEntries(done, failed))).length; ) all.push(...some);
  return all;
}

/** Add every file below an entry to found.files; what may not be read, or went away, makes it found.isPartial. */
async function walk(entry, found, path = "") {
  const here = path ? `${path}/${entry.name}` : entry.name;
  try {
    if (entry.isFile) found.files.push({ file: await new Promise((done, failed) => entry.file(done, failed)), path: here });
    else for (const inner of await entriesOf(entry)) await walk(inner, found, here);
  } catch {
    found.isPartial = true;
  }
}

async function dropped(transfer) {
  // Both are asked at once: after the first pause the browser has forgotten what was dropped.
  const items = [...transfer.items].filter((item) => item.kind === "file").map((item) => [item.webkitGetAsEntry(), item.getAsFile()]);
  const found = { files: [], isPartial: false };
  for (const [entry, file] of items) {
    if (entry) await walk(entry, found);
    else if (file) found.files.push({ file, path: file.name });
  }
  return found;
}

/** Call take({files, isPartial}) whenever files or a folder are chosen in this element, and with what was chosen before it listened. */
export function pick(zone, take) {
  const input = zone.querySelector('input[type="file"]');
  const read = () => {
    if (input.files.length) take({ files: chosen(input) });
    input.value = "";
  };
  input.addEventListener("change", read);
  read();
  zone.querySelector("[data-folder]")?.addEventListener("click", () => {
    const folder = document.createElement("input");
    folder.type = "file";
    folder.webkitdirectory = true;
    folder.addEventListener("change", () => take({ files: chosen(folder) }));
    folder.click();
  });
}

/**
 * Call take whenever files are dropped anywhere on the page, which is-dropping marks while they hover over it. A drop that cannot be
 * taken, for a question stands open, does nothing: left to the browser it would leave the page and end what is being sent.
 */
export function catchDrops(take, mayTake) {
  const mark = (isOver) => document.documentElement.classList.toggle("is-dropping", isOver);
  const hover = (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = mayTake() ? "copy" : "none";
    mark(mayTake());
  };
  document.addEventListener("dragenter", hover);
  document.addEventListener("dragover", hover);
  document.addEventListener("dragleave", (event) => event.relatedTarget ?? mark(false));
  document.addEventListener("drop", async (event) => {
    mark(false);
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    if (mayTake()) take(await dropped(event.dataTransfer));
  });
}
