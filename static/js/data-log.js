/** What was sent and received: text as text, files to save, pictures to see. */

import { byId } from "./widgets.js";

const MAX_SHOWN = 100;
const MAX_KEPT_BYTES = 128 * 1024 ** 2;
const PICTURE = /^image\/(?:png|jpeg|gif|webp|avif)$/;

/** Bytes of files that the log keeps, by entry. @type {Map<Element, number>} */
const kept = new Map();

/** @param {string} by @param {boolean} isOwn @param {HTMLElement[]} content */
function add(by, isOwn, content) {
  const entry = document.createElement("li");
  const head = document.createElement("p");
  const time = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  entry.className = isOwn ? "entry own" : "entry";
  head.className = "entry-by";
  head.textContent = `${by} · ${time}`;
  entry.append(head, ...content);
  const log = byId("log");
  log.append(entry);
  while (log.children.length > MAX_SHOWN) forget(log.firstElementChild);
  log.scrollTop = log.scrollHeight;
  byId("empty").hidden = true;
  return entry;
}

/** A file that is no longer shown is no longer kept. */
function forget(entry) {
  kept.delete(entry);
  for (const link of entry.querySelectorAll("a, img")) {
    URL.revokeObjectURL(link.href ?? link.src);
  }
  entry.remove();
}

/** @param {string} text */
export function addText(text, isOwn = false) {
  const body = document.createElement("p");
  body.className = "entry-text";
  body.textContent = text;
  return add(isOwn ? "You" : "Received", isOwn, [body]);
}

/** @param {import("./data-file.js").SentFile} file */
export function addFile({ name, type, content }, isOwn = false) {
  const link = document.createElement("a");
  // Whatever it says it is, a browser may only save it.
  const file = new Blob([new Uint8Array(content)], { type: "application/octet-stream" });
  link.href = URL.createObjectURL(file);
  link.download = name || "data.bin";
  link.textContent = `${name || "Binary data"} (${size(content.length)})`;
  const body = document.createElement("p");
  body.append(link);
  const parts = [body];
  if (PICTURE.test(type)) {
    const picture = document.createElement("img");
    picture.src = URL.createObjectURL(new Blob([new Uint8Array(content)], { type }));
    picture.alt = name;
    parts.push(picture);
  }
  const entry = add(isOwn ? "You sent a file" : "Received a file", isOwn, parts);
  kept.set(entry, content.length * (parts.length > 1 ? 2 : 1));
  // The oldest give way, but never the one that has just come.
  let total = [...kept.values()].reduce((sum, bytes) => sum + bytes, 0);
  for (const [oldest, bytes] of kept) {
    if (total <= MAX_KEPT_BYTES || oldest === entry) break;
    total -= bytes;
    forget(oldest);
  }
  return entry;
}

export function clearLog() {
  for (const entry of [...byId("log").children]) forget(entry);
  byId("empty").hidden = false;
}

/** @param {number} bytes */
const size = (bytes) => (bytes < 1024 ? `${bytes} bytes`
  : bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(1)} kB`
    : `${(bytes / 1024 ** 2).toFixed(1)} MB`);
