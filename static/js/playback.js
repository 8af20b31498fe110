/** A stream that this browser receives. */

import { Session } from "./session.js";

/** @typedef {import("./client.js").StreamClient} StreamClient */

export class Playback extends Session {
  /**
   * @param {StreamClient} client
   * @param {string} streamId
   * @param {Record<string, unknown>} fields
   */
  constructor(client, streamId, fields) {
    super("play", client, streamId, fields);
  }

  /** @param {RTCSessionDescriptionInit} description the server's offer */
  onDescription(description) {
    if (description.type !== "offer" || !(this.inSetup || this.peer)) return;
    const peer = this.peer ?? this.#openReceiver();
    this.negotiate(peer, async () => {
      await peer.setRemoteDescription(description);
      const answer = await peer.createAnswer();
      // Without this a browser plays Opus in mono.
      answer.sdp = answer.sdp?.replaceAll(
        "useinbandfec=1", "useinbandfec=1; stereo=1");
      await peer.setLocalDescription(answer);
      this.sendDescription(answer);
    });
  }

  onStarted() {
    if (this.peer) this.setLive();
  }

  onFinished() {
    if (!this.isDone) this.waitForStream("ended");
  }

  /** The stream is live now: no need to wait for the next try. */
  onStreamingStarted() {
    const waits = this.state === "waiting" || this.state === "ended";
    if (waits && !this.inSetup) this.begin();
  }

  /** @param {string} definition */
  onError(definition) {
    if (definition !== "no_stream_exist") super.onError(definition);
    else if (this.state !== "live") {
      this.waitForStream(this.state === "ended" ? "ended" : "waiting");
    }
  }

  #openReceiver() {
    const peer = this.openPeer();
    const heard = new MediaStream();
    peer.ontrack = ({ track, streams }) => {
      const media = streams[0] ?? heard;
      if (!streams[0]) heard.addTrack(track);
      this.client.emit("track", { streamId: this.streamId, track, media });
    };
    return peer;
  }
}
