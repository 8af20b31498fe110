/**
 * WebRTCAdaptor: publishes, plays, meets peers and joins rooms over one signalling
 * socket, and keeps at it through lost sockets, lost media and restarted servers.
 *
 *   <script src="/static/js/webrtc_adaptor.js"></script>      window.WebRTCAdaptor
 *   import { WebRTCAdaptor } from "/static/js/webrtc_adaptor.mjs";
 *
 * No build step, no dependency, nothing on the console. It has no `export`, which a
 * plain script may not have; the .mjs beside it does. Types: webrtc_adaptor.d.ts.
 * Manual: docs/javascript.md.
 */
(() => {
"use strict";

const VERSION = "1.0.0";

const PING_MS = 3000;
const UNANSWERED_PINGS = 3;
const CONNECT_MS = 10_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
const FIRST_WAIT_MS = 2000;
const LONGEST_WAIT_MS = 8000;
const SETUP_MS = 10_000;
/** Between browsers it is longer: one may have to find its way through a relay. */
const PEER_SETUP_MS = 30_000;
const DISCONNECTED_MS = 3000;
/** A connection that held this long was a good one: the next loss starts anew. */
const STABLE_MS = 10_000;
/** A crashed publisher's id is free again before this. */
const IN_USE_PATIENCE_MS = 30_000;

const CHUNK_BYTES = 16_000;
const HIGH_WATER_BYTES = 1 << 20;
const MAX_QUEUED_BYTES = 64 << 20;
const MAX_MESSAGE_BYTES = 64 << 20;
const MAX_UNFINISHED = 16;
/** Of one stream; servers take a burst of about a hundred commands. */
const MAX_REMEMBERED = 60;

/** Refusals that time may lift. All others, those of later servers too, are final:
 * neither credentials nor an operator's rules change by asking again. */
const SOFT = new Set([
  "no_stream_exist", "no_active_streams_in_room", "no_peer_associated_before",
  // Of an attempt before, which the server has not ended yet: `stop` goes before a retry.
  "already_publishing", "already_playing",
  "streamIdInUse", "highResourceUsage", "not_initialized_yet",
  "data_store_not_available", "mainTrackDBOperationFailed", "publishTimeoutError",
  "noPacketReceivedForTimeoutDuration", "notSetLocalDescription",
  "notSetRemoteDescription", "server_error_check_logs",
]);
/** Of the qualities that the server makes of a stream, which goes on without them. */
const ABOUT_LADDER = new Set(["encoderNotOpened", "encoderBlocked", "no_encoder_settings"]);
const ROOM_ERRORS = new Set(["no_room_specified", "room_not_active_or_expired"]);
/** Where no stream is named, these are about every stream that is being set up; others
 * are answers to something else. */
const WITHOUT_STREAM = new Set([
  ...SOFT, "noStreamNameSpecified", "invalidStreamName", "unauthorized_access",
  "not_allowed_unregistered_streams", "license_suspended_please_renew_license",
  "no_codec_enabled_in_the_server", "viewerLimitReached",
]);

const NOTHING = () => undefined;
/** Runs an async step in the background; its error has been told already. */
const quietly = (promise) => {
  promise.catch(NOTHING);
  return promise;
};
/** One exception in a page's callback must not stop the others, nor be hidden. */
const call = (listener, ...values) => {
  try {
    listener?.(...values);
  } catch (error) {
    queueMicrotask(() => { throw error; });
  }
};
const text = (value) => value ?? "";
const named = (name, message) => Object.assign(new Error(message), { name });

/** One timer that holds at most one plan. */
class Timer {
  #id = null;

  get isSet() {
    return this.#id !== null;
  }

  start(milliseconds, then) {
    this.clear();
    this.#id = setTimeout(() => {
      this.#id = null;
      then();
    }, milliseconds);
  }

  clear() {
    clearTimeout(this.#id ?? undefined);
    this.#id = null;
  }
}

/** Pauses that double from `first` to `longest`, each lengthened by up to a half at
 * random, so that the clients of a restarted server do not return in one moment. */
class Backoff {
  #attempt = 0;

  constructor(firstMs, longestMs) {
    this.first = firstMs;
    this.longest = longestMs;
  }

  /** @returns {number} milliseconds */
  next() {
    const pause = Math.min(this.longest, this.first * 2 ** Math.min(this.#attempt, 20));
    this.#attempt += 1;
    return pause * (1 + Math.random() / 2);
  }

  reset() {
    this.#attempt = 0;
  }
}

/** The signalling socket: one at a time, watched by pings, opened again when lost. */
class Signalling {
  #url;
  #listener;
  #reconnects;
  #legacy;
  /** @type {WebSocket | null} */
  #socket = null;
  #backoff = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  #retry = new Timer();
  #deadline = new Timer();
  #nextPing = new Timer();
  #unanswered = 0;
  #wanted = false;
  #onOnline = () => this.#retry.isSet && this.#connect();

  /**
   * @param {string} url
   * @param {{reconnects: boolean, onOpen: () => void,
   *   onLost: (event: object | null, wasOpen: boolean) => void,
   *   onMessage: (message: object) => void}} listener
   */
  constructor(url, listener) {
    this.#url = url;
    this.#listener = listener;
    this.#reconnects = listener.reconnects;
    // The dialect of 2017 calls the stream's id streamName; both are sent there.
    this.#legacy = /\/WebRTCApp4(\/websocket)?\/?(\?|$)/.test(url);
  }

  get isOpen() {
    return this.#socket?.readyState === 1;
  }

  /** Connects, and stays so until `close`. Safe to call again. */
  open() {
    if (!this.#wanted) globalThis.addEventListener?.("online", this.#onOnline);
    this.#wanted = true;
    if (!this.#socket && !this.#retry.isSet) this.#connect();
  }

  /** @returns {boolean} false: not open, nothing was sent */
  send(message) {
    if (!this.isOpen) return false;
    const id = message.streamId;
    const extra = this.#legacy && id ? { streamName: id } : {};
    this.#socket.send(JSON.stringify({ ...message, ...extra }));
    return true;
  }

  /** Ends this connection and opens another after a pause. */
  reset() {
    if (this.#socket) this.#drop(null);
  }

  close() {
    this.#wanted = false;
    globalThis.removeEventListener?.("online", this.#onOnline);
    this.#retry.clear();
    // Giving up a try is not losing a connection.
    if (this.#deadline.isSet) this.#release();
    else if (this.#socket) this.#drop(null);
  }

  #connect() {
    this.#retry.clear();
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#unanswered = 0;
    this.#deadline.start(CONNECT_MS, () => this.#drop(null, false));
    socket.onopen = () => {
      this.#deadline.clear();
      this.#nextPing.start(PING_MS, () => this.#ping());
      this.#listener.onOpen();
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#drop(event);
  }

  #receive(data) {
    this.#unanswered = 0;
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return; // one frame that nobody can read ends nothing
    }
    if (message === null || typeof message !== "object") return;
    if (message.command === "pong") this.#backoff.reset();
    this.#listener.onMessage(message);
  }

  /** Counted, not timed: the timers of a page in the background run late. */
  #ping() {
    if (this.#unanswered >= UNANSWERED_PINGS) {
      this.#drop(null);
      return;
    }
    this.#unanswered += 1;
    this.#nextPing.start(PING_MS, () => this.#ping());
    this.send({ command: "ping" });
  }

  #release() {
    const socket = this.#socket;
    this.#nextPing.clear();
    this.#deadline.clear();
    this.#socket = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #drop(event, wasOpen = !this.#deadline.isSet) {
    this.#release();
    if (!this.#reconnects) this.#wanted = false;
    if (this.#wanted) this.#retry.start(this.#backoff.next(), () => this.#connect());
    this.#listener.onLost(event, wasOpen);
  }
}

/** A data channel: text as it is, binary in numbered pieces of at most 16000 bytes.
 * A header of two little-endian int32, number and length, goes before the pieces;
 * each piece begins with its number. */
class DataPipe {
  #channel;
  #listener;
  /** @type {Promise<unknown>} */
  #sending = Promise.resolve();
  #queuedBytes = 0;
  #isClosed = false;
  /** Ends the wait for room in the channel. */
  #wake = NOTHING;
  /** @type {Map<number, {bytes: Uint8Array, received: number}>} */
  #unfinished = new Map();

  /** @param {RTCDataChannel} channel @param {(info: string, value?: unknown) => void}
   *   listener called with open, closed, error and an error, data and what came */
  constructor(channel, listener) {
    this.#channel = channel;
    this.#listener = listener;
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = HIGH_WATER_BYTES / 2;
    for (const event of ["bufferedamountlow", "close"]) {
      channel.addEventListener(event, () => this.#wake());
    }
    channel.onopen = () => listener("open");
    channel.onclose = () => listener("closed");
    channel.onerror = (event) => {
      if (channel.readyState !== "closed") listener("error", event.error ?? event);
    };
    channel.onmessage = (event) => this.#receive(event.data);
    if (channel.readyState === "open") queueMicrotask(() => listener("open"));
  }

  get isOpen() {
    return !this.#isClosed && this.#channel.readyState === "open";
  }

  /** Before its connection closes, which tells a channel nothing: who waits to send
   * would wait for ever. */
  close() {
    this.#isClosed = true;
    this.#wake();
  }

  /** One message after another, so that they arrive in this order.
   * @returns {Promise<boolean>} */
  send(data) {
    const bytes = typeof data === "string" ? 2 * data.length
      : data?.byteLength ?? data?.size;
    if (bytes === undefined) {
      return Promise.reject(new TypeError("Text, an ArrayBuffer, a view or a Blob is sent."));
    }
    if (!this.isOpen || this.#queuedBytes + bytes > MAX_QUEUED_BYTES) {
      return Promise.resolve(false);
    }
    this.#queuedBytes += bytes;
    const sent = this.#sending.then(() => this.#send(data)).catch((error) => {
      this.#listener("error", error);
      return false;
    }).finally(() => { this.#queuedBytes -= bytes; });
    this.#sending = sent;
    return sent;
  }

  async #send(data) {
    if (typeof data === "string") return this.#sendOne(data);
    const bytes = data instanceof ArrayBuffer ? new Uint8Array(data)
      : ArrayBuffer.isView(data)
        ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
        : new Uint8Array(await data.arrayBuffer());
    const number = Math.floor(Math.random() * 0x7fffffff);
    const header = new DataView(new ArrayBuffer(8));
    header.setInt32(0, number, true);
    header.setInt32(4, bytes.byteLength, true);
    if (!(await this.#sendOne(header.buffer))) return false;
    for (let start = 0; start < bytes.byteLength; start += CHUNK_BYTES) {
      const part = bytes.subarray(start, start + CHUNK_BYTES);
      const frame = new Uint8Array(part.byteLength + 4);
      new DataView(frame.buffer).setInt32(0, number, true);
      frame.set(part, 4);
      if (!(await this.#sendOne(frame.buffer))) return false;
    }
    return true;
  }

  async #sendOne(frame) {
    const channel = this.#channel;
    while (this.isOpen && channel.bufferedAmount > HIGH_WATER_BYTES) {
      await new Promise((resolve) => { this.#wake = () => resolve(undefined); });
    }
    if (!this.isOpen) return false;
    channel.send(frame);
    return true;
  }

  #receive(data) {
    if (typeof data === "string") {
      this.#listener("data", data);
      return;
    }
    const view = data.byteLength >= 4 ? new DataView(data) : null;
    const number = view?.getInt32(0, true);
    const message = this.#unfinished.get(number);
    if (message) this.#append(number, message, data);
    else if (data.byteLength === 8) this.#expect(number, view.getInt32(4, true));
    else this.#listener("data", data); // from a sender that does not number
  }

  #expect(number, length) {
    if (length < 0 || length > MAX_MESSAGE_BYTES) return;
    if (length === 0) {
      this.#listener("data", new ArrayBuffer(0));
      return;
    }
    let room = MAX_MESSAGE_BYTES - length;
    for (const { bytes } of this.#unfinished.values()) room -= bytes.byteLength;
    for (const [oldest, { bytes }] of this.#unfinished) {
      if (room >= 0 && this.#unfinished.size < MAX_UNFINISHED) break;
      this.#unfinished.delete(oldest);
      room += bytes.byteLength;
    }
    this.#unfinished.set(number, { bytes: new Uint8Array(length), received: 0 });
  }

  #append(number, message, data) {
    const part = new Uint8Array(data, 4);
    const { bytes, received } = message;
    message.received += part.byteLength;
    if (message.received > bytes.byteLength) this.#unfinished.delete(number);
    else bytes.set(part, received);
    if (message.received !== bytes.byteLength) return;
    this.#unfinished.delete(number);
    this.#listener("data", bytes.buffer);
  }
}

/** "udp" or "tcp" of a candidate line, "" for the end of candidates. */
const protocolOf = (candidate) => (candidate.split(" ")[2] ?? "").toLowerCase();
const ufragOf = (sdp) => /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1] ?? "";

/**
 * One stream of an adaptor through all its attempts: what the page asked for is
 * `request`, and is sent again exactly. The wire has no attempt number: the peer
 * connection of the running attempt is its identity.
 *
 * The port: send, notify, fail, log, resetSocket (functions), isOpen, options, media
 * and peerConfig (values of now).
 */
class PeerSession {
  /** @type {"connecting"|"waiting"|"live"|"reconnecting"|"ended"|"refused"|"stopped"} */
  state = "stopped";
  /** @type {RTCPeerConnection | null} */
  peer = null;
  /** @type {DataPipe | null} */
  pipe = null;
  /** What the server says each m-line carries, by mid. */
  idMapping = {};
  /** Of tracks that came without one. @type {MediaStream | null} */
  looseStream = null;
  /** True from the command until it is live, refused or given up. */
  inSetup = false;
  /** True when nothing is tried any more. */
  isDone = false;
  /** False while the camera is still being opened for it. */
  isReady = true;
  wasLive = false;

  #wasTried = false;
  #liveSince = 0;
  #inUseSince = 0;
  #reason = "";
  #backoff = new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  #waits = new Backoff(FIRST_WAIT_MS, LONGEST_WAIT_MS);
  #timer = new Timer();
  #loss = new Timer();
  #candidates = [];
  #work = Promise.resolve();
  /** @type {Map<string, object>} commands to say again when it is live again */
  #said = new Map();

  /** What the page is told when it is tried again. */
  attemptInfo = "";

  /** @param {string} kind @param {object} port @param {object} request */
  constructor(kind, port, request) {
    this.kind = kind;
    this.port = port;
    this.request = request;
    this.streamId = request.streamId;
  }

  /** A new attempt, unless one is running; its command is sent now. */
  begin() {
    if (this.inSetup || this.isDone || !this.isReady || this.state === "live") return;
    this.closePeer();
    this.inSetup = true;
    if (this.#wasTried) this.port.notify(this.attemptInfo, this.streamId);
    this.#wasTried = true;
    this.expectLiveIn(SETUP_MS);
    this.port.send(this.command());
  }

  expectLiveIn(milliseconds) {
    this.#timer.start(milliseconds, () => this.restart("setup_timeout"));
  }

  /** The page asks again: the same is being done already, anything else replaces it. */
  renew(request) {
    const isSame = JSON.stringify(request) === JSON.stringify(this.request);
    this.request = request;
    if (isSame) return;
    this.#backoff.reset();
    if (this.inSetup || this.state === "live") this.restart("");
    else if (this.port.isOpen) this.begin();
  }

  /** The socket is gone, and with it all that the server did for this attempt. The
   * media may flow on until the next attempt replaces it. */
  onSocketLost(reconnects) {
    this.inSetup = false;
    this.#timer.clear();
    this.#loss.clear();
    this.#watchNoMore();
    if (this.isDone) return;
    if (reconnects) this.setState("reconnecting", "WebSocketNotConnected");
    else this.finish("ended", "WebSocketNotConnected");
  }

  /** Tries again after a pause. */
  restart(reason) {
    this.abandon();
    if (!this.port.options.reconnectIfRequiredFlag) {
      this.finish("ended", reason);
      return;
    }
    if (this.#liveSince && Date.now() - this.#liveSince > STABLE_MS) this.#backoff.reset();
    this.#liveSince = 0;
    this.setState(this.wasLive || reason ? "reconnecting" : "connecting", reason);
    this.#beginAfter(this.#backoff.next());
  }

  /** Asks again now and then: the stream comes when its publisher does. */
  waitForStream(reason) {
    this.closePeer();
    if (!this.port.options.reconnectIfRequiredFlag) {
      this.finish("ended", reason);
      return;
    }
    this.setState("waiting", reason);
    this.#beginAfter(this.#waits.next());
  }

  /** Tells the server that this attempt is over. */
  abandon() {
    if (this.#wasTried && this.port.send(this.goodbye())) this.onAbandoned();
    this.closePeer();
  }

  command() {
    return { command: this.kind, ...this.request };
  }

  goodbye() {
    return { command: "stop", streamId: this.streamId };
  }

  /** @returns {boolean | undefined} whether it is tried again; undefined: it was about
   * something else, for nothing was being set up */
  onError(definition) {
    if (ABOUT_LADDER.has(definition)) return undefined;
    this.#reason = definition;
    if (!this.inSetup) return undefined;
    this.#inUseSince = definition === "streamIdInUse" ? this.#inUseSince || Date.now() : 0;
    const isPatient = definition !== "streamIdInUse"
      || Date.now() - this.#inUseSince < IN_USE_PATIENCE_MS;
    if (!SOFT.has(definition) || !isPatient) this.finish("refused", definition);
    else if (definition === "no_stream_exist" && this.kind === "play") {
      this.waitForStream(definition);
    } else this.restart(definition);
    return !this.isDone;
  }

  /** `stop` of the server: no more of this stream. */
  onServerStop() {
    this.finish("ended", this.#reason);
  }

  /** Of notifications; each kind reacts to its own. */
  onStart() {}
  onJoined() {}
  onAbandoned() {}
  onStreamingStarted() {}
  onFinished() {}

  onStarted() {
    if (this.inSetup && this.peer) this.setLive();
  }

  setLive() {
    this.inSetup = false;
    this.wasLive = true;
    this.#reason = "";
    this.#inUseSince = 0;
    this.#liveSince = Date.now();
    this.#timer.clear();
    this.#waits.reset();
    this.setState("live");
    quietly(this.limitVideo(this.port.options.bandwidth));
    for (const message of this.#said.values()) this.port.send(message);
  }

  setState(state, reason = "") {
    this.state = state;
    this.port.log(this.kind, this.streamId, state, reason);
    this.port.notify("session_state_changed", {
      streamId: this.streamId, kind: this.kind, state, reason,
    });
  }

  finish(state, reason = "") {
    this.isDone = true;
    this.closePeer();
    this.port.forget(this);
    this.setState(state, reason);
  }

  /** The newest are kept. @param {string} key commands of one key replace each other */
  remember(key, message) {
    this.#said.delete(key);
    this.#said.set(key, message);
    if (this.#said.size > MAX_REMEMBERED) this.#said.delete(this.#said.keys().next().value);
  }

  // Negotiation --------------------------------------------------------------------

  /** @returns {RTCPeerConnection} watched, its candidates on their way */
  openPeer() {
    const { port, streamId } = this;
    const peer = new RTCPeerConnection(port.peerConfig);
    this.peer = peer;
    this.looseStream = null;
    peer.onicecandidate = ({ candidate }) => {
      if (!candidate || !this.#isWanted(candidate.candidate)) return;
      port.send({
        command: "takeCandidate", streamId, label: candidate.sdpMLineIndex,
        id: candidate.sdpMid, candidate: candidate.candidate,
      });
    };
    peer.oniceconnectionstatechange = () => port.notify("ice_connection_state_changed", {
      state: peer.iceConnectionState, streamId,
    });
    peer.onconnectionstatechange = () => this.onConnection(peer.connectionState);
    peer.ontrack = (event) => port.showTrack(this, event);
    if (port.options.dataChannelEnabled) {
      peer.ondatachannel = ({ channel }) => this.#usePipe(peer, channel);
    }
    return peer;
  }

  openChannel(peer) {
    if (!this.port.options.dataChannelEnabled) return;
    this.#usePipe(peer, peer.createDataChannel(this.streamId, { ordered: true }));
  }

  /** @param {(track: MediaStreamTrack) => void} add */
  addLocalTracks(add) {
    if (this.port.options.onlyDataChannel) return;
    for (const track of this.port.media.stream?.getTracks() ?? []) add(track);
  }

  /** Steps of negotiation run one after another; one that fails because its peer is
   * of an attempt that is over is of no interest, any other starts a new attempt. */
  negotiate(peer, step) {
    this.#work = this.#work.then(async () => {
      if (this.peer !== peer) return;
      try {
        await step();
        await this.#addCandidates();
      } catch (error) {
        if (this.peer !== peer) return;
        this.port.fail("notSetRemoteDescription", {
          streamId: this.streamId, error, willRetry: true,
        });
        this.restart("notSetRemoteDescription");
      }
    });
  }

  offer(peer) {
    this.negotiate(peer, async () => {
      const offer = await peer.createOffer();
      await peer.setLocalDescription(offer);
      if (this.peer === peer) this.#describe(offer);
    });
  }

  answer(peer, description) {
    this.negotiate(peer, async () => {
      await peer.setRemoteDescription(description);
      const answer = await peer.createAnswer();
      // Without this a browser plays Opus in mono.
      answer.sdp = answer.sdp.replaceAll("useinbandfec=1", "useinbandfec=1; stereo=1");
      await peer.setLocalDescription(answer);
      if (this.peer === peer) this.#describe(answer);
    });
  }

  takeAnswer(description) {
    const peer = this.peer;
    if (!peer) return;
    this.negotiate(peer, async () => {
      // An answer to an attempt that is over finds no offer waiting.
      if (peer.signalingState !== "have-local-offer") return;
      await peer.setRemoteDescription(description);
    });
  }

  onCandidate({ label, id, candidate }) {
    if (!this.peer || !candidate || !this.#isWanted(candidate)) return;
    this.#candidates.push({
      candidate, sdpMid: id ?? null, sdpMLineIndex: label == null ? null : Number(label),
    });
    quietly(this.#addCandidates());
  }

  /** Replaces what is sent of the track's kind; a kind that was not sent before needs
   * a new connection. */
  async replaceTrack(track) {
    const { peer } = this;
    const sender = this.#senderOf(track.kind);
    if (sender) {
      await sender.replaceTrack(track).catch((error) => {
        // The next connection begins with this track.
        if (this.peer === peer) throw error;
      });
    } else if (peer && !this.port.options.onlyDataChannel) this.restart("");
  }

  async limitVideo(bandwidth) {
    const sender = this.#senderOf("video");
    const parameters = sender?.getParameters?.();
    if (!parameters?.encodings?.length) return;
    for (const encoding of parameters.encodings) {
      if (bandwidth === "unlimited") delete encoding.maxBitrate;
      else encoding.maxBitrate = bandwidth * 1000 * (LAYER_SHARES[encoding.rid] ?? 1);
    }
    parameters.degradationPreference = this.port.options.degradationPreference;
    await sender.setParameters(parameters);
  }

  /** Media that is late or gone; `state` is of the whole connection, DTLS included. */
  onConnection(state) {
    this.#loss.clear();
    if (state === "failed" || state === "closed") this.onMediaLost();
    else if (state === "disconnected") {
      this.#loss.start(DISCONNECTED_MS, () => this.onMediaLost());
    }
  }

  onMediaLost() {
    this.restart("media_lost");
  }

  closePeer() {
    this.inSetup = false;
    this.#timer.clear();
    this.#loss.clear();
    this.#candidates = [];
    if (!this.peer) return;
    this.#watchNoMore();
    const { peer, pipe } = this;
    this.peer = this.pipe = null;
    peer.ontrack = peer.ondatachannel = null;
    pipe?.close();
    peer.close();
    if (pipe) this.port.notify("data_channel_closed", this.streamId);
  }

  #watchNoMore() {
    if (!this.peer) return;
    this.peer.onicecandidate = this.peer.onconnectionstatechange = null;
    this.peer.oniceconnectionstatechange = null;
  }

  #describe({ type, sdp }) {
    this.port.send({ command: "takeConfiguration", streamId: this.streamId, type, sdp });
  }

  #isWanted(candidate) {
    return candidate === "" || this.port.options.candidateTypes.includes(protocolOf(candidate));
  }

  async #addCandidates() {
    const peer = this.peer;
    if (!peer?.remoteDescription) return;
    for (const candidate of this.#candidates.splice(0)) {
      // One that this browser cannot use leaves the others.
      await peer.addIceCandidate(candidate).catch(NOTHING);
    }
  }

  #senderOf(kind) {
    return this.peer?.getTransceivers().find(({ receiver, direction }) =>
      receiver.track.kind === kind && direction.startsWith("send"))?.sender;
  }

  #usePipe(peer, channel) {
    const { port, streamId } = this;
    const pipe = new DataPipe(channel, (info, value) => {
      if (this.peer !== peer) return;
      if (info === "open") {
        this.pipe = pipe;
        port.notify("data_channel_opened", streamId);
      } else if (info === "closed") {
        if (this.pipe === pipe) this.pipe = null;
        port.notify("data_channel_closed", streamId);
      } else if (info === "error") port.fail("data_channel_error", { streamId, error: value });
      else port.notify("data_received", { streamId, data: value });
    });
  }

  /** Otherwise the attempt begins with the socket's next opening. */
  #beginAfter(milliseconds) {
    this.#timer.start(milliseconds, () => this.port.isOpen && this.begin());
  }
}

// Of the bandwidth: a layer of half the height has a quarter of the pixels.
const LAYER_SHARES = { h: 1, m: 0.35, l: 0.12 };

/** Three heights of one picture; the server chooses one for each viewer. */
const simulcastLayers = () => [
  { rid: "h" }, { rid: "m", scaleResolutionDownBy: 2 }, { rid: "l", scaleResolutionDownBy: 4 },
];

/** A stream that this browser sends. */
class Publication extends PeerSession {
  attemptInfo = "reconnection_attempt_for_publisher";

  command() {
    const { options, media } = this.port;
    const has = (kind) => !options.onlyDataChannel
      && Boolean(media.stream?.getTracks().some((track) => track.kind === kind));
    return { ...super.command(), video: has("video"), audio: has("audio") };
  }

  onStart() {
    if (!this.inSetup || this.peer) return;
    const peer = this.openPeer();
    this.openChannel(peer);
    const { options, media } = this.port;
    this.addLocalTracks((track) => peer.addTransceiver(track, {
      direction: "sendonly", streams: [media.stream],
      ...(options.simulcast && track.kind === "video" ? { sendEncodings: simulcastLayers() } : {}),
    }));
    this.offer(peer);
  }

  onDescription({ type, sdp }) {
    if (type === "answer") this.takeAnswer({ type, sdp });
  }

  /** Ended by the server, which adds `stop` where it must not come back. */
  onFinished() {
    if (this.state === "live") this.restart("publish_finished");
  }

  /** A `stop` would end the stream for its viewers; a lost socket does not, for the
   * server then keeps them and waits for the publisher's return. */
  onMediaLost() {
    if (this.state === "live") this.port.resetSocket();
    else super.onMediaLost();
  }
}

/** A stream that this browser receives, or a room of them on one connection. */
class Playback extends PeerSession {
  attemptInfo = "reconnection_attempt_for_player";

  command() {
    const own = this.request.userPublishId || this.port.publishedFor(this.streamId);
    return { ...super.command(), userPublishId: text(own) };
  }

  /** Rooms offer again as participants come and go. */
  onDescription({ type, sdp, idMapping }) {
    if (type !== "offer" || !(this.inSetup || this.peer)) return;
    this.idMapping = idMapping ?? {};
    this.answer(this.peer ?? this.openPeer(), { type, sdp });
  }

  onFinished() {
    if (this.state === "live") this.waitForStream("play_finished");
  }

  onStreamingStarted() {
    if (this.state === "waiting") this.begin();
  }
}

/** A place in a peer-to-peer room: the server only passes messages on. */
class Meeting extends PeerSession {
  attemptInfo = "reconnection_attempt_for_peer";

  command() {
    const mode = this.port.options.isPlayMode ? "play" : "both";
    return { command: "join", ...this.request, multiPeer: false, mode };
  }

  goodbye() {
    return { command: "leave", streamId: this.streamId };
  }

  onAbandoned() {
    this.port.silenceLeaved(this.streamId);
  }

  onJoined() {
    this.closePeer();
    this.setState("waiting");
  }

  /** The other one has come, and this one offers. */
  onStart() {
    const peer = this.#openNext();
    this.openChannel(peer);
    const missing = new Set(["video", "audio"]);
    this.addLocalTracks((track) => {
      peer.addTrack(track, this.port.media.stream);
      missing.delete(track.kind);
    });
    if (!this.port.options.onlyDataChannel) {
      for (const kind of missing) peer.addTransceiver(kind, { direction: "recvonly" });
    }
    this.offer(peer);
  }

  onDescription({ type, sdp }) {
    if (type === "answer") this.takeAnswer({ type, sdp });
    else if (type === "offer") this.answer(this.#peerFor(sdp), { type, sdp });
  }

  onConnection(state) {
    super.onConnection(state);
    if (state === "connected" && this.state !== "live") this.setLive();
  }

  /** The other one has left; this one stays and waits. */
  onServerStop() {
    this.closePeer();
    this.setState("waiting");
  }

  /** An offer for the connection that there is, or for a new one. */
  #peerFor(sdp) {
    const current = this.peer?.remoteDescription?.sdp;
    if (current && ufragOf(current) === ufragOf(sdp)) return this.peer;
    const peer = this.#openNext();
    this.addLocalTracks((track) => peer.addTrack(track, this.port.media.stream));
    return peer;
  }

  #openNext() {
    this.closePeer();
    const peer = this.openPeer();
    // One whose offer is never answered does not fail by itself.
    this.expectLiveIn(PEER_SETUP_MS);
    this.setState("connecting");
    return peer;
  }
}

/** A picture drawn here. Drawn again each second at least: a track that sends nothing
 * looks lost to those who receive it. */
function drawnPicture(width, height, periodMs, draw) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  const track = canvas.captureStream().getVideoTracks()[0];
  draw(context, canvas);
  const timer = setInterval(() => draw(context, canvas), periodMs);
  const stop = () => {
    clearInterval(timer);
    track.stop();
  };
  return { track, stop };
}

const blackPicture = () => drawnPicture(640, 360, 1000,
  (context, { width, height }) => context.fillRect(0, 0, width, height));

const playing = async (track) => {
  const video = Object.assign(document.createElement("video"), {
    muted: true, playsInline: true, srcObject: new MediaStream([track]),
  });
  await video.play();
  return video;
};

/** The screen with the camera in a corner. `isCameraShown` is asked each time. */
async function composedPicture(screen, camera, layout, isCameraShown) {
  const [large, small] = await Promise.all([playing(screen), playing(camera)]);
  const margin = layout.camera_margin;
  const picture = drawnPicture(large.videoWidth, large.videoHeight, 66, (context, canvas) => {
    if (canvas.width !== large.videoWidth) canvas.width = large.videoWidth;
    if (canvas.height !== large.videoHeight) canvas.height = large.videoHeight;
    context.drawImage(large, 0, 0);
    if (!isCameraShown()) return;
    const width = canvas.width * layout.camera_percent / 100;
    const height = width * small.videoHeight / small.videoWidth;
    const y = layout.camera_location === "top" ? margin : canvas.height - height - margin;
    context.drawImage(small, canvas.width - width - margin, y, width, height);
  });
  const stop = () => {
    picture.stop();
    camera.stop();
    large.srcObject = small.srcObject = null;
  };
  return { track: picture.track, stop };
}

/** One audio context for all that is measured and mixed; browsers bound their number. */
const audio = {
  context: null,
  get() {
    this.context ??= new AudioContext();
    this.context.resume().catch(NOTHING);
    return this.context;
  },
};

/** Several tracks as one, each with its own loudness. */
class Mixer {
  #out = audio.get().createMediaStreamDestination();
  #nodes = [];
  track = this.#out.stream.getAudioTracks()[0];

  /** @returns {AudioParam} its loudness: 0 is silence, 1 is unchanged */
  add(track, level = 1) {
    const context = audio.get();
    const source = context.createMediaStreamSource(new MediaStream([track]));
    const gain = context.createGain();
    gain.gain.value = level;
    source.connect(gain).connect(this.#out);
    this.#nodes.push(source, gain);
    return gain.gain;
  }

  stop() {
    for (const node of this.#nodes) node.disconnect();
    this.track.stop();
  }
}

/** How loud a track was in the last sixth of a second, 0 to 1: the root mean square
 * of the loudest part of it, so that a short sound between two looks is not missed. */
class LevelMeter {
  #source;
  #analyser;
  #samples;
  #timer = null;

  constructor(track, onLevel = null, periodMs = 200) {
    const context = audio.get();
    this.#analyser = Object.assign(context.createAnalyser(), { fftSize: 8192 });
    this.#samples = new Float32Array(8192);
    this.#source = context.createMediaStreamSource(new MediaStream([track]));
    this.#source.connect(this.#analyser);
    if (onLevel) this.#timer = setInterval(() => call(onLevel, this.level), periodMs);
  }

  get level() {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let loudest = 0;
    for (let start = 0; start < this.#samples.length; start += 1024) {
      const power = this.#samples.subarray(start, start + 1024)
        .reduce((sum, value) => sum + value * value, 0);
      loudest = Math.max(loudest, power / 1024);
    }
    return Math.sqrt(loudest);
  }

  stop() {
    clearInterval(this.#timer ?? undefined);
    this.#source.disconnect();
  }
}

const SPEAKING_LEVEL = 0.1;

/**
 * Camera, microphone and screen of this page: one stream for all that an adaptor
 * sends. A source is {track, stop}; there is one of each kind at a time.
 */
class LocalMedia {
  /** @type {MediaStream | null} */
  stream = null;
  isMuted = false;
  isCameraOn = true;
  constraints;

  #options;
  #port;
  #element;
  /** @type {{track: MediaStreamTrack, stop: () => void} | null} */
  #video = null;
  /** @type {{track: MediaStreamTrack, stop: () => void} | null} */
  #mic = null;
  /** @type {MediaStream | null} */
  #screen = null;
  /** @type {{track: MediaStreamTrack, mixer: Mixer | null, loudness?: AudioParam} | null} */
  #sound = null;
  #volume = 1;
  /** What the page wants to hear of the microphone, whichever that is. */
  #onLevel = null;
  #levelPeriodMs = 200;
  #isWatchedMuted = false;
  #localMeter = null;
  #mutedMeter = null;
  /** @type {Promise<MediaStream | null> | null} */
  #opening = null;
  #onDeviceChange = () => quietly(this.devices());
  /** Changes run one after another: a quick click on two buttons mixes nothing up. */
  #work = Promise.resolve();

  /** @param {object} options of the adaptor
   * @param {{notify: Function, report: (promise) => void,
   *   replaceTrack: (track) => Promise<void>}} port */
  constructor(options, port) {
    this.#options = options;
    this.#port = port;
    this.constraints = options.mediaConstraints ?? { video: true, audio: true };
    this.#element = options.localVideoElement
      ?? globalThis.document?.getElementById(options.localVideoId) ?? null;
  }

  /** Opens what the page's constraints name, once. */
  openOnce() {
    if (this.stream) return Promise.resolve(this.stream);
    this.#opening ??= this.open().finally(() => { this.#opening = null; });
    return this.#opening;
  }

  /** @returns {Promise<MediaStream | null>} null when nothing is asked for */
  open(constraints = this.constraints) {
    return this.#next(async () => {
      this.constraints = constraints;
      const { video, audio: sound } = constraints;
      if (!video && !sound) return null;
      const devices = mediaDevices();
      const mode = video === "screen" || video === "screen+camera" ? video : "";
      const isCamera = video && !mode && video !== "dummy";
      const microphone = sound && sound !== "dummy" && sound;
      const screen = mode ? await this.#openScreen() : null;
      const opened = isCamera || microphone ? await devices.getUserMedia({
        video: isCamera ? objectOf(video) : false, audio: microphone,
      }).catch((error) => {
        this.#endScreen(screen);
        throw error;
      }) : new MediaStream();
      const [microphoneTrack] = opened.getAudioTracks();
      if (sound) await this.#useMicrophone(sourceOf(microphoneTrack ?? silence()));
      if (screen) await this.#share(screen, mode);
      else if (video) {
        const [track] = opened.getVideoTracks();
        await this.#leaveScreen(track ? sourceOf(track) : blackPicture());
      }
      if (video) this.isCameraOn = video !== "dummy";
      devices.addEventListener?.("devicechange", this.#onDeviceChange);
      quietly(this.devices());
      return this.stream;
    });
  }

  /** Now, and again after what is still being opened. */
  close() {
    this.#closeAll();
    quietly(this.#next(async () => this.#closeAll()));
  }

  turnOffCamera() {
    return this.#next(async () => {
      this.#need();
      this.isCameraOn = false;
      if (!this.#screen) await this.#useVideo(blackPicture());
    });
  }

  turnOnCamera() {
    return this.#next(async () => {
      if (!this.#screen) {
        await this.#useVideo(await this.#openCamera(objectOf(this.constraints.video)));
      }
      this.isCameraOn = true;
    });
  }

  mute(isMuted) {
    this.#need();
    this.isMuted = isMuted;
    if (this.#mic) this.#mic.track.enabled = !isMuted;
    if (!isMuted && this.constraints.audio === "dummy") {
      this.#port.report(this.useMicrophone(true));
    }
  }

  /** The camera instead of the screen, or another camera.
   * @param {{deviceId?: object, facingMode?: string}} [choice] */
  switchCamera(choice) {
    return this.#next(async () => {
      const { deviceId: _, facingMode: __, ...rest } = objectOf(this.constraints.video);
      const video = choice ? { ...rest, ...choice } : this.constraints.video;
      const camera = this.isCameraOn
        ? await this.#openCamera(objectOf(video)).catch(async (error) => {
          if (this.#screen) await this.#leaveScreen(blackPicture());
          throw error;
        }) : blackPicture();
      this.constraints = { ...this.constraints, video };
      await this.#leaveScreen(camera);
    });
  }

  /** @param {MediaTrackConstraints | boolean} constraints */
  useMicrophone(constraints) {
    return this.#next(async () => {
      const opened = await mediaDevices().getUserMedia({ audio: constraints });
      this.constraints = { ...this.constraints, audio: constraints };
      await this.#useMicrophone(sourceOf(opened.getAudioTracks()[0]));
    });
  }

  /** @param {"screen" | "screen+camera"} mode */
  shareScreen(mode) {
    return this.#next(async () => this.#share(await this.#openScreen(), mode));
  }

  /** A track of the page's own: stopping it stays its task. */
  useTrack(track) {
    if (!track) return Promise.reject(named("NotFoundError", "The stream has no such track."));
    const source = { track, stop: NOTHING };
    return this.#next(async () => {
      if (track.kind === "video") return this.#useVideo(source);
      // Not dummy any more: unmuting opens no microphone instead of it.
      if (this.constraints.audio === "dummy") {
        this.constraints = { ...this.constraints, audio: true };
      }
      return this.#useMicrophone(source);
    });
  }

  async applyConstraints({ video, audio: sound }) {
    if (video !== undefined) {
      const wanted = { ...objectOf(this.constraints.video), ...objectOf(video) };
      await this.#video?.track.applyConstraints(wanted);
      this.constraints = { ...this.constraints, video: wanted };
    }
    if (sound !== undefined) {
      await this.useMicrophone({ ...objectOf(this.constraints.audio), ...objectOf(sound) });
    }
  }

  setVolume(level) {
    this.#volume = level;
    if (this.#sound?.loudness) this.#sound.loudness.value = level;
    else quietly(this.#next(() => this.#updateSound()));
  }

  async devices() {
    const all = (await mediaDevices().enumerateDevices())
      .filter(({ kind }) => kind === "audioinput" || kind === "videoinput");
    this.#port.notify("available_devices", all);
    return all;
  }

  meterLocal(onLevel, periodMs = 200) {
    this.#onLevel = onLevel;
    this.#levelPeriodMs = periodMs;
    this.#listen();
  }

  meterMuted(isOn) {
    this.#isWatchedMuted = isOn;
    this.#listen();
  }

  /** Begins anew with each microphone. Who is muted is heard by a copy, which is not
   * muted and not sent. */
  #listen() {
    this.#localMeter?.stop();
    this.#mutedMeter?.();
    this.#localMeter = this.#mutedMeter = null;
    if (!this.#mic) return;
    const { track } = this.#mic;
    if (this.#onLevel) {
      this.#localMeter = new LevelMeter(track, this.#onLevel, this.#levelPeriodMs);
    }
    if (!this.#isWatchedMuted) return;
    const copy = track.clone();
    copy.enabled = true;
    const meter = new LevelMeter(copy, (level) => {
      if (this.isMuted && level > SPEAKING_LEVEL) this.#port.notify("speaking_but_muted");
    });
    this.#mutedMeter = () => {
      meter.stop();
      copy.stop();
    };
  }

  /** @template T @param {() => Promise<T>} step @returns {Promise<T>} */
  #next(step) {
    const done = this.#work.then(step);
    this.#work = done.catch(NOTHING);
    return done;
  }

  #need() {
    if (!this.stream) throw named("NoActiveConnection", "Camera and microphone are not open.");
  }

  #closeAll() {
    this.#endScreen(this.#screen);
    this.#video?.stop();
    this.#mic?.stop();
    this.#sound?.mixer?.stop();
    globalThis.navigator?.mediaDevices?.removeEventListener?.(
      "devicechange", this.#onDeviceChange);
    this.#screen = this.#video = this.#mic = this.#sound = this.stream = null;
    this.#listen();
    this.#show();
  }

  /** Many phones open one camera at a time: there the old one is let go of first. */
  async #openCamera(video) {
    const devices = mediaDevices();
    const opened = await devices.getUserMedia({ video }).catch((error) => {
      if (error.name !== "NotReadableError" || !this.#video) throw error;
      this.#video.stop();
      return devices.getUserMedia({ video });
    });
    return sourceOf(opened.getVideoTracks()[0]);
  }

  async #openScreen() {
    const devices = mediaDevices();
    if (!devices.getDisplayMedia) {
      throw named("NotSupportedError", "This browser cannot share its screen.");
    }
    try {
      return await devices.getDisplayMedia({
        video: true, audio: Boolean(this.constraints.audio),
      });
    } catch (error) {
      if (error.name !== "NotAllowedError") throw error;
      throw named("ScreenSharePermissionDenied", error.message);
    }
  }

  async #share(screen, mode) {
    const [track] = screen.getVideoTracks();
    const picture = await this.#pictureOf(track, mode).catch((error) => {
      this.#endScreen(screen);
      throw error;
    });
    const old = this.#screen;
    this.#screen = screen;
    track.onended = () => this.#onScreenEnded(screen);
    await this.#useVideo(picture);
    await this.#updateSound();
    this.#endScreen(old);
    if (track.readyState === "ended") this.#onScreenEnded(screen);
  }

  async #pictureOf(track, mode) {
    if (mode === "screen") return { track, stop: NOTHING };
    const camera = (await mediaDevices().getUserMedia({
      video: objectOf(this.constraints.video),
    })).getVideoTracks()[0];
    return composedPicture(track, camera, this.#options, () => this.isCameraOn)
      .catch((error) => {
        camera.stop();
        throw error;
      });
  }

  /** This picture instead of the screen's; its sound is left out as well. */
  async #leaveScreen(picture) {
    const screen = this.#screen;
    this.#screen = null;
    await this.#useVideo(picture);
    if (screen) await this.#updateSound();
    this.#endScreen(screen);
  }

  /** The person has ended it with the browser's own button. */
  #onScreenEnded(screen) {
    if (this.#screen !== screen) return;
    this.#port.notify("screen_share_stopped");
    this.#port.report(this.switchCamera());
  }

  #endScreen(screen) {
    for (const track of screen?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
  }

  async #useVideo(source) {
    const old = this.#video;
    this.#video = source;
    await this.#send(source.track);
    if (old && old.track !== source.track) old.stop();
  }

  async #useMicrophone(source) {
    const old = this.#mic;
    this.#mic = source;
    source.track.enabled = !this.isMuted;
    await this.#updateSound();
    this.#listen();
    if (old && old.track !== source.track) old.stop();
  }

  /** The microphone as it is, or mixed with the screen's sound and its loudness. */
  async #updateSound() {
    if (!this.#mic) return;
    const old = this.#sound;
    const shared = this.#screen?.getAudioTracks()[0];
    const { track } = this.#mic;
    if (!shared && this.#volume === 1) this.#sound = { track, mixer: null };
    else {
      const mixer = new Mixer();
      this.#sound = { track: mixer.track, mixer, loudness: mixer.add(track, this.#volume) };
      if (shared) mixer.add(shared);
    }
    await this.#send(this.#sound.track);
    old?.mixer?.stop();
  }

  /** Into the stream and all that is sent, instead of the track of its kind. */
  async #send(track) {
    this.stream ??= new MediaStream();
    const old = this.stream.getTracks().find(({ kind }) => kind === track.kind);
    if (old === track) return;
    if (old) this.stream.removeTrack(old);
    this.stream.addTrack(track);
    this.#show();
    await this.#port.replaceTrack(track);
  }

  #show() {
    if (this.#element && this.#element.srcObject !== this.stream) {
      this.#element.srcObject = this.stream;
    }
  }
}

