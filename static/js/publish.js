/** The publish page: camera and microphone to the server. */

import { StreamClient } from "./client.js";
import { explain } from "./errors.js";
import { LevelMeter, listDevices, MediaError, openMedia } from "./media.js";
import { signallingUrl } from "./socket.js";
import {
  byId, Clock, credentialsFromUrl, isStreamId, Numbers, randomName, rememberInUrl,
  setUpCopyButtons, showShare,
} from "./widgets.js";

const page = byId("page").dataset;
const video = byId("video");
const client = new StreamClient(signallingUrl(page.application));
const clock = new Clock();
const numbers = new Numbers(() => client.getStats(streamId));
const meter = new LevelMeter(showLevel);

/** @type {MediaStream | null} */
let media = null;
/** The name that is being published; "" while nothing is. */
let streamId = "";
let wish = 0;

const VIEWERS_MS = 10000;
const TEXTS = {
  ready: "Ready when you are.",
  connecting: "Connecting…",
  live: "You are live.",
  reconnecting: "The connection was lost. Getting back…",
  ended: "The server has ended the stream.",
  stopped: "You are off air.",
};

const isOn = (id) => byId(id).dataset.active === "true";
const trackOf = (kind) => media?.getTracks().find((track) => track.kind === kind);

function showStatus(state, text) {
  byId("status").dataset.state = state;
  byId("status-text").textContent = text;
}

function showLevel(level) {
  const percent = Math.round(level * 100);
  byId("level").setAttribute("aria-valuenow", String(percent));
  byId("level").style.setProperty("--level", String(level));
}

/** The veil over the preview: a problem, or why there is no picture. */
function showVeil(text, { icon = "camera-off", canRetry = false } = {}) {
  byId("veil").hidden = !text;
  byId("veil-text").textContent = text;
  byId("veil-icon").firstElementChild.setAttribute("href", `#i-${icon}`);
  byId("retry-media").hidden = !canRetry;
}

function showMedia() {
  const [sound, picture] = [trackOf("audio"), trackOf("video")];
  if (sound) sound.enabled = !isOn("mute");
  if (picture) picture.enabled = !isOn("hide");
  byId("mute").disabled = !sound;
  byId("hide").disabled = !picture;
  byId("go").disabled = !media && !streamId;
  meter.follow(isOn("mute") ? undefined : sound);
  if (!media) return;
  if (!picture) showVeil("Sound only", { icon: "mic" });
  else showVeil(isOn("hide") ? "Your camera is hidden" : "");
}

function setToggle(id, pressed) {
  const [icon, name] = id === "mute" ? ["mic", ["Mute", "Unmute"]]
    : ["camera", ["Hide camera", "Show camera"]];
  const button = byId(id);
  button.dataset.active = String(pressed);
  button.querySelector("use").setAttribute("href", `#i-${icon}${pressed ? "-off" : ""}`);
  button.querySelector("span").textContent = name[Number(pressed)];
  showMedia();
}

const choice = () => ({
  camera: byId("camera").value,
  microphone: byId("microphone").value,
  height: Number(byId("quality").value),
});

