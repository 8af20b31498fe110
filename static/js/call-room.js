/**
 * What a conference and a call between two have in common: the adaptor, the people,
 * the messages that pages send each other over the data channel.
 *
 * Events:
 *  - "state" {state, text}: connecting, waiting, live, reconnecting, refused, ended;
 *  - "arrived", "changed", "left": `detail` is a Person;
 *  - "audio" {key, track}: to be played, or no more (null);
 *  - "chat" {id, name, text}.
 *
 * @typedef {object} Person
 * @property {string} id
 * @property {string} name
 * @property {boolean} isMuted
 * @property {boolean} isCameraOff
 * @property {boolean} isSharing
 * @property {boolean} isSpeaking
 * @property {boolean} isAway its media has stopped arriving
 * @property {MediaStreamTrack | null} video
 */

import { explain } from "./errors.js";
import { signallingUrl } from "./socket.js";
import { WebRTCAdaptor } from "./webrtc_adaptor.mjs";

export const MAX_MESSAGE_CHARS = 1000;
const MAX_FRAME_CHARS = 8192;
const MAX_NAME_CHARS = 64;
const MAX_PEOPLE = 250;

export class CallRoom extends EventTarget {
  /** @type {Map<string, Person>} by id, without this browser's own */
  people = new Map();
  /** @type {any} */
  sdk = null;
  state = "idle";
  isOver = false;
  #hasBegun = false;

  /**
   * @param {object} call
   * @param {string} call.application
   * @param {string} call.room
   * @param {string} call.id of this browser's stream
   * @param {string} call.name of the person
   * @param {import("./call-media.js").CallMedia} call.media
   * @param {Record<string, string>} call.credentials
   */
  constructor({ application, room, id, name, media, credentials }) {
    super();
    Object.assign(this, { application, room, id, name, media, credentials });
  }

  /** @param {string} type @param {(detail: any) => void} listener */
  on(type, listener) {
    this.addEventListener(type, (event) => {
      listener(/** @type {CustomEvent} */ (event).detail);
    });
  }

