/**
 * A call between two: media goes from browser to browser, the server only passes on
 * what they say to set it up. Whoever is left alone waits for the next one.
 */

import { AudioMonitor } from "./call-monitor.js";
import { CallRoom, cleanName } from "./call-room.js";

const OTHER = "other";

export class PeerRoom extends CallRoom {
  #monitor = new AudioMonitor(
    () => this.#peer,
    (activities) => this.#onActivities(activities));

  begin() {
    this.sdk.join(this.room);
    this.#monitor.start();
  }

  onInfo(info, detail) {
    switch (info) {
      case "session_state_changed":
        this.#onSession(detail);
        break;
      case "newTrackAvailable":
        this.#showTracks();
        break;
      case "data_channel_opened":
        this.send({ eventType: "HELLO", name: this.name, ...this.media.state });
        break;
      case "data_received":
        this.onData(detail.data);
        break;
      default: // joined, leaved, pong, and what later versions may say
    }
  }

  /** @param {object} event @returns {Promise<boolean>} whether it was sent */
  async send(event) {
    const text = JSON.stringify({ streamId: this.id, ...event });
    return (await this.sdk?.sendData(this.room, text)) ?? false;
  }

  onEvent(event) {
    if (event.eventType === "HELLO") {
      this.meet(OTHER, {
        name: cleanName(event.name),
        isMuted: Boolean(event.isMuted),
        isCameraOff: Boolean(event.isCameraOff),
        isSharing: Boolean(event.isSharing),
      });
    } else super.onEvent({ ...event, streamId: OTHER });
  }

  disconnect(sdk) {
    this.#monitor.stop();
    sdk.leave(this.room);
    sdk.closeWebSocket();
  }

  get #peer() {
    return this.sdk?.remotePeerConnection[this.room];
  }

  #onSession({ state, reason }) {
    if (state === "refused") this.refuse(reason);
    else if (state === "ended") this.finish("ended", "The call was ended by the server.");
    else if (state === "live") this.#showTracks();
    else if (state === "waiting") this.#onGone();
    if (["live", "waiting", "reconnecting"].includes(state)) {
      this.setState(state, this.explain(reason));
    }
  }

  #showTracks() {
    const tracks = this.#peer?.getReceivers().map(({ track }) => track) ?? [];
    const sound = tracks.find(({ kind }) => kind === "audio") ?? null;
    this.meet(OTHER, { video: tracks.find(({ kind }) => kind === "video") ?? null });
    this.emit("audio", { key: OTHER, track: sound });
  }

  #onGone() {
    this.emit("audio", { key: OTHER, track: null });
    this.part(OTHER);
  }

  #onActivities(activities) {
    const receivers = this.#peer?.getReceivers() ?? [];
    const sound = receivers.find(({ track }) => track.kind === "audio")?.track;
    const activity = sound && activities.get(sound.id);
    if (activity) {
      this.update(OTHER, { isSpeaking: activity.isSpeaking, isAway: activity.isSilent });
    }
  }
}
