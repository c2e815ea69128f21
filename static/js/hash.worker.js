/** SHA-256 of a whole file off the main thread: receives {file}, answers {done} in bytes as it goes, then {sha256} in hex, or {error}. */
import { createSHA256 } from "hash-wasm";

const STEP = 16 * 1024 * 1024;

self.addEventListener("message", async ({ data: { file } }) => {
  try {
    const hash = await createSHA256();
    hash.init();
    for (let start = 0; start < file.size; start += STEP) {
      const bytes = new Uint8Array(await file.slice(start, start + STEP).arrayBuffer());
      hash.update(bytes);
      self.postMessage({ done: start + bytes.length });
    }
    self.postMessage({ sha256: hash.digest("hex") });
  } catch (error) {
    self.postMessage({ error: String(error) }); // the file may have been moved or changed while it was read
  }
});
