/** The admin's live overview: what its socket says, put on the page. */

import { LineChart, BarChart } from "./live-chart.js";
import { LiveFeed } from "./live-feed.js";
import { showPast, showReasons, showRelays, showStreams } from "./live-tables.js";
import { formatBitrate } from "./stats.js";

const page = document.getElementById("live");
const byId = (id) => document.getElementById(id);
const count = (number) => number.toLocaleString();
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

const charts = byId("live-charts");
const viewers = new LineChart(charts, "Viewers", count, "viewers");
const incoming = new LineChart(charts, "Incoming bitrate", formatBitrate, "incoming", 100000);
const refused = new BarChart(charts, "Refused", count, "refused");

const TOTALS = {
  publishers: count,
  viewers: count,
  incoming: formatBitrate,
  outgoing: formatBitrate,
  relays: count,
  web: count,
  refused: count,
};

const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
byId("live-zone").textContent = `Times are those of ${timeZone || "this device"}.`;

const feed = new LiveFeed(page.dataset.socket);
feed.addEventListener("snapshot", ({ detail }) => show(detail));
feed.addEventListener("state", ({ detail }) => showState(detail));
feed.open();

/** @param {object} snapshot as the server's `serialize` writes it */
function show(snapshot) {
  if (snapshot.unavailable) {
    showState({ state: "unavailable" });
    return;
  }
  showState({ state: "open" });
  byId("live-at").textContent = `As of ${clock.format(snapshot.at)}.`;
  for (const [name, word] of Object.entries(TOTALS)) {
    page.querySelector(`[data-total=${name}]`).textContent = word(snapshot.totals[name]);
  }
  const { history } = snapshot;
  viewers.show(history.viewers, history);
  incoming.show(history.incoming, history);
  refused.show(history.refused, history);
  showPast(byId("live-past"), history);
  showStreams(byId("live-streams"), snapshot, page.dataset.broadcast);
  showReasons(byId("live-refused"), snapshot.refused);
  const relays = snapshot.relays ?? [];
  showRelays(byId("live-relays"), relays);
  byId("live-relays-section").hidden = relays.length === 0;

  byId("live-table").hidden = snapshot.streams.length === 0;
  byId("live-empty").hidden = snapshot.streams.length > 0;
  byId("live-refused-table").hidden = snapshot.refused.length === 0;
  byId("live-unrefused").hidden = snapshot.refused.length > 0;
  byId("live-left-out").hidden = snapshot.leftOut === 0;
  byId("live-left-out").textContent =
    `The ${count(snapshot.streams.length)} most watched are shown; ` +
    `${count(snapshot.leftOut)} more are not. The figures above are of all.`;
}

/** Said to screen readers too, so only when it has changed. */
function showState({ state, seconds }) {
  const status = byId("live-status");
  const old = page.dataset.state;
  page.dataset.state = state;
  status.dataset.state = state;
  if (state === old && state !== "lost") return;
  status.textContent = TEXTS[state](seconds);
  if (state === "logged-out") {
    const link = document.createElement("a");
    link.href = page.dataset.login;
    link.textContent = "Log in again";
    status.append(" ", link, ".");
  }
}

const again = (seconds) => (seconds > 1 ? ` Trying again in ${seconds} s.` : " Trying again.");
const TEXTS = {
  connecting: () => "Connecting…",
  open: () => "Connected. The figures are renewed every two seconds.",
  unavailable: () => "The database does not answer. These are the last figures there were.",
  lost: (seconds) => `Connection lost. These are the last figures there were.${again(seconds)}`,
  never: (seconds) =>
    "No connection. A proxy in front of this server must pass WebSockets on, and the " +
    `site's address must be known to it (CSRF_TRUSTED_ORIGINS).${again(seconds)}`,
  busy: (seconds) => `The server cannot take this page on now: too many are open, or its ` +
    `database does not answer.${again(seconds)}`,
  "logged-out": () => "You are logged out. These are the last figures there were.",
  forbidden: () => "You may not see this page any more.",
};