  enter() {
    this.setState("connecting");
    this.media.addEventListener("track", this.#onLocalTrack);
    const sdk = new WebRTCAdaptor({
      websocket_url: signallingUrl(this.application),
      // The page has opened what there is to send, and hands it over.
      mediaConstraints: { video: "dummy", audio: "dummy" },
      callback: (info, detail) => this.sdk === sdk && this.#onInfo(info, detail ?? {}),
      callbackError: (definition, detail) => {
        if (this.sdk === sdk) this.onError(String(definition), detail ?? {});
      },
    });
    this.sdk = sdk;
  }

  /** Out of the room; the others see it at once. */
  leave() {
    this.#end();
  }

  /** @param {string} text @returns {Promise<boolean>} whether it was sent */
  async say(text) {
    return this.send({ eventType: "CHAT_MESSAGE", message: text, name: this.name });
  }

  /** @param {string} type @param {object} detail */
  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  setState(state, text = "") {
    this.state = state;
    this.emit("state", { state, text });
  }

  /** The end, from the other side: nothing is tried any more. */
  finish(state, text) {
    this.#end();
    this.setState(state, text);
  }

  /**
   * An error that belongs to no session; those that do come as its state.
   * @param {string} definition @param {Record<string, any>} _detail
   */
  onError(definition, _detail) {
    const isLost = definition === "WebSocketNotConnected" && this.state !== "live";
    if (isLost) this.setState("reconnecting", explain(definition).text);
  }

  /** What is said about a try that failed. @param {string} reason a definition, or "" */
  explain(reason) {
    // A connection that was there is lost, which the page says by itself.
    const isLoss = reason === "WebSocketNotConnected" && this.#hasBegun;
    return reason && !isLoss ? explain(reason).text : "";
  }

  /** Refused for good: why is said in the lobby. @param {string} definition */
  refuse(definition) {
    this.finish("refused", explain(definition || "server_error_check_logs").text);
  }

  /** @param {string} id @param {Partial<Person>} [known] */
  meet(id, known = {}) {
    const met = this.people.get(id);
    if (met) return this.update(id, known);
    if (this.people.size >= MAX_PEOPLE) return undefined;
    const person = {
      id, name: "", isMuted: false, isCameraOff: false, isSharing: false,
      isSpeaking: false, isAway: false, video: null, ...known,
    };
    this.people.set(id, person);
    this.emit("arrived", person);
    return person;
  }

  /** @param {string} id @param {Partial<Person>} values */
  update(id, values) {
    const person = this.people.get(id);
    if (!person) return undefined;
    const isNew = Object.entries(values).some(([field, value]) => person[field] !== value);
    if (isNew) this.emit("changed", Object.assign(person, values));
    return person;
  }

  /** @param {string} id */
  part(id) {
    const person = this.people.get(id);
    if (!person) return;
    this.people.delete(id);
    this.emit("left", person);
  }

  /**
   * What another page said. Everything in it is a claim, and is treated as text.
   * @param {unknown} data
   */
  onData(data) {
    if (typeof data !== "string" || data.length > MAX_FRAME_CHARS) return;
    let event;
    try {
      event = JSON.parse(data);
    } catch {
      return;
    }
    if (event === null || typeof event !== "object") return;
    if (typeof event.eventType === "string") this.onEvent(event);
  }

  /** @param {Record<string, any>} event */
  onEvent({ eventType, streamId, ...event }) {
    const id = String(streamId ?? "");
    if (id === this.id) return;
    switch (eventType) {
      case "CHAT_MESSAGE":
        this.#onChat(id, event);
        break;
      case "MIC_MUTED":
      case "MIC_UNMUTED":
        this.update(id, { isMuted: eventType === "MIC_MUTED" });
        break;
      case "CAM_TURNED_OFF":
      case "CAM_TURNED_ON":
        this.update(id, { isCameraOff: eventType === "CAM_TURNED_OFF" });
        break;
      case "SCREEN_SHARED_ON":
      case "SCREEN_SHARED_OFF":
        this.update(id, { isSharing: eventType === "SCREEN_SHARED_ON" });
        break;
      default: // of the server, or of pages that know more
    }
  }

  /** Tells the others what of this browser's state is different now. */
  tellChanges(before, now) {
    if (before.isMuted !== now.isMuted) {
      this.send({ eventType: now.isMuted ? "MIC_MUTED" : "MIC_UNMUTED" });
    }
    if (before.isCameraOff !== now.isCameraOff) {
      this.send({ eventType: now.isCameraOff ? "CAM_TURNED_OFF" : "CAM_TURNED_ON" });
    }
    if (before.isSharing !== now.isSharing) {
      this.send({ eventType: now.isSharing ? "SCREEN_SHARED_ON" : "SCREEN_SHARED_OFF" });
    }
  }

  async #onInfo(info, detail) {
    if (info !== "initialized") this.onInfo(info, detail);
    else if (!this.#hasBegun) {
      this.#hasBegun = true;
      const { sdk } = this;
      await this.#sendTracks();
      if (sdk && sdk === this.sdk) this.begin();
    }
  }

  #onChat(id, { message, name }) {
    if (typeof message !== "string" || !message.trim()) return;
    this.emit("chat", {
      id,
      // The name that the room knows counts, not the one in the message.
      name: this.people.get(id)?.name || cleanName(name),
      text: message.slice(0, MAX_MESSAGE_CHARS),
    });
  }

  #onLocalTrack = () => {
    if (this.#hasBegun) this.#sendTracks();
  };

  /** What is not open yet, as while the browser asks, comes with its "track" event. */
  async #sendTracks() {
    const { sdk } = this;
    const { stream } = this.media;
    const sending = [];
    if (stream.getVideoTracks().length > 0) sending.push(sdk?.updateVideoTrack(stream));
    if (stream.getAudioTracks().length > 0) sending.push(sdk?.updateAudioTrack(stream));
    await Promise.allSettled(sending); // the SDK has told `onError`
  }

  #end() {
    if (this.isOver) return;
    this.isOver = true;
    this.media.removeEventListener("track", this.#onLocalTrack);
    const { sdk } = this;
    this.sdk = null;
    if (sdk) this.disconnect(sdk);
  }
}

/** @param {unknown} name @returns {string} one line of at most 64 characters */
export function cleanName(name) {
  if (typeof name !== "string") return "";
  return name.replace(/\s+/g, " ").trim().slice(0, MAX_NAME_CHARS);
}
