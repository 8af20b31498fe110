/**
 * A conference: this browser publishes its stream as a part of the room, and plays
 * the room, on which the server offers the streams of all the others.
 *
 * Where the operator limits what each one gets, tracks are slots (`videoTrack0`) whose
 * content the server changes and announces; otherwise a track belongs to a person.
 */

import { AudioMonitor } from "./call-monitor.js";
import { CallRoom, cleanName } from "./call-room.js";

const PREFIX = "ARDAMSv".length;
// Bounded, for anybody in the room may send what looks like an assignment.
const SLOT = /^(?:video|audio)Track\d{1,3}$/;
const PAGE_SIZE = 50;
const MAX_LISTED = 500;
const ANSWER_MS = 5000;
const REFRESH_MS = 400;

export class ConferenceRoom extends CallRoom {
  /** @type {Map<string, {video?: MediaStreamTrack, audio?: MediaStreamTrack}>} by label */
  #tracks = new Map();
  /** @type {Map<string, string>} slot label -> person's id */
  #slots = new Map();
  #states = { publish: "connecting", play: "connecting" };
  #refreshTimer = 0;
  /** The list that is being asked for, page by page.
   * @type {{ids: Set<string>, offset: number, isStale: boolean, askedAt: number} | null} */
  #list = null;
  #monitor = new AudioMonitor(
    () => this.sdk?.remotePeerConnection[this.room],
    (levels) => this.#onLevels(levels));

  onInfo(info, detail) {
    switch (info) {
      case "session_state_changed":
        this.#onSession(detail);
        break;
      case "newTrackAvailable":
        this.#onTrack(detail);
        break;
      case "subtrackAdded":
        this.#meetById(String(detail.trackId ?? ""));
        break;
      case "subtrackRemoved":
        this.#forget(String(detail.trackId ?? ""));
        break;
      case "subtrackList":
        this.#onList(detail.subtrackList ?? []);
        break;
      case "broadcastObject":
        if (detail.streamId !== this.room) this.#onDescribed(detail.broadcast);
        break;
      case "data_received":
        this.onData(detail.data);
        break;
      default: // pong, and what later versions may say
    }
  }

  /** @param {object} event @returns {Promise<boolean>} whether it was sent */
  async send(event) {
    const text = JSON.stringify({ streamId: this.id, ...event });
    return (await this.sdk?.sendData(this.id, text)) ?? false;
  }

  tellChanges(before, now) {
    super.tellChanges(before, now);
    this.#publishState();
  }

  onEvent(event) {
    switch (event.eventType) {
      case "TRACK_LIST_UPDATED":
        this.#refresh();
        break;
      case "VIDEO_TRACK_ASSIGNMENT_LIST":
        this.#onAssigned(event.payload, "videoLabel");
        break;
      case "AUDIO_TRACK_ASSIGNMENT":
        this.#onAssigned(event.payload, "audioLabel");
        break;
      default:
        super.onEvent(event);
    }
  }

  /** Asks for the picture of a person who has no slot now. @param {string} id */
  want(id) {
    const labels = [...this.#slots.keys()].filter((label) => label.startsWith("video"));
    if (labels.length === 0 || this.people.get(id)?.video) return;
    this.sdk?.assignVideoTrack(labels[0], id, true);
  }

  disconnect(sdk) {
    clearTimeout(this.#refreshTimer);
    this.#monitor.stop();
    sdk.stop(this.id);
    sdk.stop(this.room);
    sdk.closeWebSocket();
  }

  begin() {
    const { id, room, name, sdk } = this;
    const { credentials } = this;
    sdk.publish({
      ...credentials, streamId: id, streamName: name, mainTrack: room,
      metaData: this.#metaData(),
    });
    sdk.play({
      ...credentials, streamId: room, roomId: room, subscriberName: name, metaData: name,
      userPublishId: id,
    });
    this.#monitor.start();
  }

  /** Two sessions, what is sent and what is received, are one call. */
  #onSession({ kind, state, reason }) {
    this.#states[kind] = state;
    if (state === "refused") this.refuse(reason);
    else if (state === "ended" && kind === "publish") {
      this.finish("ended", "The server has ended your part in this call.");
    } else if (state === "stopped") return;
    else if (Object.values(this.#states).every((each) => each === "live")) {
      this.setState("live");
      this.#publishState();
      this.#list = null; // its answer was lost with the socket, if it was lost
      this.#refresh();
    } else if (state === "reconnecting") this.setState(state, this.explain(reason));
    else if (this.state === "live") this.setState("reconnecting");
  }

  #metaData() {
    const { isMuted, isCameraOff, isSharing } = this.media.state;
    return JSON.stringify({
      isMicMuted: isMuted, isCameraOff, isScreenShared: isSharing,
    });
  }

  /** For those who come later: kept by the server with the stream. */
  #publishState() {
    if (this.#states.publish !== "live") return;
    this.sdk.updateStreamMetaData(this.id, this.#metaData());
  }

  #onTrack({ track, stream, trackId }) {
    const label = String(trackId ?? "").slice(PREFIX);
    if (!label || label === this.room || label === this.id) return;
    // A section of someone who left carries somebody else's track now.
    this.#dropTrack(track);
    const tracks = this.#tracks.get(label) ?? {};
    tracks[track.kind] = track;
    this.#tracks.set(label, tracks);
    track.addEventListener("ended", () => this.#dropTrack(track));
    stream?.addEventListener("removetrack", (event) => this.#dropTrack(event.track));
    if (track.kind === "audio") this.emit("audio", { key: label, track });
    else if (!SLOT.test(label)) this.#meetById(label);
    this.#showTracks();
  }

  #dropTrack(track) {
    for (const [label, tracks] of this.#tracks) {
      if (tracks[track.kind] !== track) continue;
      delete tracks[track.kind];
      if (!tracks.video && !tracks.audio) this.#tracks.delete(label);
      if (track.kind === "audio") this.emit("audio", { key: label, track: null });
    }
    this.#showTracks();
  }

  #onAssigned(payload, field) {
    if (!Array.isArray(payload)) return;
    for (const entry of payload.slice(0, PAGE_SIZE)) {
      if (typeof entry?.[field] === "string" && SLOT.test(entry[field])) {
        this.#slots.set(entry[field], String(entry.trackId ?? ""));
      }
    }
    this.#showTracks();
  }

  #showTracks() {
    const inSlot = new Map();
    for (const [label, id] of this.#slots) {
      if (label.startsWith("video")) inSlot.set(id, this.#tracks.get(label)?.video);
    }
    for (const id of this.people.keys()) {
      const video = this.#tracks.get(id)?.video ?? inSlot.get(id) ?? null;
      this.update(id, { video });
    }
  }

  #meetById(id) {
    if (!id || id === this.id || this.people.has(id)) return;
    this.meet(id);
    this.sdk.getBroadcastObject(id);
  }

