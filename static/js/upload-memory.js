/**
 * Which uploads this browser has begun, so that they go on after a reload when the same file is chosen again. Names and titles are not
 * kept: a file is known by a hash of who, where, its name, size and date.
 */
const KEPT_FOR = 7 * 24 * 3600 * 1000;
const viewer = document.querySelector('meta[name="viewer"]')?.content ?? "";
const prefix = (workspace) => `upload:${viewer}:${workspace}:`;

async function keyOf(workspace, file, path) {
  const text = JSON.stringify([path, file.size, file.lastModified]);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(prefix(workspace) + text)));
  return prefix(workspace) + [...digest.slice(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The address of this file's upload, if this browser began one that may still go on. */
export async function recall(workspace, file, path) {
  const kept = JSON.parse(localStorage.getItem(await keyOf(workspace, file, path)) ?? "null");
  return kept && Date.now() - kept.at < KEPT_FOR ? kept.url : undefined;
}

export async function remember(workspace, file, path, url) {
  localStorage.setItem(await keyOf(workspace, file, path), JSON.stringify({ url, at: Date.now() }));
}

export async function forget(workspace, file, path) {
  localStorage.removeItem(await keyOf(workspace, file, path));
}

/** Forget the upload at this address, whatever file it was of. */
export function forgetAddress(address) {
  for (const [key, kept] of Object.entries(localStorage))
    if (key.startsWith(`upload:${viewer}:`) && new URL(JSON.parse(kept).url, location.href).pathname === address) localStorage.removeItem(key);
}

/** How many uploads to this workspace this browser has begun and not ended. */
export function unfinished(workspace) {
  return Object.keys(localStorage).filter((key) => {
    if (!key.startsWith(prefix(workspace))) return false;
    const isOld = Date.now() - JSON.parse(localStorage.getItem(key)).at >= KEPT_FOR;
    if (isOld) localStorage.removeItem(key);
    return !isOld;
  }).length;
}