const sourceOf = (track) => ({ track, stop: () => track.stop() });
const objectOr = (value, otherwise) =>
  (value && typeof value === "object" ? value : otherwise);
const objectOf = (constraints) => ({ ...objectOr(constraints, {}) });
const silence = () => audio.get().createMediaStreamDestination().stream.getAudioTracks()[0];

/** @throws UnsecureContext: browsers give devices to secure pages only */
function mediaDevices() {
  if (navigator.mediaDevices) return navigator.mediaDevices;
  throw named("UnsecureContext", "Browsers give camera, microphone and screen to secure "
    + "pages only. Open this page with https:// or on localhost.");
}

/** What the statistics of one peer connection say, with rates since the time before.
 * The names are those of Ant Media's SDK; -1 is "not known". */
class PeerStats {
  startTime = 0; currentTimestamp = 0;
  totalBytesSentCount = 0; totalBytesReceivedCount = 0; totalFramesEncodedCount = 0;
  totalVideoPacketsSent = -1; totalAudioPacketsSent = -1;
  videoPacketsSent = -1; audioPacketsSent = -1;
  videoPacketsReceived = -1; audioPacketsReceived = -1;
  videoPacketsLost = -1; audioPacketsLost = -1; fractionLost = -1;
  videoRoundTripTime = -1; audioRoundTripTime = -1; currentRoundTripTime = -1;
  videoJitter = -1; audioJitter = -1;
  videoJitterAverageDelay = -1; audioJitterAverageDelay = -1;
  audioLevel = -1; qualityLimitationReason = "";
  resWidth = -1; resHeight = -1; srcFps = -1; frameWidth = -1; frameHeight = -1;
  framesReceived = -1; framesDecoded = -1; framesDropped = -1;
  availableOutgoingBitrate = Infinity;
  /** @type {object[]} */
  inboundRtpList = [];

