/** Files from an input, a folder, or dropped on the page; each as {file, path}, where path names the folders it came in. */

const chosen = (input) => [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));

async function entriesOf(folder) {
  const reader = folder.createReader();
  const all = [];
  // A reader answers a hundred at a time, and nothing once it has said all.
  for (let some; (some = await new Promise((done, failed) => reader.readEntries(done, failed))).length; ) all.push(...some);
  return all;
}

async function filesIn(entry, path = "") {
  const here = path ? `${path}/${entry.name}` : entry.name;
  if (entry.isFile) return [{ file: await new Promise((done, failed) => entry.file(done, failed)), path: here }];
  const found = [];
  for (const inner of await entriesOf(entry)) found.push(...(await filesIn(inner, here)));
  return found;
}

async function dropped(transfer) {
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry());
  const found = [];
  for (const entry of entries) if (entry) found.push(...(await filesIn(entry)));
  return found;
}

/** Call take(files, failed) whenever files are chosen in, or dropped on, this element; failed when some could not be read. */
export function pick(zone, take) {
  const input = zone.querySelector('input[type="file"]');
  input.addEventListener("change", () => {
    take(chosen(input));
    input.value = "";
  });
  zone.querySelector("[data-folder]")?.addEventListener("click", () => {
    const folder = document.createElement("input");
    folder.type = "file";
    folder.webkitdirectory = true;
    folder.addEventListener("change", () => take(chosen(folder)));
    folder.click();
  });
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("is-over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("is-over"));
  zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("is-over");
    try {
      take(await dropped(event.dataTransfer));
    } catch {
      take([], true); // a folder that went away, or that may not be read
    }
  });
}
