/** The data page: text and files between who opened a channel and who joined it. */

import { packFile, unpackFile } from "./data-file.js";
import { addFile, addText, clearLog } from "./data-log.js";
import { explain } from "./errors.js";
import { signallingUrl } from "./socket.js";
import { WebRTCAdaptor } from "./webrtc_adaptor.mjs";
import {
  byId, copyText, credentialsFromUrl, isStreamId, randomName, rememberInUrl,
} from "./widgets.js";

const MAX_FILE_BYTES = 4 * 1024 ** 2;
const TEXTS = {
  connecting: "Connecting…",
  waiting: "Nobody has opened this channel yet. It starts here by itself.",
  closed: "The channel was closed. Should it be opened again, it goes on here by itself.",
  live: { publish: "The channel is open.", play: "You have joined the channel." },
  reconnecting: "The connection was lost. Getting back…",
  ended: "The channel was closed.",
  stopped: "You have left the channel.",
};
const OVER = ["ended", "refused", "stopped"];

const { application } = byId("page").dataset;
/** @type {any} */
let sdk = null;
let streamId = "";

function showStatus(state, text) {
  byId("status").dataset.state = state;
  byId("status-text").textContent = text;
}

function showProblem(text) {
  byId("problem").hidden = !text;
  byId("problem").textContent = text;
}

function setOpen(isOpen) {
  for (const id of ["text", "file", "choose", "send"]) byId(id).disabled = !isOpen;
}

function setConnected(isConnected) {
  for (const id of ["join", "open"]) byId(id).hidden = isConnected;
  for (const id of ["leave", "copy-link"]) byId(id).hidden = !isConnected;
  byId("stream-id").readOnly = isConnected;
}

/** @param {"publish" | "play"} kind */
function connect(kind) {
  const wanted = byId("stream-id").value.trim();
  byId("stream-id").setAttribute("aria-invalid", String(!isStreamId(wanted)));
  if (!isStreamId(wanted)) {
    showStatus("refused", explain(wanted ? "invalidStreamName" : "noStreamNameSpecified").text);
    byId("stream-id").focus();
    return;
  }
  streamId = wanted;
  rememberInUrl(streamId);
  clearLog();
  setConnected(true);
  showStatus("connecting", TEXTS.connecting);
  let hasBegun = false;
  const mine = new WebRTCAdaptor({
    websocket_url: signallingUrl(application),
    onlyDataChannel: kind === "publish",
    isPlayMode: kind === "play",
    callback: (info, detail) => {
      if (mine !== sdk) return;
      if (info === "initialized" && !hasBegun) {
        hasBegun = true;
        mine[kind]({ ...credentialsFromUrl(), streamId });
      } else onInfo(info, detail);
    },
    callbackError: (definition) => {
      if (mine === sdk && definition === "WebSocketNotConnected") {
        showStatus("reconnecting", explain(definition).text);
      }
    },
  });
  sdk = mine;
}

function onInfo(info, detail) {
  switch (info) {
    case "session_state_changed":
      onSession(detail);
      break;
    case "data_channel_opened":
      setOpen(true);
      // Nobody's focus is taken when the channel opens again.
      if (document.activeElement === document.body) byId("text").focus();
      break;
    case "data_channel_closed":
      setOpen(false);
      break;
    case "data_received":
      onData(detail.data);
      break;
    default: // pong, and what later versions may say
  }
}

function onSession({ kind, state, reason }) {
  const why = reason ? explain(reason).text : "";
  const text = state === "live" ? TEXTS.live[kind]
    : reason === "play_finished" ? TEXTS.closed : TEXTS[state];
  if (state === "reconnecting" && why) showStatus(state, `${why} Trying again…`);
  else showStatus(state, state === "refused" ? why : text);
  if (OVER.includes(state)) close();
}

function close() {
  const mine = sdk;
  sdk = null;
  mine?.stop(streamId);
  mine?.closeWebSocket();
  setOpen(false);
  setConnected(false);
}

function onData(data) {
  if (typeof data === "string") addText(data);
  else addFile(unpackFile(data));
}

async function sendText() {
  const text = byId("text").value;
  if (!text.trim() || !sdk) return;
  byId("text").value = "";
  const isSent = await sdk.sendData(streamId, text);
  showProblem(isSent ? "" : "Not sent: the channel is not open.");
  if (isSent) addText(text, true);
  else byId("text").value ||= text;
}

/** One after another: each is held in memory while it is sent. @param {File[]} files */
async function sendFiles(files) {
  if (!sdk) return;
  showProblem("");
  byId("choose").disabled = true;
  for (const file of files) {
    const problem = await sendFile(file);
    if (problem) showProblem(problem);
  }
  byId("choose").disabled = byId("text").disabled;
}

/** @param {File} file @returns {Promise<string>} why it was not sent, or "" */
async function sendFile(file) {
  if (file.size > MAX_FILE_BYTES) {
    return `“${file.name}” is too large: ${MAX_FILE_BYTES / 1024 ** 2} MB is the most.`;
  }
  const bytes = await file.arrayBuffer().catch(() => null);
  if (!bytes) return `“${file.name}” cannot be read.`;
  const sent = { name: file.name, type: file.type, content: new Uint8Array(bytes) };
  if (!(await sdk?.sendData(streamId, packFile(sent)))) {
    return "Not sent: the channel is not open.";
  }
  addFile(sent, true);
  return "";
}

async function copyLink() {
  const url = new URL(location.pathname, location.href);
  url.search = new URLSearchParams({ id: streamId }).toString();
  const label = byId("copy-link").querySelector("span");
  label.textContent = (await copyText(url.href)) ? "Copied" : "Copy the address";
  setTimeout(() => { label.textContent = "Copy link"; }, 2000);
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (!sdk) connect("play");
});
byId("open").addEventListener("click", () => connect("publish"));
byId("leave").addEventListener("click", () => {
  close();
  showStatus("stopped", TEXTS.stopped);
});
byId("copy-link").addEventListener("click", copyLink);
byId("talk-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sendText();
});
byId("choose").addEventListener("click", () => byId("file").click());
byId("file").addEventListener("change", () => {
  sendFiles([...byId("file").files]);
  byId("file").value = "";
});
for (const type of ["dragover", "dragleave", "drop"]) {
  byId("talk").addEventListener(type, (event) => {
    event.preventDefault();
    byId("talk").classList.toggle("dropping", type === "dragover" && sdk !== null);
    if (type === "drop") sendFiles([...event.dataTransfer.files]);
  });
}
addEventListener("pagehide", () => sdk && close());

byId("stream-id").value ||= randomName("data");
