/** The page of a call: before it (who am I, which devices), during it, after it. */

import { Chat } from "./call-chat.js";
import { CallMedia } from "./call-media.js";
import { cleanName } from "./call-room.js";
import { CallSound } from "./call-sound.js";
import { Stage } from "./call-stage.js";
import { DevicePicker } from "./device-picker.js";
import { LevelMeter } from "./media.js";
import { byId, Clock, copyText, credentialsFromUrl, isStreamId, randomName } from "./widgets.js";

const SPEAKING = 0.35;
const NOTICE_MS = 4000;
const TEXTS = {
  connecting: "Connecting…",
  reconnecting: "The connection was lost. Getting back…",
  waiting: "Nobody else is here yet. Send them the link.",
};
const KEYS = { m: "mute", v: "hide", c: "chat-toggle" };

export class CallPage {
  #page = byId("page").dataset;
  #makeRoom;
  #media;
  #stage;
  #chat = new Chat((text) => this.#room?.say(text) ?? Promise.resolve(false));
  #sound = new CallSound((isBlocked) => { byId("unblock").hidden = !isBlocked; });
  #clock = new Clock();
  #meter = new LevelMeter((level) => this.#showLevel(level));
  #devices;
  /** @type {import("./call-room.js").CallRoom | null} */
  #room = null;
  #self = this.#nobody("");
  #told;
  #hearing;
  #noticeTimer = 0;
  #reason = "";
  #welcomed = new Set();

