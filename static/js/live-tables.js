/** The overview's tables. All text goes in as text: names are other people's. */

import { formatBitrate, formatElapsed, formatLoss } from "./stats.js";

const STATES = { live: "live", preparing: "connecting", parked: "waiting" };
const STREAM_COLUMNS = [
  "Application", "Stream", "State", "Since", "Viewers", "Bitrate", "Loss", "RTT",
  "Resolution", "Codecs",
];
const NUMBERS = new Set(["Viewers", "Bitrate", "Loss", "RTT"]);
const STEPS_PER_MINUTE = 6;
const dayMs = 86400000;
const time = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });
const dateTime = new Intl.DateTimeFormat(undefined, {
  month: "short", day: "numeric", hour: "2-digit", minute: "2-digit",
});

/**
 * Rows stay the same elements: a link keeps its focus while the figures change.
 *
 * @param {HTMLElement} body
 * @param {{at: number, streams: object[]}} snapshot
 * @param {string | undefined} address of broadcast 0, for those who may see it
 */
export function showStreams(body, { at, streams }, address) {
  const rows = new Map([...body.rows].map((row) => [row.dataset.key, row]));
  streams.forEach((stream, index) => {
    const key = String(stream.key);
    const row = rows.get(key) ?? newStreamRow(stream, address);
    rows.delete(key);
    fillStreamRow(row, stream, at);
    if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] ?? null);
  });
  for (const row of rows.values()) row.remove();
}

function newStreamRow(stream, address) {
  const row = document.createElement("tr");
  row.dataset.key = stream.key;
  row.setAttribute("role", "row");
  for (const name of STREAM_COLUMNS) {
    const cell = row.insertCell();
    cell.dataset.label = name;
    // Said outright: as blocks on a narrow screen they are no table by themselves.
    cell.setAttribute("role", "cell");
    cell.classList.toggle("number", NUMBERS.has(name));
  }
  const name = document.createElement(address ? "a" : "span");
  if (address) name.href = address.replace("/0/", `/${stream.key}/`);
  row.cells[1].append(name);
  row.cells[2].append(document.createElement("span"));
  row.cells[3].append(document.createElement("time"));
  return row;
}

function fillStreamRow(row, stream, at) {
  const [
    application, name, state, since, viewers, bitrate, loss, rtt, size, codecs,
  ] = row.cells;
  setText(application, stream.application);
  const title = stream.name && stream.name !== stream.stream
    ? `${stream.stream} · ${stream.name}` : stream.stream;
  setText(name.firstChild, title);
  state.firstChild.className = `state state-${stream.state}`;
  setText(state.firstChild, STATES[stream.state] ?? stream.state);
  setSince(since.firstChild, stream.since, at);
  setText(viewers, stream.viewers.toLocaleString());
  setText(bitrate, stream.bitrate ? formatBitrate(stream.bitrate) : "–");
  setText(loss, formatKnown(stream.loss, formatShare));
  setText(rtt, formatKnown(stream.rtt, formatMilliseconds));
  setText(size, stream.width && stream.height ? `${stream.width} × ${stream.height}` : "–");
  setText(codecs, stream.codecs || "–");
}

/** By the server's clock: this device's may be wrong. */
function setSince(element, since, at) {
  if (!since) return setText(element, "–");
  element.dateTime = new Date(since).toISOString();
  const start = (at - since > dayMs ? dateTime : time).format(since);
  return setText(element, `${start} (${formatLong(at - since)})`);
}

function formatLong(milliseconds) {
  if (milliseconds < dayMs) return formatElapsed(milliseconds);
  const hours = Math.floor((milliseconds % dayMs) / 3600000);
  return `${Math.floor(milliseconds / dayMs)} d ${hours} h`;
}

/**
 * @param {HTMLElement} body
 * @param {object[]} relays of this web process
 */
export function showRelays(body, relays) {
  body.replaceChildren(...relays.map((relay) => newRow([
    relay.name,
    relay.busy ? "refuses newcomers" : "takes newcomers",
    relay.streams.toLocaleString(),
    relay.peers.toLocaleString(),
    formatShare(relay.cpu),
    formatMilliseconds(relay.lag),
    relay.memory ? `${Math.round(relay.memory / 1e6).toLocaleString()} MB` : "–",
    relay.outgoing ? formatBitrate(relay.outgoing) : "–",
  ], [2, 3, 4, 5, 6, 7])));
}

/**
 * @param {HTMLElement} body
 * @param {{reason: string, count: number}[]} reasons the most frequent first
 */
export function showReasons(body, reasons) {
  body.replaceChildren(...reasons.map(({ reason, count }) =>
    newRow([reason || "unknown", count.toLocaleString()], [1])));
}

/**
 * The charts in words: a row for each of the ten whole minutes, the latest first.
 *
 * @param {HTMLElement} body
 * @param {object} history of a snapshot
 */
export function showPast(body, { end, step, viewers, incoming, refused }) {
  const rows = [];
  // The step that has begun is left out: it says little yet.
  for (let last = viewers.length - 2; last >= 0; last -= STEPS_PER_MINUTE) {
    const first = Math.max(0, last - STEPS_PER_MINUTE + 1);
    const start = end - (viewers.length - 1 - first) * step;
    const most = highest(viewers.slice(first, last + 1));
    const bps = highest(incoming.slice(first, last + 1));
    const times = refused.slice(first, last + 1).reduce((sum, count) => sum + count, 0);
    rows.push(newRow([
      time.format(start),
      most === null ? "not known" : most.toLocaleString(),
      bps === null ? "not known" : formatBitrate(bps),
      times.toLocaleString(),
    ], []));
  }
  body.replaceChildren(...rows);
}

function highest(values) {
  const known = values.filter((value) => value !== null);
  return known.length ? Math.max(...known) : null;
}

function newRow(texts, numbers) {
  const row = document.createElement("tr");
  texts.forEach((text, index) => {
    const cell = row.insertCell();
    cell.textContent = text;
    cell.classList.toggle("number", numbers.includes(index));
  });
  return row;
}

function formatKnown(value, format) {
  return value === null || value === undefined ? "–" : format(value);
}

function formatShare(share) {
  return formatLoss(100 * share);
}

function formatMilliseconds(milliseconds) {
  return `${Math.round(milliseconds).toLocaleString()} ms`;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
