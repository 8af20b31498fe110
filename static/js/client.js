/**
 * Publishes and plays streams of one application over its WebSocket, and keeps at
 * it: through lost sockets, lost media and streams that are not there yet.
 *
 * Events (`detail` always has `streamId`):
 *  - "state": role, state, reason (an error definition, or "");
 *  - "track": track, media (the MediaStream to show);
 *  - "renditions": streamInfo, the sizes that a played stream is there in;
 *  - "notification": the server's message, for those not handled here;
 *  - "warning": definition, of an error that leaves the stream as it is.
 *
 * States: connecting, waiting (for the stream to be published), live, reconnecting,
 * ended, refused (not tried again), stopped (by `stop`).
 */

import { explain } from "./errors.js";
import { Playback } from "./playback.js";
import { Publication } from "./publication.js";
import { SignallingSocket } from "./socket.js";

/**
 * @typedef {object} Credentials
 * @property {string} [token]
 * @property {string} [subscriberId]
 * @property {string} [subscriberCode]
 */

export class StreamClient extends EventTarget {
  /** @type {RTCIceServer[]} for peer connections made from now on */
  iceServers = [];

  /** @type {Map<string, Publication | Playback>} by stream id */
  #sessions = new Map();
  #socket;

  /** @param {string} url of the signalling socket, see `signallingUrl` */
  constructor(url) {
    super();
    this.#socket = new SignallingSocket(url);
    this.#socket.addEventListener("open", () => this.#onOpen());
    this.#socket.addEventListener("lost", () => this.#onLost());
    this.#socket.addEventListener("message", (event) => {
      this.#onMessage(/** @type {CustomEvent} */ (event).detail);
    });
  }

  /** True while the server can be told something. */
  get isOpen() {
    return this.#socket.isOpen;
  }

  /** @param {string} type @param {(detail: any) => void} listener */
  on(type, listener) {
    this.addEventListener(type, (event) => {
      listener(/** @type {CustomEvent} */ (event).detail);
    });
  }

  /**
   * @param {string} streamId
   * @param {MediaStream} media its tracks are sent; stopping them is the caller's
   * @param {Credentials & {streamName?: string, simulcast?: boolean}} [options]
   */
  publish(streamId, media, { simulcast, ...options } = {}) {
    const fields = {
      ...options,
      video: media.getVideoTracks().length > 0,
      audio: media.getAudioTracks().length > 0,
    };
    this.#add(new Publication(this, streamId, media, fields, simulcast));
  }

  /**
   * @param {string} streamId
   * @param {Credentials & {viewerInfo?: string}} [options]
   */
  play(streamId, options = {}) {
    this.#add(new Playback(this, streamId, { ...options }));
  }

  /** Ends publishing or playing `streamId`; one that is not there is fine. */
  stop(streamId) {
    const session = this.#sessions.get(streamId);
    if (!session) return;
    this.#sessions.delete(streamId);
    session.abandon();
    session.finish("stopped");
  }

  /** Ends everything, the socket too. */
  close() {
    for (const streamId of [...this.#sessions.keys()]) this.stop(streamId);
    this.#socket.close();
  }

  /**
   * @param {string} streamId
   * @param {MediaStreamTrack} track takes the place of the one of its kind
   * @returns {Promise<boolean>} false when nothing of this kind is being sent
   */
  async replaceTrack(streamId, track) {
    const session = this.#sessions.get(streamId);
    return session instanceof Publication && session.replaceTrack(track);
  }

  /** @returns {Promise<RTCStatsReport | null>} null while there is no connection */
  async getStats(streamId) {
    return (await this.#sessions.get(streamId)?.peer?.getStats()) ?? null;
  }

  /** Sends a message as it is; dropped (false) while the socket is not open. */
  send(message) {
    return this.#socket.send(message);
  }

  /** Lets the server see this client go and come back: for a publisher whose media
   * was lost, see `Publication.onMediaLost`. */
  reset() {
    this.#socket.reset();
  }

  /** @param {string} type @param {object} detail */
  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** @param {Publication | Playback} session */
  #add(session) {
    this.stop(session.streamId);
    this.#sessions.set(session.streamId, session);
    session.setState("connecting");
    if (this.isOpen) session.begin();
    else this.#socket.open();
  }

  #onOpen() {
    this.send({ command: "getIceServerConfig" });
    for (const session of this.#sessions.values()) {
      if (!session.isDone) session.begin();
    }
  }

  #onLost() {
    for (const session of this.#sessions.values()) session.onSocketLost();
  }

  #onMessage(message) {
    const session = this.#sessions.get(message.streamId);
    switch (message.command) {
      case "start":
        if (session instanceof Publication) session.onStart();
        break;
      case "takeConfiguration":
        session?.onDescription({ type: message.type, sdp: message.sdp });
        break;
      case "takeCandidate":
        session?.onCandidate(message);
        break;
      case "stop":
        session?.onStopped();
        break;
      case "error":
        this.#onError(session, String(message.definition));
        break;
      case "notification":
        this.#onNotification(session, message);
        break;
      case "streamInformation":
        this.emit("renditions", message);
        break;
      case "iceServerConfig":
        this.#useIceServer(message);
        break;
      default: // pong, and what later versions may say
    }
  }

  /** An error that names no stream is about those that are being set up. */
  #onError(session, definition) {
    if (explain(definition).isAside) {
      if (session) this.emit("warning", { streamId: session.streamId, definition });
    } else if (session) session.onError(definition);
    else {
      for (const other of this.#sessions.values()) {
        if (other.inSetup) other.onError(definition);
      }
    }
  }

  #onNotification(session, message) {
    switch (message.definition) {
      case "publish_started":
      case "session_restored":
      case "play_started":
        session?.onStarted();
        break;
      case "publish_finished":
      case "play_finished":
        session?.onFinished();
        break;
      case "streaming_started":
        if (session instanceof Playback) session.onStreamingStarted();
        break;
      case "server_will_stop":
        this.#socket.reset();
        break;
      default:
        this.emit("notification", message);
    }
  }

  /** The server is reachable at its own address, so a STUN server adds nothing;
   * a TURN server helps where the network blocks UDP. */
  #useIceServer({ stunServerUri, turnServerUsername, turnServerCredential }) {
    if (!/^turns?:/.test(stunServerUri ?? "")) return;
    this.iceServers = [{
      urls: stunServerUri,
      username: turnServerUsername,
      credential: turnServerCredential,
    }];
  }
}