  #before = null;
  #first = null;

  constructor(streamId) {
    this.streamId = streamId;
  }

  /** @param {RTCStatsReport} report */
  update(report) {
    const { streamId, startTime } = this;
    this.#before = this.#first && this.#totals();
    Object.assign(this, new PeerStats(streamId), { startTime });
    const readers = {
      "inbound-rtp": (row) => this.#inbound(row),
      "outbound-rtp": (row) => this.#outbound(row),
      "remote-inbound-rtp": (row) => this.#remote(row),
      "media-source": (row) => this.#source(row),
      "candidate-pair": (row) => this.#pair(row),
    };
    report.forEach((row) => readers[row.type]?.(row));
    this.videoPacketsSent = this.totalVideoPacketsSent;
    this.audioPacketsSent = this.totalAudioPacketsSent;
    if (!this.#first) {
      this.startTime = this.currentTimestamp;
      this.#first = this.#totals();
    }
    return this;
  }

  get averageOutgoingBitrate() {
    return this.#rate(this.#first, "sent");
  }

  get averageIncomingBitrate() {
    return this.#rate(this.#first, "received");
  }

  get currentOutgoingBitrate() {
    return this.#rate(this.#before, "sent");
  }

  get currentIncomingBitrate() {
    return this.#rate(this.#before, "received");
  }

