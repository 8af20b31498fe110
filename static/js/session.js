/**
 * One stream of a client, published or played, through all its attempts.
 *
 * The wire has no attempt number: the peer connection of the running attempt is its
 * identity, and an answer that arrives for another one is dropped.
 */

import { explain } from "./errors.js";
import { backoffMs } from "./socket.js";

const SETUP_MS = 8000;
const DISCONNECTED_MS = 3000;
const WAIT_MS = 3500;

/** @typedef {"connecting"|"waiting"|"live"|"reconnecting"|"ended"|"refused"|"stopped"} State */
/** @typedef {import("./client.js").StreamClient} StreamClient */

/** What publishing and playing have in common. */
export class Session {
  /** @type {State} */
  state = "stopped";
  /** @type {RTCPeerConnection | null} */
  peer = null;
  wasLive = false;
  /** True when nothing is tried any more. */
  isDone = false;

  /** True from sending the command until it is live, refused or given up. */
  inSetup = false;

  #attempt = 0;
  #timer = 0;
  #lossTimer = 0;
  /** @type {RTCIceCandidateInit[]} until the remote description is there */
  #candidates = [];
  #work = Promise.resolve();

  /**
   * @param {"publish" | "play"} role
   * @param {StreamClient} client
   * @param {string} streamId
   * @param {Record<string, unknown>} fields sent with every publish or play
   */
  constructor(role, client, streamId, fields) {
    this.role = role;
    this.client = client;
    this.streamId = streamId;
    this.fields = fields;
  }

  /** Sends the command of a new attempt; the socket is open. */
  begin() {
    this.closePeer();
    this.inSetup = true;
    this.#wait(SETUP_MS, () => this.restart());
    this.client.send({ command: this.role, streamId: this.streamId, ...this.fields });
  }

  /** The socket is gone and the server has let go of this attempt. */
  onSocketLost() {
    this.inSetup = false;
    this.#clearTimers();
    if (this.isDone) return;
    this.setState("reconnecting", this.wasLive ? "" : "WebSocketNotConnected");
  }

  /** The server wants no more of this stream: not tried again. */
  onStopped() {
    if (!this.isDone) this.finish("ended");
  }

  /**
   * Tries again after a pause.
   * @param {string} [reason] the error definition that made it necessary
   */
  restart(reason) {
    this.abandon();
    this.setState(this.wasLive || reason ? "reconnecting" : "connecting", reason);
    this.#wait(backoffMs(this.#attempt), () => this.#beginIfOpen());
    this.#attempt += 1;
  }

  /** Tells the server that this attempt is over, before the media says goodbye. */
  abandon() {
    this.client.send({ command: "stop", streamId: this.streamId });
    this.closePeer();
  }

  /** Asks again soon, without an end: the stream comes when its publisher does. */
  waitForStream(state) {
    this.closePeer();
    this.setState(state);
    this.#wait(WAIT_MS * (0.9 + Math.random() / 5), () => this.#beginIfOpen());
  }

  setLive() {
    this.inSetup = false;
    this.#clearTimers();
    this.#attempt = 0;
    this.wasLive = true;
    this.setState("live");
  }

  /** @param {State} state @param {string} [reason] */
  setState(state, reason = "") {
    this.state = state;
    this.client.emit("state", {
      streamId: this.streamId, role: this.role, state, reason,
    });
  }

  /** @param {string} definition */
  onError(definition) {
    if (explain(definition).retry) this.restart(definition);
    else this.finish("refused", definition);
  }

  /** @param {Record<string, any>} message takeCandidate */
  onCandidate({ label, id, candidate }) {
    if (!candidate) return;
    this.#candidates.push({ candidate, sdpMid: id ?? null, sdpMLineIndex: label ?? null });
    this.#addCandidates();
  }

  /** @returns {RTCPeerConnection} watched, with its candidates on their way */
  openPeer() {
    const peer = new RTCPeerConnection({ iceServers: this.client.iceServers });
    this.peer = peer;
    peer.onicecandidate = ({ candidate }) => {
      if (!candidate) return;
      this.client.send({
        command: "takeCandidate", streamId: this.streamId,
        label: candidate.sdpMLineIndex, id: candidate.sdpMid,
        candidate: candidate.candidate,
      });
    };
    peer.onconnectionstatechange = () => this.#onConnectionState(peer.connectionState);
    return peer;
  }

  closePeer() {
    this.inSetup = false;
    this.#clearTimers();
    this.#candidates = [];
    if (!this.peer) return;
    this.peer.onicecandidate = this.peer.onconnectionstatechange = null;
    this.peer.ontrack = null;
    this.peer.close();
    this.peer = null;
  }

  /**
   * Runs steps of negotiation one after another; one that fails because its peer
   * was closed meanwhile is of no interest, any other starts a new attempt.
   *
   * @param {RTCPeerConnection} peer
   * @param {() => Promise<void>} step
   */
  negotiate(peer, step) {
    this.#work = this.#work.then(async () => {
      if (this.peer !== peer) return;
      try {
        await step();
        await this.#addCandidates();
      } catch (error) {
        console.warn("negotiation failed", error);
        if (this.peer === peer) this.restart();
      }
    });
  }

  /** @param {RTCSessionDescriptionInit} description ours */
  sendDescription({ type, sdp }) {
    this.client.send({
      command: "takeConfiguration", streamId: this.streamId, type, sdp,
    });
  }

  async #addCandidates() {
    const peer = this.peer;
    if (!peer?.remoteDescription) return;
    for (const candidate of this.#candidates.splice(0)) {
      // One that this browser cannot use leaves the others.
      await peer.addIceCandidate(candidate).catch(() => undefined);
    }
  }

  #onConnectionState(connection) {
    clearTimeout(this.#lossTimer);
    if (connection === "failed") this.onMediaLost();
    else if (connection !== "connected" && this.state === "live") {
      this.#lossTimer = setTimeout(() => this.onMediaLost(), DISCONNECTED_MS);
    }
  }

  onMediaLost() {
    this.restart();
  }

  /** @param {State} state the last one @param {string} [reason] */
  finish(state, reason) {
    this.isDone = true;
    this.closePeer();
    this.setState(state, reason);
  }

  /** Otherwise the attempt begins with the socket's next opening. */
  #beginIfOpen() {
    if (this.client.isOpen) this.begin();
  }

  #wait(milliseconds, then) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      then();
    }, milliseconds);
  }

  #clearTimers() {
    clearTimeout(this.#timer);
    clearTimeout(this.#lossTimer);
    this.#timer = 0;
  }
}
