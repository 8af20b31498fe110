/** The play page: a live stream, in a page of its own or in another site's frame. */

import { StreamClient } from "./client.js";
import { explain } from "./errors.js";
import { QualityMenu } from "./quality.js";
import { SlowHint } from "./slow-hint.js";
import { signallingUrl } from "./socket.js";
import {
  byId, Clock, credentialsFromUrl, isStreamId, Numbers, rememberInUrl, setUpCopyButtons,
  showShare,
} from "./widgets.js";

const IDLE_MS = 3000;
const STALLED_SAMPLES = 4;

const page = byId("page").dataset;
const screen = byId("screen");
const video = byId("video");
const client = new StreamClient(signallingUrl(page.application));
const clock = new Clock();
const numbers = new Numbers(() => client.getStats(streamId), onSample);

const quality = new QualityMenu({
  ask: () => client.send({ command: "getStreamInfo", streamId }),
  choose: (streamHeight) =>
    client.send({ command: "forceStreamQuality", streamId, streamHeight }),
});
const slowHint = new SlowHint();

let streamId = "";
let state = "idle";
let silentSamples = 0;
let idleTimer = 0;
/** Muted by the browser's rule for pages that play by themselves, not by a person. */
let isMutedByRule = true;

const TEXTS = {
  idle: "Enter the name of a stream to watch it.",
  connecting: "Connecting…",
  waiting: "Waiting for the stream. It starts here by itself.",
  live: "Live",
  stalled: "The picture has stopped. Waiting for the publisher to come back…",
  reconnecting: "The connection was lost. Getting back…",
  ended: "The stream has ended. Should it come back, it plays here by itself.",
  stopped: "You have stopped watching.",
};
const BUSY = ["connecting", "waiting", "reconnecting", "stalled"];
const ICONS = { refused: "#i-closed", ended: "#i-signal" };
const RETRY = { refused: "Try again", stopped: "Watch again" };

function show(next, reason = "") {
  state = next;
  const why = reason ? explain(reason).text : "";
  const text = state === "refused" ? why
    : state === "reconnecting" && why ? `${why} Trying again…` : TEXTS[state];
  const isSoundOnly = state === "live" && !hasTrack("video");
  screen.dataset.state = state;
  byId("veil").classList.toggle("hidden-text", state === "live" && !isSoundOnly);
  byId("veil-text").textContent = isSoundOnly ? "Live, sound only" : text;
  byId("spinner").hidden = !BUSY.includes(state);
  byId("veil-icon").toggleAttribute("hidden", BUSY.includes(state));
  byId("veil-icon").firstElementChild.setAttribute(
    "href", isSoundOnly ? "#i-sound" : ICONS[state] ?? "#i-play");
  byId("retry").hidden = !(state in RETRY) || !streamId;
  byId("retry").textContent = RETRY[state] ?? "";
  byId("badge").hidden = state !== "live";
  showSound();
}

const hasTrack = (kind) =>
  video.srcObject?.getTracks().some((track) => track.kind === kind) ?? false;

function showSound() {
  const isSilent = video.muted || video.volume === 0;
  byId("mute").setAttribute("aria-label", video.muted ? "Unmute" : "Mute");
  byId("mute-icon").setAttribute("href", isSilent ? "#i-sound-off" : "#i-sound");
  byId("volume").value = String(video.muted ? 0 : Math.round(video.volume * 100));
  byId("unmute").hidden =
    !(state === "live" && video.muted && isMutedByRule && hasTrack("audio"));
}

function setMuted(muted) {
  isMutedByRule = false;
  video.muted = muted;
  if (!muted && video.volume === 0) video.volume = 1;
  showSound();
}

/** Plays, if need be without sound: browsers forbid it before a key or click. */
async function startVideo() {
  try {
    await video.play();
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    if (error.name !== "NotAllowedError" || video.muted) return;
    isMutedByRule = true;
    video.muted = true;
    showSound();
    await video.play().catch(() => undefined);
  }
}