  get currentFPS() {
    const now = this.#totals();
    const since = this.#before ?? now;
    const seconds = (now.at - since.at) / 1000;
    return (seconds > 0 ? (now.frames - since.frames) / seconds : 0).toFixed(1);
  }

  #totals() {
    return {
      at: this.currentTimestamp, sent: this.totalBytesSentCount,
      received: this.totalBytesReceivedCount, frames: this.totalFramesEncodedCount,
    };
  }

  /** In kbit/s, which is bits in a millisecond. */
  #rate(since, what) {
    const now = this.#totals();
    const milliseconds = now.at - (since?.at ?? now.at);
    return milliseconds > 0 ? Math.floor(8 * (now[what] - since[what]) / milliseconds) : 0;
  }

  /** Copies the fields that the browser gives: `names` is {field of ours: theirs}. */
  #copy(row, names) {
    for (const [ours, theirs] of Object.entries(names)) {
      if (row[theirs] !== undefined) this[ours] = row[theirs];
    }
  }

  #inbound(row) {
    const { kind } = row;
    this.currentTimestamp = row.timestamp;
    this.totalBytesReceivedCount += row.bytesReceived ?? 0;
    this.#copy(row, {
      [`${kind}PacketsLost`]: "packetsLost", [`${kind}PacketsReceived`]: "packetsReceived",
      [`${kind}Jitter`]: "jitter", fractionLost: "fractionLost", frameWidth: "frameWidth",
      frameHeight: "frameHeight", framesReceived: "framesReceived",
      framesDecoded: "framesDecoded", framesDropped: "framesDropped",
      audioLevel: "audioLevel",
    });
    if (row.jitterBufferEmittedCount > 0) {
      this[`${kind}JitterAverageDelay`] = row.jitterBufferDelay / row.jitterBufferEmittedCount;
    }
    this.inboundRtpList.push({
      trackIdentifier: row.trackIdentifier, kind, bytesReceived: row.bytesReceived,
      jitterBufferDelay: row.jitterBufferDelay, currentTime: row.timestamp,
      lastPacketReceivedTimestamp: row.lastPacketReceivedTimestamp,
      [`${kind}PacketsLost`]: row.packetsLost, frameWidth: row.frameWidth,
      frameHeight: row.frameHeight, framesReceived: row.framesReceived,
      framesDecoded: row.framesDecoded, framesDropped: row.framesDropped,
      framesPerSecond: row.framesPerSecond,
    });
  }

  #outbound(row) {
    this.currentTimestamp = row.timestamp;
    this.totalBytesSentCount += row.bytesSent ?? 0;
    this.totalFramesEncodedCount += row.framesEncoded ?? 0;
    const isVideo = row.kind === "video";
    this.#copy(row, isVideo ? {
      totalVideoPacketsSent: "packetsSent", frameWidth: "frameWidth",
      frameHeight: "frameHeight", qualityLimitationReason: "qualityLimitationReason",
    } : { totalAudioPacketsSent: "packetsSent" });
  }

  #remote(row) {
    this.#copy(row, {
      [`${row.kind}PacketsLost`]: "packetsLost", [`${row.kind}Jitter`]: "jitter",
      [`${row.kind}RoundTripTime`]: "roundTripTime",
    });
  }

  #source(row) {
    this.#copy(row, row.kind === "video"
      ? { resWidth: "width", resHeight: "height", srcFps: "framesPerSecond" }
      : { audioLevel: "audioLevel" });
  }

  #pair(row) {
    if (row.state !== "succeeded" || row.nominated === false) return;
    if (row.availableOutgoingBitrate !== undefined) {
      this.availableOutgoingBitrate = row.availableOutgoingBitrate / 1000;
    }
    this.#copy(row, { currentRoundTripTime: "currentRoundTripTime" });
  }
}