  #forget(id) {
    this.part(id);
    const tracks = this.#tracks.get(id);
    this.#tracks.delete(id);
    if (tracks?.audio) this.emit("audio", { key: id, track: null });
  }

  /** Several changes at once are one question. */
  #refresh() {
    // One question at a time, unless its answer does not come.
    const isAsking = this.#list !== null && Date.now() - this.#list.askedAt < ANSWER_MS;
    if (this.#list && isAsking) this.#list.isStale = true;
    if (this.#refreshTimer || isAsking) return;
    this.#refreshTimer = setTimeout(() => {
      this.#refreshTimer = 0;
      this.#list = { ids: new Set(), offset: 0, isStale: false, askedAt: Date.now() };
      this.#askOn();
    }, REFRESH_MS * (0.5 + Math.random()));
  }

  #askOn() {
    const isAsked = this.sdk?.getSubtracks(this.room, "", this.#list?.offset, PAGE_SIZE);
    if (!isAsked) this.#list = null;
  }

  #onList(rows) {
    const list = this.#list;
    if (!list) return;
    for (const row of rows) {
      const id = this.#onDescribed(row);
      if (id) list.ids.add(id);
    }
    // Rows, not people: those who are not here now are listed too.
    list.offset += rows.length;
    const isFull = list.offset >= MAX_LISTED;
    if (rows.length === PAGE_SIZE && !isFull) {
      this.#askOn();
      return;
    }
    this.#list = null;
    for (const id of [...this.people.keys()]) {
      // Who is still received may be listed a moment later.
      if (!isFull && !list.ids.has(id) && !this.#tracks.has(id)) this.#forget(id);
    }
    if (list.isStale) this.#refresh();
  }

  /** @param {string} text a broadcast as JSON @returns {string} its id, "" if not here */
  #onDescribed(text) {
    const { streamId, name, status, mainTrackStreamId, metaData } = JSON.parse(text);
    if (status !== "broadcasting" || mainTrackStreamId !== this.room) return "";
    if (streamId === this.id) return streamId;
    this.meet(streamId, { name: cleanName(name), ...stateFrom(metaData) });
    this.#showTracks();
    return streamId;
  }

  #onLevels(levels) {
    for (const id of this.people.keys()) {
      const { audio, video } = this.#tracks.get(id) ?? {};
      const slot = [...this.#slots].find(
        ([label, owner]) => owner === id && label.startsWith("audio"))?.[0];
      const sound = audio ?? (slot ? this.#tracks.get(slot)?.audio : undefined);
      const heard = sound && levels.get(sound.id);
      const seen = video && levels.get(video.id);
      this.update(id, {
        isSpeaking: Boolean(heard?.isSpeaking),
        isAway: [heard, seen].some((each) => each)
          && [heard, seen].every((each) => !each || each.isSilent),
      });
    }
  }
}

/** @param {string | null} metaData what a page stored with its stream */
function stateFrom(metaData) {
  try {
    const { isMicMuted, isCameraOff, isScreenShared } = JSON.parse(metaData ?? "{}") ?? {};
    return {
      isMuted: Boolean(isMicMuted),
      isCameraOff: Boolean(isCameraOff),
      isSharing: Boolean(isScreenShared),
    };
  } catch {
    return {};
  }
}