function stopTracks(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** Opens what is chosen and shows it; of several wishes only the last one counts. */
async function openPreview() {
  const mine = ++wish;
  // First let go: some systems give a camera to one user at a time.
  stopTracks(media);
  media = null;
  try {
    const opened = await openMedia(choice());
    if (mine !== wish) return stopTracks(opened);
    media = opened;
    watchForLoss(opened.getTracks());
    video.srcObject = opened;
    showStatus("idle", TEXTS.ready);
  } catch (error) {
    if (!(error instanceof MediaError)) throw error;
    if (mine !== wish) return undefined;
    video.srcObject = null;
    showVeil(error.message, { canRetry: true });
    showStatus("idle", "Not ready: there is nothing to send.");
  }
  showMedia();
  return showDevices();
}

/** While live: puts another device of one kind into the running stream. */
async function swapDevice(kind) {
  const wanted = kind === "video" ? { ...choice(), microphone: "none" }
    : { ...choice(), camera: "none" };
  try {
    const [track] = (await openMedia(wanted)).getTracks();
    const old = trackOf(kind);
    await client.replaceTrack(streamId, track);
    old?.stop();
    watchForLoss([track]);
    video.srcObject = media;
    showMedia();
  } catch (error) {
    if (!(error instanceof MediaError)) throw error;
    showStatus("reconnecting", error.message);
  }
}

/** A device that is pulled out is replaced by the browser's own choice. */
function watchForLoss(tracks) {
  for (const track of tracks) {
    track.addEventListener("ended", () => {
      if (!media?.getTracks().includes(track)) return;
      byId(track.kind === "video" ? "camera" : "microphone").value = "";
      if (streamId) swapDevice(track.kind);
      else openPreview();
    });
  }
}

async function showDevices() {
  const { cameras, microphones } = await listDevices();
  fillSelect(byId("camera"), cameras, trackOf("video"), "camera");
  fillSelect(byId("microphone"), microphones, trackOf("audio"), "microphone");
}

function fillSelect(select, devices, track, name) {
  if (devices.length === 0) return;
  const chosen = select.value === "none" ? "none"
    : track?.getSettings().deviceId ?? select.value;
  const options = devices.map(({ deviceId, label }, index) =>
    new Option(label || `${name} ${index + 1}`, deviceId));
  select.replaceChildren(...options, new Option(`No ${name}`, "none"));
  select.value = chosen;
  if (select.selectedIndex < 0) select.selectedIndex = 0;
}

/** While live, what the stream consists of is fixed; which device is not. */
function lockForm() {
  const isActive = streamId !== "";
  byId("stream-id").readOnly = isActive;
  for (const [id, kind] of [["camera", "video"], ["microphone", "audio"]]) {
    byId(id).disabled = isActive && !trackOf(kind);
    for (const option of byId(id).options) {
      if (option.value === "none") option.disabled = isActive && Boolean(trackOf(kind));
    }
  }
  byId("quality").disabled = isActive && !trackOf("video");
  byId("simulcast").disabled = isActive;
  byId("go").textContent = isActive ? "Stop" : "Go live";
  byId("go").classList.toggle("danger", isActive);
}

function goLive() {
  const wanted = byId("stream-id").value.trim();
  byId("stream-id").setAttribute("aria-invalid", String(!isStreamId(wanted)));
  if (!isStreamId(wanted)) {
    showStatus("refused", explain(wanted ? "invalidStreamName" : "noStreamNameSpecified").text);
    byId("stream-id").focus();
    return;
  }
  if (!media) return;
  streamId = wanted;
  rememberInUrl(streamId);
  const simulcast = byId("simulcast").checked;
  client.publish(streamId, media, { ...credentialsFromUrl(), simulcast });
}

function goOffAir() {
  const stopped = streamId;
  streamId = "";
  client.stop(stopped);
}

function onState({ state, reason }) {
  const why = reason ? explain(reason).text : "";
  if (state === "refused") showStatus(state, why);
  else if (state === "reconnecting" && why) showStatus(state, `${why} Trying again…`);
  else showStatus(state, TEXTS[state]);

  byId("screen").dataset.state = state;
  byId("badge").hidden = !(state === "live" || (state === "reconnecting" && clock.isRunning));
  byId("badge-text").textContent = state === "live" ? "Live" : "Reconnecting";
  if (state === "live") {
    clock.start();
    numbers.start();
    askForViewers();
  } else if (state === "reconnecting") numbers.pause();
  else numbers.stop();
  if (state !== "live") byId("notice").textContent = "";
  if (["refused", "ended", "stopped"].includes(state)) {
    streamId = "";
    byId("viewers").textContent = "";
    clock.reset();
    byId("go").disabled = !media;
  }
  lockForm();
}

function askForViewers() {
  if (streamId) client.send({ command: "getBroadcastObject", streamId });
}

function onNotification({ definition, streamId: subject, broadcast }) {
  if (definition !== "broadcastObject" || subject !== streamId) return;
  const { webRTCViewerCount: viewers = 0 } = JSON.parse(broadcast);
  byId("viewers").textContent = `· ${viewers} watching`;
}

/** Beside the state: the stream goes on. */
function onWarning({ definition }) {
  byId("notice").textContent = explain(definition).text;
}

client.on("state", onState);
client.on("warning", onWarning);
client.on("notification", onNotification);
setInterval(() => clock.isRunning && askForViewers(), VIEWERS_MS);
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (streamId) goOffAir();
  else goLive();
});
byId("stream-id").addEventListener("input", (event) => {
  event.target.removeAttribute("aria-invalid");
  if (byId("status").dataset.state === "refused" && media) {
    showStatus("idle", TEXTS.ready);
  }
  showShare(page.playUrl, event.target.value.trim());
});
for (const [id, kind] of [["camera", "video"], ["microphone", "audio"], ["quality", "video"]]) {
  byId(id).addEventListener("change", () => (streamId ? swapDevice(kind) : openPreview()));
}
for (const id of ["mute", "hide"]) {
  byId(id).addEventListener("click", () => setToggle(id, !isOn(id)));
}
byId("retry-media").addEventListener("click", openPreview);
navigator.mediaDevices?.addEventListener("devicechange", showDevices);

byId("stream-id").value ||= randomName("live");
setUpCopyButtons();
showShare(page.playUrl, byId("stream-id").value);
openPreview();
