/** A stream that this browser sends. */

import { Session } from "./session.js";

/** @typedef {import("./client.js").StreamClient} StreamClient */

/** Heights of one picture, of which the server sends each viewer one: no encoding there. */
const LAYERS = [
  { rid: "h" }, { rid: "m", scaleResolutionDownBy: 2 }, { rid: "l", scaleResolutionDownBy: 4 },
];

export class Publication extends Session {
  #encodings;

  /**
   * @param {StreamClient} client
   * @param {string} streamId
   * @param {MediaStream} media
   * @param {Record<string, unknown>} fields
   * @param {boolean} [simulcast] the picture is sent in three heights
   */
  constructor(client, streamId, media, fields, simulcast = false) {
    super("publish", client, streamId, fields);
    this.media = media;
    this.#encodings = simulcast ? { sendEncodings: LAYERS } : {};
  }

  /** The server wants our offer. */
  onStart() {
    if (!this.inSetup || this.peer) return;
    const peer = this.openPeer();
    for (const track of this.media.getTracks()) {
      const encodings = track.kind === "video" ? this.#encodings : {};
      peer.addTransceiver(
        track, { direction: "sendonly", streams: [this.media], ...encodings });
    }
    this.negotiate(peer, async () => {
      const offer = await peer.createOffer();
      await peer.setLocalDescription(offer);
      this.sendDescription(offer);
    });
  }

  /** @param {RTCSessionDescriptionInit} description the server's answer */
  onDescription(description) {
    const peer = this.peer;
    if (!peer || description.type !== "answer") return;
    this.negotiate(peer, async () => {
      if (peer.signalingState !== "have-local-offer") return;
      await peer.setRemoteDescription(description);
    });
  }

  onStarted() {
    if (this.peer) this.setLive();
  }

  /** Ended from the server's side, for the reason that it gave before, if any. */
  onFinished() {
    if (!this.isDone) this.finish("ended");
  }

  /** @param {string} definition */
  onError(definition) {
    // Coming back: the server may not have noticed yet that we were gone.
    if (definition === "streamIdInUse" && this.wasLive) this.restart(definition);
    else super.onError(definition);
  }

  /**
   * A `stop` would end the stream for its viewers. A lost socket does not: they
   * stay connected while the server waits for the publisher's return.
   */
  onMediaLost() {
    this.client.reset();
  }

  /**
   * Sends another camera or microphone from now on, without a new offer.
   * @param {MediaStreamTrack} track
   * @returns {Promise<boolean>} false when the stream has no track of this kind
   */
  async replaceTrack(track) {
    for (const old of this.media.getTracks()) {
      if (old.kind === track.kind && old !== track) this.media.removeTrack(old);
    }
    this.media.addTrack(track);
    const sender = this.peer?.getTransceivers()
      .find(({ receiver }) => receiver.track.kind === track.kind)?.sender;
    await sender?.replaceTrack(track);
    return Boolean(sender);
  }
}
