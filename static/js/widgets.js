/** Parts that the publish and the play page share. */

import {
  formatBitrate, formatElapsed, formatFrameRate, formatLoss, formatResolution, StatsSampler,
} from "./stats.js";

/** @param {string} id @returns {any} the element, which must exist */
export const byId = (id) => {
  const element = document.getElementById(id);
  if (!element) throw new Error(`no element #${id}`);
  return element;
};

const STREAM_ID = /^[A-Za-z0-9_.-]{1,128}$/;

/** @param {string} streamId @returns {boolean} whether the server accepts it */
export const isStreamId = (streamId) => STREAM_ID.test(streamId);

/** What the page's address grants: passed on to the server, never shown. */
export function credentialsFromUrl() {
  const query = new URLSearchParams(location.search);
  const fields = ["token", "subscriberId", "subscriberCode"];
  return Object.fromEntries(
    fields.filter((name) => query.get(name)).map((name) => [name, query.get(name)]));
}

/** Keeps the stream's name in the page's address, so that a reload finds it. */
export function rememberInUrl(streamId) {
  const url = new URL(location.href);
  if (url.searchParams.get("id") === streamId) return;
  url.searchParams.set("id", streamId);
  history.replaceState(null, "", url);
}

/**
 * Fills in the link and the embed code; hides them while the name is not usable.
 * @param {string} playUrl path of the play page
 * @param {string} streamId
 */
export function showShare(playUrl, streamId) {
  byId("share").hidden = !isStreamId(streamId);
  if (!isStreamId(streamId)) return;
  const link = new URL(playUrl, location.href);
  link.search = new URLSearchParams({ id: streamId }).toString();
  byId("share-link").value = link.href;
  byId("share-embed").value =
    `<iframe src="${link.href}" width="640" height="360" `
    + 'allow="autoplay; fullscreen; picture-in-picture" '
    + 'style="border:0" title="Live video"></iframe>';
}

/** Makes every button with `data-copy="id"` copy that field. */
export function setUpCopyButtons() {
  /** @type {NodeListOf<HTMLElement>} */
  const buttons = document.querySelectorAll("[data-copy]");
  for (const button of buttons) {
    const label = button.querySelector("span") ?? button;
    button.addEventListener("click", async () => {
      const copied = await copy(byId(button.dataset.copy ?? ""));
      label.textContent = copied ? "Copied" : "Press Ctrl+C";
      byId("copied").textContent = copied ? "Copied" : "Selected. Copy it by keyboard.";
      setTimeout(() => {
        label.textContent = "Copy";
        byId("copied").textContent = "";
      }, 2000);
    });
  }
}

async function copy(field) {
  if (await copyText(field.value)) return true;
  // No clipboard on an insecure page or without permission: the old way.
  field.select();
  return document.execCommand("copy");
}

/** @param {string} text @returns {Promise<boolean>} whether the browser let it be copied */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** @param {string} prefix @returns {string} "prefix-" and six letters that read well */
export function randomName(prefix) {
  const letters = "abcdefghjkmnpqrstuvwxyz23456789";
  const random = crypto.getRandomValues(new Uint8Array(6));
  return `${prefix}-${[...random].map((byte) => letters[byte % letters.length]).join("")}`;
}

/** The clock on the badge: how long it has been live. */
export class Clock {
  #since = 0;
  #timer = 0;

  get isRunning() {
    return this.#since !== 0;
  }

  /** Runs on from the first start until `reset`. */
  start() {
    if (this.#since) return;
    this.#since = Date.now();
    this.#show();
    this.#timer = setInterval(() => this.#show(), 1000);
  }

  reset() {
    clearInterval(this.#timer);
    this.#since = 0;
    byId("elapsed").textContent = formatElapsed(0);
  }

  #show() {
    byId("elapsed").textContent = formatElapsed(Date.now() - this.#since);
  }
}

/** The table of numbers, brought up to date once a second while it is running. */
export class Numbers {
  #timer = 0;
  #read;
  #onSample;

  /**
   * @param {() => Promise<RTCStatsReport | null>} read
   * @param {(sample: import("./stats.js").Sample) => void} [onSample]
   */
  constructor(read, onSample = () => undefined) {
    this.#read = read;
    this.#onSample = onSample;
  }

  start() {
    this.pause();
    byId("numbers").hidden = false;
    const sampler = new StatsSampler();
    const update = async () => {
      const report = await this.#read();
      if (!report || !this.#timer) return;
      const sample = sampler.sample(report);
      show(sample);
      this.#onSample(sample);
    };
    this.#timer = setInterval(update, 1000);
    update();
  }

  /** The last numbers stay in sight. */
  pause() {
    clearInterval(this.#timer);
    this.#timer = 0;
  }

  stop() {
    this.pause();
    byId("numbers").hidden = true;
  }
}

function show(sample) {
  const texts = {
    bitrate: formatBitrate(sample.bitrateBps),
    resolution: formatResolution(sample),
    frameRate: formatFrameRate(sample),
    loss: formatLoss(sample.lossPercent),
    roundTrip: sample.roundTripMs === null ? "–" : `${Math.round(sample.roundTripMs)} ms`,
    codecs: sample.codecs || "–",
  };
  for (const [name, text] of Object.entries(texts)) {
    document.querySelector(`[data-stat=${name}]`)?.replaceChildren(text);
  }
}