function watch(wanted) {
  byId("stream-id").setAttribute("aria-invalid", String(!isStreamId(wanted)));
  if (!isStreamId(wanted)) {
    streamId = "";
    show("refused", wanted ? "invalidStreamName" : "noStreamNameSpecified");
    return;
  }
  if (streamId) client.stop(streamId);
  streamId = wanted;
  quality.reset();
  video.srcObject = null;
  clock.reset();
  rememberInUrl(streamId);
  showShare(page.playUrl, streamId);
  document.title = document.title.replace(/^.* · /, `${streamId} · `);
  client.play(streamId, credentialsFromUrl());
}

function onState(detail) {
  if (detail.streamId !== streamId) return;
  silentSamples = 0;
  show(detail.state, detail.reason);
  if (detail.state === "live") {
    clock.start();
    numbers.start();
    quality.start();
  } else {
    quality.stop();
    slowHint.hide();
    if (detail.state === "reconnecting") numbers.pause();
    else numbers.stop();
  }
  if (["ended", "refused", "stopped"].includes(detail.state)) {
    video.srcObject = null;
    clock.reset();
  }
}

function onRenditions(detail) {
  if (detail.streamId === streamId) quality.offer(detail.streamInfo);
}

function onNotification(detail) {
  if (detail.streamId !== streamId) return;
  if (detail.definition === "resolutionChangeInfo") {
    quality.showCurrent(Number(detail.streamHeight));
  } else if (detail.definition === "bitrateMeasurement") {
    slowHint.show(detail, quality.chosen > 0);
  }
}

function onTrack(detail) {
  if (detail.streamId !== streamId) return;
  if (video.srcObject !== detail.media) video.srcObject = detail.media;
  startVideo();
}

/** Nothing arrives on a connection that stands: the publisher was lost. */
function onSample({ bitrateBps }) {
  if (bitrateBps === null) return;
  silentSamples = bitrateBps === 0 ? silentSamples + 1 : 0;
  if (state === "live" && silentSamples >= STALLED_SAMPLES) show("stalled");
  else if (state === "stalled" && silentSamples === 0) show("live");
}

function wake() {
  screen.classList.remove("idle");
  clearTimeout(idleTimer);
  idleTimer = setTimeout(() => screen.classList.add("idle"), IDLE_MS);
}

async function toggleFullscreen() {
  if (document.fullscreenElement) await document.exitFullscreen();
  else if (screen.requestFullscreen) await screen.requestFullscreen();
  else video.webkitEnterFullscreen?.();
}

async function togglePictureInPicture() {
  if (document.pictureInPictureElement) await document.exitPictureInPicture();
  else if (video.readyState > 0) await video.requestPictureInPicture();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  const action = { m: () => setMuted(!video.muted), f: toggleFullscreen }[event.key];
  action?.();
}

client.on("state", onState);
client.on("track", onTrack);
client.on("renditions", onRenditions);
client.on("notification", onNotification);
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  // A person asked for it: the sound may be on from the start.
  setMuted(false);
  watch(byId("stream-id").value.trim());
});
byId("retry").addEventListener("click", () => watch(streamId));
byId("stop").addEventListener("click", () => client.stop(streamId));
byId("mute").addEventListener("click", () => setMuted(!video.muted));
byId("unmute").addEventListener("click", () => setMuted(false));
byId("volume").addEventListener("input", ({ target }) => {
  video.volume = target.valueAsNumber / 100;
  setMuted(target.valueAsNumber === 0);
});
byId("fullscreen").addEventListener("click", toggleFullscreen);
byId("pip").addEventListener("click", togglePictureInPicture);
byId("pip").hidden = !document.pictureInPictureEnabled;
video.addEventListener("volumechange", showSound);
addEventListener("keydown", onKey);
for (const type of ["pointermove", "pointerdown", "keydown"]) {
  screen.addEventListener(type, wake);
}

wake();
setUpCopyButtons();
if (page.streamId) watch(page.streamId);
