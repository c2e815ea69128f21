// npm ci && node static/build.mjs: bundles with hashed names, an icon sprite of the icons that templates and modules name, flags, and a manifest.
import * as esbuild from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

const here = import.meta.dirname;
const top = path.dirname(here);
const out = path.join(here, "dist");
const draft = `${out}.${process.pid}`;
const manifest = {};

const installed = (file) => path.join(top, "node_modules", file);
const read = (file) => readFileSync(file, "utf8");
const filesUnder = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(html|js)$/.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name));

function put(name, data) {
  const { dir, name: stem, ext } = path.parse(name);
  const hash = createHash("sha256").update(data).digest("hex").slice(0, 10);
  manifest[name] = path.posix.join(dir, `${stem}-${hash}${ext}`);
  writeFileSync(path.join(draft, manifest[name]), data);
}

function sprite() {
  const text = [...filesUnder(path.join(top, "templates")), ...filesUnder(path.join(here, "js"))].map(read).join("\n");
  const quoted = new Set([...text.matchAll(/["']([a-z0-9-]+)["']/g)].map((match) => match[1]));
  const icons = readdirSync(installed("lucide-static/icons")).map((file) => path.parse(file).name).filter((name) => quoted.has(name));
  const symbols = icons.map((name) =>
    read(installed(`lucide-static/icons/${name}.svg`))
      .replace(/<!--.*?-->\s*/s, "")
      .replace(/<svg[\s\S]*?>/, `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-linecap="round" stroke-linejoin="round">`)
      .replace("</svg>", "</symbol>")
      .replace(/\n\s*/g, ""));
  put("icons.svg", `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`);
}

function pictures() {
  put("mark.svg", '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="12" cy="16" r="8.5" fill="#3f4fd0"/><circle cx="20" cy="16" r="8.5" fill="none" stroke="#7b88f2" stroke-width="2.6"/></svg>');
  mkdirSync(path.join(draft, "flags"));
  for (const file of readdirSync(installed("country-flag-icons/3x2")).filter((name) => name.endsWith(".svg")))
    put(`flags/${file.toLowerCase()}`, readFileSync(installed(`country-flag-icons/3x2/${file}`)));
}

async function bundle(entryPoints, more = {}) {
  const result = await esbuild.build({
    absWorkingDir: top, entryPoints, outdir: draft, bundle: true, minify: true, format: "esm", target: "es2022",
    entryNames: "[name]-[hash]", chunkNames: "[name]-[hash]", assetNames: "[name]-[hash]",
    loader: { ".woff2": "file" }, metafile: true, legalComments: "none", logLevel: "warning", ...more,
  });
  for (const [file, made] of Object.entries(result.metafile.outputs)) {
    const name = path.basename(file);
    if (made.entryPoint) manifest[path.basename(made.entryPoint).replace(/\.mjs$/, ".js")] = name;
    else if (name.endsWith(".woff2")) manifest[name.replace(/-[A-Z0-9]{8}(?=\.)/, "")] = name;
  }
}

mkdirSync(draft, { recursive: true });
try {
  sprite();
  pictures();
  await bundle(["static/js/hash.worker.js", "node_modules/pdfjs-dist/build/pdf.worker.mjs"]);
  // What modules load by address is known only after its name is hashed, so it is handed to them as a constant.
  const ASSETS = Object.fromEntries(["icons.svg", "hash.worker.js", "pdf.worker.js"].map((name) => [name, manifest[name]]));
  await bundle(["static/js/first.js"], { format: "iife" });
  await bundle(["static/js/main.js", "static/css/app.css"], { splitting: true, define: { ASSETS: JSON.stringify(ASSETS) } });
  writeFileSync(path.join(draft, "manifest.json"), JSON.stringify(manifest, null, 1));
  rmSync(out, { recursive: true, force: true });
  renameSync(draft, out);
} finally {
  rmSync(draft, { recursive: true, force: true });
}
console.log(`static/dist: ${Object.keys(manifest).length} named files`);