const DEFAULTS = {
  isPlayMode: false, onlyDataChannel: false, dataChannelEnabled: true,
  initializeComponents: true, reconnectIfRequiredFlag: true, bandwidth: 1200,
  degradationPreference: "maintain-resolution", simulcast: false, candidateTypes: ["udp", "tcp"],
  camera_percent: 15, camera_margin: 15, camera_location: "top", debug: false,
};
const KINDS = { publish: Publication, play: Playback, peer: Meeting };
const FINISHED_KIND = { publish: "already_publishing", play: "already_playing" };

/** The public class; every method is described in webrtc_adaptor.d.ts. */
class WebRTCAdaptor {
  static version = VERSION;

  #options;
  #signalling;
  #media;
  #port;
  #config;
  #asksForIceServers;
  #remoteVideo;
  #listeners = [];
  #errorListeners = [];
  /** @type {Map<string, PeerSession>} by stream id */
  #sessions = new Map();
  /** @type {Map<string, {message: object, isPending: boolean, backoff: Backoff, timer: Timer}>} */
  #rooms = new Map();
  /** `leaved` answers to come that the page did not ask for, by stream id. */
  #silentLeaves = new Set();
  #stats = new Map();
  #meters = new Map();
  #handover = new Timer();
  #hasToldLoss = false;
  /** A camera may open after the page has closed all. */
  #isClosed = false;