  /**
   * @param {(call: object) => import("./call-room.js").CallRoom} makeRoom
   * @param {{isPair: boolean, height: number}} options
   */
  constructor(makeRoom, { isPair, height }) {
    this.#makeRoom = makeRoom;
    this.#media = new CallMedia(height);
    this.#told = this.#media.state;
    this.#stage = new Stage(byId("stage"), {
      isPair,
      onPin: (id) => /** @type {any} */ (this.#room)?.want?.(id),
    });
    this.#devices = new DevicePicker(this.#media, this.#sound);
  }

  start() {
    byId("name").value ||= rememberedName();
    byId("room").value ||= randomName("call");
    this.#media.addEventListener("change", () => this.#onMedia());
    this.#media.addEventListener("track", () => {
      // Not before: with nothing to show it would hold up the page's load event.
      byId("preview").srcObject ??= this.#media.stream;
      this.#devices.show();
    });
    byId("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#enter();
    });
    byId("room").addEventListener("input", () => byId("room").removeAttribute("aria-invalid"));
    this.#setUpButtons();
    addEventListener("keydown", (event) => this.#onKey(event));
    // The others should not look at a frozen picture until the server notices.
    addEventListener("pagehide", () => this.#leave());
    this.#showLobby("ready", "Ready when you are.");
    this.#media.open();
  }

  #setUpButtons() {
    for (const id of ["mute", "lobby-mute"]) {
      byId(id).addEventListener("click", () => this.#media.setMuted(!this.#media.state.isMuted));
    }
    for (const id of ["hide", "lobby-hide"]) {
      byId(id).addEventListener("click", () => this.#media.setCamera(!this.#media.hasCamera));
    }
    byId("share-screen").hidden = !navigator.mediaDevices?.getDisplayMedia;
    byId("share-screen").addEventListener("click", () => {
      if (this.#media.isSharing) this.#media.unshare();
      else this.#share();
    });
    byId("chat-toggle").addEventListener("click", () => this.#chat.toggle());
    byId("leave").addEventListener("click", () => {
      this.#leave();
      this.#showLobby("ready", "You have left the call.");
      byId("go").focus();
    });
    byId("copy-link").addEventListener("click", async () => {
      const isCopied = await copyText(this.#link());
      this.#notify(isCopied ? "The link is copied." : `The link: ${this.#link()}`);
    });
    byId("unblock").addEventListener("click", () => this.#sound.resume());
    byId("retry-media").addEventListener("click", () => this.#media.open());
  }

  #enter() {
    const room = byId("room").value.trim();
    const name = cleanName(byId("name").value);
    byId("room").setAttribute("aria-invalid", String(!isStreamId(room)));
    if (!isStreamId(room)) {
      this.#showLobby("refused", room
        ? "This name cannot be used. Letters, digits, dot, hyphen and underscore are fine."
        : "Give the call a name first.");
      byId("room").focus();
      return;
    }
    rememberName(name);
    this.#media.resume();
    const asked = this.#page.streamId;
    const id = asked && isStreamId(asked) ? asked : randomName(room.slice(0, 100));
    this.#room = this.#makeRoom({
      application: this.#page.application, room, id, name,
      media: this.#media, credentials: credentialsFromUrl(),
    });
    this.#rememberRoom(room);
    this.#listen(this.#room);
    this.#showCall(room, id, name);
    this.#room.enter();
  }

  async #share() {
    await this.#media.share();
    // The call may be over when the browser's question is answered.
    if (!this.#room && this.#media.isSharing) this.#media.unshare();
  }

  #listen(room) {
    room.on("state", ({ state, text }) => this.#onState(state, text));
    room.on("arrived", (person) => {
      this.#stage.add(person);
      this.#welcome(person);
      this.#onPeople("");
    });
    room.on("changed", (person) => {
      this.#stage.update(person);
      this.#welcome(person);
    });
    room.on("left", (person) => {
      this.#stage.remove(person.id);
      this.#welcomed.delete(person.id);
      this.#onPeople(`${person.name || "Somebody"} has left.`);
    });
    room.on("audio", ({ key, track }) => this.#sound.set(key, track));
    room.on("chat", (message) => this.#chat.add(message));
  }

  #leave() {
    const room = this.#room;
    this.#room = null;
    room?.leave();
    if (this.#media.isSharing) this.#media.unshare();
    this.#stage.clear();
    this.#sound.clear();
    this.#chat.clear();
    this.#clock.reset();
    this.#welcomed.clear();
    if (room) this.#showLobby("ready", "You have left the call.");
  }

  #onState(state, text) {
    if (state === "refused" || state === "ended") {
      this.#leave();
      this.#showLobby("refused", text);
      byId("go").focus();
      return;
    }
    byId("call").dataset.state = state;
    this.#reason = text;
    if (state === "live") this.#clock.start();
    this.#showStanding();
  }

  /** Once the name is known, which may be later than the picture. */
  #welcome({ id, name }) {
    if (!name || this.#welcomed.has(id)) return;
    this.#welcomed.add(id);
    this.#notify(`${name} has joined.`);
  }

  /** The line that stays while something is not as it should be. */
  #showStanding() {
    const state = byId("call").dataset.state ?? "";
    const isAlone = this.#room?.people.size === 0;
    const text = this.#reason ? `${this.#reason} Trying again…`
      : TEXTS[state === "live" && isAlone ? "waiting" : state] ?? "";
    byId("standing").hidden = !text;
    byId("standing-text").textContent = text;
    byId("standing-spinner").hidden = !["connecting", "reconnecting"].includes(state);
  }

  #onPeople(text) {
    const count = (this.#room?.people.size ?? 0) + 1;
    byId("people").textContent = count === 1 ? "Only you" : `${count} people`;
    this.#showStanding();
    this.#notify(text);
  }

  #onMedia() {
    const now = this.#media.state;
    const { problem } = this.#media;
    setToggle(["mute", "lobby-mute"], "mic", now.isMuted, ["Mute", "Unmute"]);
    setToggle(["hide", "lobby-hide"], "camera", !this.#media.hasCamera,
      ["Hide camera", "Show camera"]);
    byId("share-screen").dataset.active = String(now.isSharing);
    byId("share-screen").setAttribute(
      "aria-label", now.isSharing ? "Stop sharing" : "Share screen");
    byId("preview-veil").hidden = this.#media.hasCamera;
    byId("preview-text").textContent = problem || "Your camera is off";
    byId("retry-media").hidden = !problem;
    if (this.#room && problem) this.#notify(problem);
    if (this.#hearing !== this.#media.heard) {
      this.#hearing = this.#media.heard;
      this.#meter.follow(this.#hearing);
    }
    this.#showSelf(now);
    const isNew = Object.keys(now).some((field) => now[field] !== this.#told[field]);
    if (isNew) this.#room?.tellChanges(this.#told, now);
    this.#told = now;
  }

  #showSelf(state) {
    const [video] = this.#media.stream.getVideoTracks();
    Object.assign(this.#self, state, { video: video ?? null });
    if (this.#room) this.#stage.update(this.#self);
  }

  #showLevel(level) {
    const percent = Math.round(level * 100);
    byId("level").setAttribute("aria-valuenow", String(percent));
    byId("level").style.setProperty("--level", String(level));
    const isSpeaking = level > SPEAKING;
    if (this.#room && isSpeaking !== this.#self.isSpeaking) {
      this.#self.isSpeaking = isSpeaking;
      this.#stage.update(this.#self);
    }
  }

  #showCall(room, id, name) {
    this.#self = { ...this.#nobody(id), name };
    byId("lobby").hidden = true;
    byId("call").hidden = false;
    document.body.classList.add("in-call");
    byId("call-name").textContent = room;
    this.#devices.moveTo(byId("device-dialog-fields"));
    this.#stage.add(this.#self, true);
    this.#showSelf(this.#media.state);
    this.#onPeople("");
    byId("mute").focus();
  }

  #showLobby(state, text) {
    byId("call").hidden = true;
    byId("lobby").hidden = false;
    document.body.classList.remove("in-call");
    byId("device-dialog").close();
    this.#devices.moveTo(byId("device-lobby-fields"));
    byId("status").dataset.state = state;
    byId("status-text").textContent = text;
  }

  /** For a moment; read out to those who do not see it. */
  #notify(text) {
    if (!text) return;
    clearTimeout(this.#noticeTimer);
    byId("notice").textContent = text;
    byId("notice").classList.add("shown");
    this.#noticeTimer = setTimeout(() => byId("notice").classList.remove("shown"), NOTICE_MS);
  }

  #onKey(event) {
    if (!this.#room || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest?.("input, textarea, select, dialog")) return;
    if (event.key in KEYS) byId(KEYS[event.key]).click();
  }

  #link() {
    const url = new URL(location.pathname, location.href);
    url.search = new URLSearchParams({ room: byId("room").value.trim() }).toString();
    return url.href;
  }

  #rememberRoom(room) {
    const url = new URL(location.href);
    if (url.searchParams.get("room") === room) return;
    url.searchParams.set("room", room);
    history.replaceState(null, "", url);
  }

  #nobody(id) {
    return {
      id, name: "", isMuted: false, isCameraOff: false, isSharing: false,
      isSpeaking: false, isAway: false, video: null,
    };
  }
}

function setToggle(ids, icon, isOff, names) {
  for (const id of ids) {
    const button = byId(id);
    // Its name says what it does now, so it is no toggle to those who hear it.
    button.dataset.active = String(isOff);
    button.setAttribute("aria-label", names[Number(isOff)]);
    button.querySelector("use").setAttribute("href", `#i-${icon}${isOff ? "-off" : ""}`);
    button.querySelector(".control-text").textContent = names[Number(isOff)];
  }
}

/** Storage throws where a site may not keep anything: there is no name to fill in. */
function rememberedName() {
  try {
    return localStorage.getItem("call-name") ?? "";
  } catch {
    return "";
  }
}

function rememberName(name) {
  try {
    localStorage.setItem("call-name", name);
  } catch {
    // It is asked for again next time.
  }
}