  constructor(options) {
    const url = options?.websocketURL ?? options?.websocket_url;
    if (!url) throw new TypeError("WebRTCAdaptor needs a websocket_url.");
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    this.#options = { ...DEFAULTS, ...Object.fromEntries(given) };
    if (options.callback) this.#listeners.push(options.callback);
    if (options.callbackError) this.#errorListeners.push(options.callbackError);
    this.#config = { ...options.peerconnection_config };
    this.#asksForIceServers = !this.#config.iceServers;
    this.#remoteVideo = options.remoteVideoElement
      ?? globalThis.document?.getElementById(options.remoteVideoId) ?? null;
    this.#signalling = new Signalling(url, {
      reconnects: this.#options.reconnectIfRequiredFlag,
      onOpen: () => this.#onOpen(),
      onLost: (event, wasOpen) => this.#onLost(event, wasOpen),
      onMessage: (message) => this.#onMessage(message),
    });
    this.#media = new LocalMedia(this.#options, {
      notify: (info, value) => this.#notify(info, value),
      report: (promise) => this.#reporting(promise),
      replaceTrack: (track) => this.#replaceTrack(track),
    });
    this.#port = this.#makePort();
    if (this.#options.initializeComponents) this.initialize();
  }

  initialize() {
    const { isPlayMode, onlyDataChannel } = this.#options;
    if (globalThis.navigator?.mediaDevices?.getDisplayMedia) {
      queueMicrotask(() => this.#notify("browser_screen_share_supported"));
    }
    const opened = isPlayMode || onlyDataChannel ? Promise.resolve() : this.#media.openOnce();
    this.#isClosed = false;
    return this.#reporting(opened.then(() => {
      if (!this.#isClosed) this.#signalling.open();
    }));
  }

  addEventListener(listener) {
    this.#listeners.push(listener);
  }

  removeEventListener(listener) {
    this.#listeners = this.#listeners.filter((other) => other !== listener);
  }

  addErrorEventListener(listener) {
    this.#errorListeners.push(listener);
  }

  removeErrorEventListener(listener) {
    this.#errorListeners = this.#errorListeners.filter((other) => other !== listener);
  }

  // Streams ------------------------------------------------------------------------

  publish(first, token, subscriberId, subscriberCode, streamName, mainTrack, metaData, role) {
    const given = objectOr(first, {
      streamId: first, token, subscriberId, subscriberCode, streamName, mainTrack,
      metaData, role,
    });
    this.#add("publish", {
      streamId: given.streamId, token: text(given.token),
      subscriberId: text(given.subscriberId), subscriberCode: text(given.subscriberCode),
      streamName: text(given.streamName), mainTrack: text(given.mainTrack),
      metaData: text(given.metaData), role: text(given.role),
    });
  }

  play(first, token, roomId, enableTracks, subscriberId, subscriberCode, metaData, role) {
    const given = objectOr(first, {
      streamId: first, token, roomId, enableTracks, subscriberId, subscriberCode,
      metaData, role,
    });
    this.#add("play", {
      streamId: given.streamId, token: text(given.token), room: text(given.roomId),
      trackList: [...given.enableTracks ?? []], subscriberId: text(given.subscriberId),
      subscriberName: text(given.subscriberName),
      subscriberCode: text(given.subscriberCode), viewerInfo: text(given.metaData),
      role: text(given.role), userPublishId: text(given.userPublishId),
      disableTracksByDefault: Boolean(given.disableTracksByDefault),
    });
  }

  playStream(request) {
    this.play(request);
  }

  join(streamId) {
    this.#add("peer", { streamId });
  }

  stop(streamId) {
    if (streamId && !this.#sessions.has(streamId)) {
      this.#send({ command: "stop", streamId });
    }
    for (const session of this.#matching(streamId)) this.#end(session);
  }

  leave(streamId) {
    for (const session of this.#matching(streamId)) {
      if (session.kind === "peer") this.#end(session);
    }
  }

  peerMessage(streamId, definition, data) {
    return this.#ask({ command: "peerMessageCommand", streamId, definition, data });
  }

  joinRoom(room, streamId, mode, streamName, role, metadata) {
    if (!room) {
      this.#fail("no_room_specified", { command: "joinRoom", willRetry: false });
      return;
    }
    this.#forgetRoom(room);
    const message = {
      command: "joinRoom", room, mainTrack: room, streamId: streamId || undefined, mode,
      streamName, role, metadata,
    };
    this.#rooms.set(room, {
      message, isPending: true, timer: new Timer(),
      backoff: new Backoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS),
    });
    if (!this.#send(message)) this.#signalling.open();
  }

  leaveFromRoom(room, streamId) {
    const own = streamId || this.#rooms.get(room)?.message.streamId;
    this.#forgetRoom(room);
    for (const session of [...this.#sessions.values()]) {
      const { request } = session;
      const isThere = session.kind === "publish"
        ? session.streamId === own || request.mainTrack === room
        : session.kind === "play" && (session.streamId === room || request.room === room);
      if (isThere) this.#end(session);
    }
    this.#ask({
      command: "leaveFromRoom", room, mainTrack: room, streamId: own || undefined,
    });
  }

  // Questions and controls ---------------------------------------------------------

  getRoomInfo(room, streamId) {
    return this.#ask({ command: "getRoomInfo", room, streamId: streamId || undefined });
  }

  getStreamInfo(streamId) {
    return this.#ask({ command: "getStreamInfo", streamId });
  }

  getBroadcastObject(streamId) {
    return this.#ask({ command: "getBroadcastObject", streamId });
  }

  getTrackList(streamId, token) {
    return this.#ask({ command: "getTrackList", streamId, token });
  }

  getTracks(streamId, token) {
    return this.getTrackList(streamId, token);
  }

  getSubtracks(streamId, role, offset, size) {
    return this.#ask({ command: "getSubtracks", streamId, role, offset, size });
  }

  getSubtrackCount(streamId, role, status) {
    return this.#ask({ command: "getSubtracksCount", streamId, role, status });
  }

  getSubscriberList(streamId, offset, size) {
    return this.#ask({ command: "getSubscribers", streamId, offset, size });
  }

  getSubscriberCount(streamId) {
    return this.#ask({ command: "getSubscriberCount", streamId });
  }

  getDebugInfo(streamId) {
    return this.#ask({ command: "getDebugInfo", streamId });
  }

  requestVideoTrackAssignments(streamId) {
    return this.#ask({ command: "getVideoTrackAssignmentsCommand", streamId });
  }

  enableTrack(mainTrackId, trackId, enabled) {
    const fields = { streamId: mainTrackId, trackId, enabled };
    return this.#control("enableTrack", trackId, fields);
  }

  toggleVideo(streamId, trackId, enabled) {
    return this.#control("toggleVideo", trackId, { streamId, trackId, enabled });
  }

  toggleAudio(streamId, trackId, enabled) {
    return this.#control("toggleAudio", trackId, { streamId, trackId, enabled });
  }

  forceStreamQuality(streamId, height) {
    const streamHeight = height === "auto" ? 0 : Number(height);
    return this.#control("forceStreamQuality", "", { streamId, streamHeight });
  }

  assignVideoTrack(videoTrackId, streamId, enabled) {
    return this.#ask({ command: "assignVideoTrackCommand", streamId, videoTrackId, enabled });
  }

  updateVideoTrackAssignments(streamId, offset, size) {
    return this.#control("updateVideoTrackAssignmentsCommand", "", { streamId, offset, size });
  }

  setMaxVideoTrackCount(streamId, maxTrackCount) {
    return this.#control("setMaxVideoTrackCountCommand", "", { streamId, maxTrackCount });
  }

  updateStreamMetaData(streamId, metaData) {
    const session = this.#sessions.get(streamId);
    if (session?.kind === "publish") session.request = { ...session.request, metaData };
    return this.#ask({ command: "updateStreamMetaData", streamId, metaData });
  }

  registerPushNotificationToken(subscriberId, authToken, pushNotificationToken, tokenType) {
    return this.#ask({
      command: "registerPushNotificationToken", subscriberId, token: authToken,
      pnsRegistrationToken: pushNotificationToken, pnsType: tokenType,
    });
  }

  sendPushNotification(subscriberId, authToken, content, subscriberIdsToNotify) {
    if (!Array.isArray(subscriberIdsToNotify)) {
      throw new TypeError("The subscriber ids to notify are to be an array.");
    }
    return this.#push({ subscriberId, token: authToken, subscriberIdsToNotify }, content);
  }

  sendPushNotificationToTopic(subscriberId, authToken, content, topic) {
    return this.#push({ subscriberId, token: authToken, topic }, content);
  }

  async sendData(streamId, data) {
    return (await this.#sessions.get(streamId)?.pipe?.send(data)) ?? false;
  }

  updateAudioLevel(streamId, value) {
    return this.sendData(streamId, JSON.stringify({
      streamId, eventType: "UPDATE_AUDIO_LEVEL", audioLevel: value,
    }));
  }

  // Camera, microphone, screen -----------------------------------------------------

  get localStream() {
    return this.#media.stream;
  }

  get isMicMuted() {
    return this.#media.isMuted;
  }

  get isCameraOn() {
    return this.#media.isCameraOn;
  }

  openStream(mediaConstraints) {
    return this.#reporting(this.#media.open(mediaConstraints));
  }

  closeStream() {
    this.#media.close();
  }

  turnOffLocalCamera() {
    return this.#reporting(this.#media.turnOffCamera());
  }

  turnOnLocalCamera() {
    return this.#reporting(this.#media.turnOnCamera());
  }

  muteLocalMic() {
    this.#mute(true);
  }

  unmuteLocalMic() {
    this.#mute(false);
  }

  switchVideoCameraCapture(streamId, deviceId) {
    const choice = deviceId ? { deviceId: { exact: deviceId } } : undefined;
    return this.#reporting(this.#media.switchCamera(choice));
  }

  switchVideoCameraFacingMode(streamId, facingMode) {
    return this.#reporting(this.#media.switchCamera({ facingMode }));
  }

  switchAudioInputSource(streamId, deviceId) {
    return this.#reporting(this.#media.useMicrophone({ deviceId: { exact: deviceId } }));
  }

  switchDesktopCapture() {
    return this.#reporting(this.#media.shareScreen("screen"));
  }

  switchDesktopCaptureWithCamera() {
    return this.#reporting(this.#media.shareScreen("screen+camera"));
  }

  updateVideoTrack(stream) {
    return this.#reporting(this.#media.useTrack(stream.getVideoTracks()[0]));
  }

  updateAudioTrack(stream) {
    return this.#reporting(this.#media.useTrack(stream.getAudioTracks()[0]));
  }

  applyConstraints(constraints) {
    const both = "video" in constraints || "audio" in constraints
      ? constraints : { video: constraints };
    return this.#reporting(this.#media.applyConstraints(both));
  }

  async changeBandwidth(bandwidth, streamId) {
    this.#options.bandwidth = bandwidth;
    const sending = this.#matching(streamId).map((session) => session.limitVideo(bandwidth));
    await Promise.all(sending);
  }

  setVolumeLevel(level) {
    this.#media.setVolume(level);
  }

  getDevices() {
    return this.#reporting(this.#media.devices());
  }

  enableAudioLevelForLocalStream(onLevel, periodMs = 200) {
    this.#media.meterLocal(onLevel, periodMs);
  }

  disableAudioLevelForLocalStream() {
    this.#media.meterLocal(null);
  }

  enableAudioLevelWhenMuted() {
    this.#media.meterMuted(true);
  }

  disableAudioLevelWhenMuted() {
    this.#media.meterMuted(false);
  }

  enableAudioLevel(stream, streamId) {
    this.#meters.get(streamId)?.stop();
    this.#meters.set(streamId, new LevelMeter(stream.getAudioTracks()[0]));
  }

  getSoundLevelList(streamIds) {
    const levels = Object.fromEntries(
      streamIds.map((streamId) => [streamId, this.#meters.get(streamId)?.level ?? 0]));
    this.#notify("gotSoundList", levels);
    return levels;
  }

  // Statistics and state -----------------------------------------------------------

  async getStats(streamId) {
    const peer = this.#sessions.get(streamId)?.peer;
    if (!peer) return false;
    const sampled = this.#sampled(streamId);
    const stats = sampled.stats.update(await peer.getStats());
    this.#notify("updated_stats", stats);
    return stats;
  }

  enableStats(streamId, periodMs = 5000) {
    const sampled = this.#sampled(streamId);
    sampled.timer ??= setInterval(() => quietly(this.getStats(streamId)), periodMs);
  }

  disableStats(streamId) {
    clearInterval(this.#stats.get(streamId)?.timer ?? undefined);
    this.#stats.delete(streamId);
  }

  get remotePeerConnection() {
    const peers = Object.create(null);
    for (const [streamId, { peer }] of this.#sessions) if (peer) peers[streamId] = peer;
    return peers;
  }

  get publishStreamId() {
    return this.#idsOf("publish")[0] ?? null;
  }

  get playStreamId() {
    return this.#idsOf("play");
  }

  get isPlayMode() {
    return this.#options.isPlayMode;
  }

  get onlyDataChannel() {
    return this.#options.onlyDataChannel;
  }

  get peerconnection_config() {
    return this.#config;
  }

  get isConnected() {
    return this.#signalling.isOpen;
  }

  sessionState(streamId) {
    return this.#sessions.get(streamId)?.state ?? null;
  }

  iceConnectionState(streamId) {
    return this.#sessions.get(streamId)?.peer?.iceConnectionState ?? null;
  }

  signallingState(streamId) {
    return this.#sessions.get(streamId)?.peer?.signalingState ?? null;
  }

  closeWebSocket() {
    // Said, not only closed: a lost publisher would be waited for.
    for (const session of this.#matching()) this.#end(session);
    for (const room of [...this.#rooms.keys()]) this.#forgetRoom(room);
    for (const streamId of [...this.#stats.keys()]) this.disableStats(streamId);
    for (const meter of this.#meters.values()) meter.stop();
    this.#meters.clear();
    this.#handover.clear();
    this.#isClosed = true;
    this.#signalling.close();
  }

  // The sessions and what they need ------------------------------------------------

  #makePort() {
    const signalling = this.#signalling;
    const config = () => this.#config;
    return {
      options: this.#options,
      media: this.#media,
      get isOpen() { return signalling.isOpen; },
      get peerConfig() { return config(); },
      send: (message) => this.#send(message),
      notify: (info, value) => this.#notify(info, value),
      fail: (definition, value) => this.#fail(definition, value),
      log: (...values) => this.#log(...values),
      resetSocket: () => signalling.reset(),
      showTrack: (session, event) => this.#showTrack(session, event),
      publishedFor: (room) => this.#publishedFor(room),
      silenceLeaved: (streamId) => this.#silentLeaves.add(streamId),
      forget: (session) => this.#forget(session),
    };
  }

  #add(kind, request) {
    const { streamId } = request;
    if (!streamId) {
      this.#fail("noStreamNameSpecified", { command: kind, willRetry: false });
      return;
    }
    const present = this.#sessions.get(streamId);
    if (present && present.kind !== kind) {
      const definition = FINISHED_KIND[present.kind] ?? "already_publishing";
      this.#fail(definition, { command: kind, streamId, willRetry: false });
      return;
    }
    if (present) {
      present.renew(request);
      return;
    }
    const session = new KINDS[kind](kind, this.#port, request);
    this.#sessions.set(streamId, session);
    session.setState("connecting");
    this.#beginWithMedia(session);
  }

  /** Begins now or when the socket opens; what sends waits for the camera too. */
  #beginWithMedia(session) {
    const { isPlayMode, onlyDataChannel } = this.#options;
    const begin = () => {
      session.isReady = true;
      if (this.#signalling.isOpen) session.begin();
      else if (!session.isDone) this.#signalling.open();
    };
    const needsMedia = !onlyDataChannel && !this.#media.stream
      && (session.kind === "publish" || (session.kind === "peer" && !isPlayMode));
    if (!needsMedia) {
      begin();
      return;
    }
    session.isReady = false;
    this.#reporting(this.#media.openOnce()).then(begin, (error) => {
      if (!session.isDone) session.finish("refused", error.name);
    });
  }

  /** The page wants no more of it. */
  #end(session) {
    this.#send(session.goodbye());
    session.finish("stopped");
  }

  #forget(session) {
    if (this.#sessions.get(session.streamId) !== session) return;
    this.#sessions.delete(session.streamId);
    this.disableStats(session.streamId);
    this.#meters.get(session.streamId)?.stop();
    this.#meters.delete(session.streamId);
  }

  #matching(streamId) {
    const all = [...this.#sessions.values()];
    return streamId ? all.filter((session) => session.streamId === streamId) : all;
  }

  #idsOf(kind) {
    return this.#matching().filter((session) => session.kind === kind)
      .map((session) => session.streamId);
  }

  /** Which of this page's streams a room must not send back. */
  #publishedFor(room) {
    const there = this.#matching().find(({ kind, request }) =>
      kind === "publish" && request.mainTrack === room);
    return there?.streamId ?? this.publishStreamId;
  }

  #showTrack(session, { streams, track, transceiver }) {
    const { streamId } = session;
    const stream = streams[0] ?? (session.looseStream ??= new MediaStream());
    if (!streams[0]) stream.addTrack(track);
    if (this.#remoteVideo) {
      if (this.#remoteVideo.srcObject !== stream) this.#remoteVideo.srcObject = stream;
      return;
    }
    const trackId = session.idMapping[transceiver.mid] ?? track.id;
    const shown = { stream, track, streamId, trackId };
    this.#notify("newTrackAvailable", shown);
    this.#notify("newStreamAvailable", shown);
  }

  async #replaceTrack(track) {
    const sending = this.#matching().filter(({ kind }) => kind !== "play");
    await Promise.all(sending.map((session) => session.replaceTrack(track)));
  }

  #sampled(streamId) {
    if (!this.#stats.has(streamId)) {
      this.#stats.set(streamId, { stats: new PeerStats(streamId), timer: null });
    }
    return this.#stats.get(streamId);
  }

  #mute(isMuted) {
    try {
      this.#media.mute(isMuted);
    } catch (error) {
      this.#fail(error.name, error);
    }
  }

  // The socket ---------------------------------------------------------------------

  #onOpen() {
    this.#hasToldLoss = false;
    // First, so that the answer is here before any peer connection is made.
    if (this.#asksForIceServers) this.#send({ command: "getIceServerConfig" });
    // A room's membership is what its streams are published and played under.
    for (const { message } of this.#rooms.values()) this.#send(message);
    this.#notify("initialized");
    const sessions = this.#matching();
    for (const session of sessions) if (session.kind !== "play") session.begin();
    for (const session of sessions) if (session.kind === "play") session.begin();
  }

  #onLost(event, wasOpen) {
    this.#silentLeaves.clear();
    this.#handover.clear();
    for (const record of this.#rooms.values()) {
      record.isPending = true;
      record.timer.clear();
    }
    const { reconnectIfRequiredFlag } = this.#options;
    for (const session of this.#matching()) session.onSocketLost(reconnectIfRequiredFlag);
    if (wasOpen) this.#notify("closed", event);
    else if (!this.#hasToldLoss) {
      this.#hasToldLoss = true; // once an outage, not once a try
      this.#fail("WebSocketNotConnected", { willRetry: reconnectIfRequiredFlag });
    }
  }

  #onMessage(message) {
    const session = this.#sessionOf(message);
    this.#log("received", message.command, text(message.definition), text(message.streamId));
    switch (message.command) {
      case "start":
        session?.onStart();
        break;
      case "takeConfiguration":
        session?.onDescription(message);
        break;
      case "takeCandidate":
        session?.onCandidate(message);
        break;
      case "stop":
        session?.onServerStop();
        break;
      case "error":
        this.#onError(message, session);
        break;
      case "notification":
        this.#onNotification(message, session);
        break;
      case "iceServerConfig":
        this.#useIceServer(message);
        break;
      case "pong":
        this.#notify("pong");
        break;
      case "streamInformation":
      case "roomInformation":
      case "trackList":
      case "peerMessageCommand":
        this.#notify(message.command, message);
        break;
      default: // what later servers may say
    }
  }

  /** In the dialect of 2017 messages may name no stream: then there is one only. */
  #sessionOf(message) {
    const streamId = message.streamId || message.streamName;
    if (streamId) return this.#sessions.get(streamId);
    const isAboutOne = ["start", "stop", "takeConfiguration", "takeCandidate"]
      .includes(message.command);
    return isAboutOne && this.#sessions.size === 1
      ? this.#sessions.values().next().value : undefined;
  }

  #onError(message, session) {
    const definition = String(message.definition);
    const isOfRoom = this.#onRoomError(definition, message.room);
    let willRetry = isOfRoom ? this.#rooms.has(message.room) : undefined;
    // The answer to a question about a room names the one who asked.
    if (!isOfRoom && definition !== "no_active_streams_in_room") {
      const isAboutAll = !message.streamId && !message.room && WITHOUT_STREAM.has(definition);
      const concerned = session ? [session]
        : isAboutAll ? this.#matching().filter(({ inSetup }) => inSetup) : [];
      for (const one of concerned) willRetry = one.onError(definition) ?? willRetry;
    }
    this.#fail(definition, willRetry === undefined ? message : { ...message, willRetry });
  }

  /** @returns {boolean} whether it refused to join a room */
  #onRoomError(definition, room) {
    const isGeneral = !room && ROOM_ERRORS.has(definition);
    const records = [...this.#rooms].filter(([name, { isPending }]) =>
      isPending && (name === room || isGeneral));
    for (const [name, record] of records) {
      if (!SOFT.has(definition) || !this.#options.reconnectIfRequiredFlag) {
        this.#forgetRoom(name);
      } else {
        record.timer.start(record.backoff.next(), () => this.#send(record.message));
      }
    }
    return records.length > 0;
  }

  #onNotification(message, session) {
    const { definition } = message;
    if (definition === "leaved" && this.#silentLeaves.delete(message.streamId)) return;
    const reactions = {
      publish_started: () => session?.onStarted(),
      session_restored: () => session?.onStarted(),
      play_started: () => session?.onStarted(),
      publish_finished: () => session?.kind === "publish" && session.onFinished(),
      play_finished: () => session?.kind === "play" && session.onFinished(),
      streaming_started: () => session?.onStreamingStarted(),
      joined: () => {
        this.#silentLeaves.delete(message.streamId);
        session?.onJoined();
      },
      joinedTheRoom: () => this.#onJoinedRoom(message),
      // Not all clients in one moment.
      server_will_stop: () => this.#handover.start(
        2000 * Math.random(), () => this.#signalling.reset()),
    };
    if (Object.hasOwn(reactions, definition ?? "")) reactions[definition]();
    this.#notify(definition ?? "notification", message);
  }

  #onJoinedRoom({ room, streamId }) {
    const record = this.#rooms.get(room);
    if (!record) return;
    record.isPending = false;
    record.backoff.reset();
    record.message.streamId ??= streamId;
  }

  #forgetRoom(room) {
    this.#rooms.get(room)?.timer.clear();
    this.#rooms.delete(room);
  }

  #useIceServer({ stunServerUri, turnServerUsername, turnServerCredential }) {
    if (!/^(stuns?|turns?):/.test(stunServerUri ?? "")) return;
    const server = { urls: stunServerUri };
    if (stunServerUri.startsWith("turn")) {
      server.username = text(turnServerUsername);
      server.credential = text(turnServerCredential);
    }
    this.#config = { ...this.#config, iceServers: [server] };
  }

  #send(message) {
    const isSent = this.#signalling.send(message);
    if (isSent) this.#log("sent", message.command, text(message.streamId));
    return isSent;
  }

  /** A command that is not repeated: the page hears when it could not be sent. */
  #ask(message) {
    const isSent = this.#send(message);
    if (!isSent) {
      const { command, streamId } = message;
      this.#fail("WebSocketNotConnected", { command, streamId, willRetry: false });
    }
    return isSent;
  }

  /** A command about what is played; said again whenever that is live again. */
  #control(command, trackId, fields) {
    const message = { command, ...fields };
    const session = this.#sessions.get(fields.streamId);
    if (session?.kind !== "play") return this.#ask(message);
    session.remember(`${command} ${trackId}`, message);
    return this.#send(message);
  }

  #push(fields, content) {
    if (content === null || typeof content !== "object") {
      throw new TypeError("The content of a push notification is to be an object.");
    }
    return this.#ask({
      command: "sendPushNotification", ...fields, pushNotificationContent: content,
    });
  }

  /** Of devices: told to the page in both ways. */
  #reporting(promise) {
    promise.catch((error) => this.#fail(error.name, error));
    return quietly(promise);
  }

  #notify(info, value) {
    for (const listener of this.#listeners) call(listener, info, value);
  }

  #fail(definition, value) {
    this.#log("error", definition);
    for (const listener of this.#errorListeners) call(listener, definition, value);
  }

  #log(...values) {
    if (this.#options.debug) console.debug("WebRTCAdaptor", ...values);
  }
}

globalThis.WebRTCAdaptor = WebRTCAdaptor;
})();
