/** Stand-ins for what a browser gives: sockets, peer connections, devices, a clock. */

import { mock } from "node:test";

export const sockets = [];
export const peers = [];

class FakeWebSocket {
  readyState = 0;
  sent = [];

  constructor(url) {
    this.url = url;
    sockets.push(this);
  }

  send(frame) {
    if (this.readyState !== 1) throw new Error("not open");
    this.sent.push(JSON.parse(frame));
  }

  close() {
    this.readyState = 3;
  }

  // What tests do to it.
  accept() {
    this.readyState = 1;
    this.onopen?.({});
  }

  lose() {
    this.readyState = 3;
    this.onclose?.({ code: 1006 });
  }

  say(message) {
    this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }

  notify(definition, streamId, fields = {}) {
    this.say({ command: "notification", definition, streamId, ...fields });
  }

  refuse(definition, streamId, fields = {}) {
    this.say({ command: "error", definition, streamId, ...fields });
  }

  /** Commands sent, without those that every connection has. */
  commands() {
    return this.sent.filter(({ command }) =>
      command !== "ping" && command !== "getIceServerConfig");
  }

  takeCommands() {
    const taken = this.commands();
    this.sent = [];
    return taken;
  }
}

export class FakeChannel extends EventTarget {
  readyState = "connecting";
  bufferedAmount = 0;
  sent = [];

  constructor(label = "") {
    super();
    this.label = label;
  }

  send(data) {
    this.sent.push(data);
  }

  open() {
    this.readyState = "open";
    this.onopen?.({});
  }
}

class FakeTrack {
  enabled = true;
  readyState = "live";

  constructor(kind, id = kind) {
    this.kind = kind;
    this.id = id;
  }

  stop() {
    this.readyState = "ended";
  }
}

class FakeStream {
  constructor(tracks = []) {
    this.tracks = [...tracks];
  }

  getTracks() {
    return [...this.tracks];
  }

  getVideoTracks() {
    return this.tracks.filter(({ kind }) => kind === "video");
  }

  getAudioTracks() {
    return this.tracks.filter(({ kind }) => kind === "audio");
  }

  addTrack(track) {
    this.tracks.push(track);
  }

  removeTrack(track) {
    this.tracks = this.tracks.filter((other) => other !== track);
  }
}

class FakePeer {
  iceConnectionState = "new";
  connectionState = "new";
  signalingState = "stable";
  remoteDescription = null;
  localDescription = null;
  channels = [];
  candidates = [];
  transceivers = [];
  /** Resolved by hand in tests about order. */
  gate = Promise.resolve();

  constructor(config) {
    this.config = config;
    peers.push(this);
  }

  createDataChannel(label) {
    const channel = new FakeChannel(label);
    this.channels.push(channel);
    return channel;
  }

  addTransceiver(track, { direction, sendEncodings = [{}] }) {
    const kind = track.kind ?? track;
    const sender = {
      track, replaced: [],
      replaceTrack: async (next) => { sender.replaced.push(next); },
      getParameters: () => ({ encodings: structuredClone(sendEncodings) }),
      setParameters: async (parameters) => { sender.parameters = parameters; },
    };
    this.transceivers.push({ sender, receiver: { track: { kind } }, direction });
  }

  addTrack(track) {
    this.addTransceiver(track, { direction: "sendrecv" });
  }

  getTransceivers() {
    return this.transceivers;
  }

  async createOffer() {
    return { type: "offer", sdp: "offer of the page" };
  }

  async createAnswer() {
    await this.gate;
    return { type: "answer", sdp: `answer to ${this.remoteDescription.sdp} useinbandfec=1` };
  }

  async setLocalDescription(description) {
    this.localDescription = description;
    this.signalingState = description.type === "offer" ? "have-local-offer" : "stable";
  }

  async setRemoteDescription(description) {
    if (description.sdp.includes("broken")) throw new DOMException("no", "InvalidAccessError");
    this.remoteDescription = description;
    this.signalingState = description.type === "offer" ? "have-remote-offer" : "stable";
  }

  async addIceCandidate(candidate) {
    this.candidates.push(candidate);
  }

  async getStats() {
    return new Map();
  }

  close() {
    this.signalingState = "closed";
    this.connectionState = "closed";
  }

  become(state) {
    this.connectionState = this.iceConnectionState = state;
    this.oniceconnectionstatechange?.();
    this.onconnectionstatechange?.();
  }
}

/** getUserMedia of these tests; they may replace it. */
export const devices = {
  opened: [],
  getUserMedia: async ({ video, audio }) => {
    const kinds = [...(video ? ["video"] : []), ...(audio ? ["audio"] : [])];
    const stream = new FakeStream(kinds.map((kind) =>
      new FakeTrack(kind, `${kind}${devices.opened.length}`)));
    devices.opened.push(stream);
    return stream;
  },
  getDisplayMedia: async () => new FakeStream([new FakeTrack("video", "screen")]),
  enumerateDevices: async () => [],
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
};
const real = { ...devices };

Object.assign(globalThis, {
  WebSocket: FakeWebSocket, RTCPeerConnection: FakePeer, MediaStream: FakeStream,
});
Object.defineProperty(globalThis, "navigator", {
  configurable: true, value: { mediaDevices: devices },
});

// Its first run puts the class on globalThis, as in a page.
const { WebRTCAdaptor } = await import("../../static/js/webrtc_adaptor.mjs");

/** The clock stands still until `pass`; chance is `random`. */
export function standStill(random = 0) {
  sockets.length = peers.length = 0;
  Object.assign(devices, real, { opened: [] });
  navigator.mediaDevices = devices;
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 1_000_000 });
  mock.method(Math, "random", () => random);
}

export function goOn() {
  mock.timers.reset();
  mock.restoreAll();
}

/** Everything that waits for nothing but a promise has run. */
export async function settle() {
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
}

/** In steps, so that what one timer starts is timed from then. */
export async function pass(milliseconds, step = 50) {
  for (let gone = 0; gone < milliseconds; gone += step) {
    mock.timers.tick(Math.min(step, milliseconds - gone));
    await settle();
  }
}

/** A page with an adaptor: what it was told is kept. */
export class Page {
  infos = [];
  errors = [];

  constructor(options = {}) {
    this.adaptor = new WebRTCAdaptor({
      websocket_url: "ws://server/LiveApp/websocket",
      peerconnection_config: { iceServers: [] },
      callback: (info, value) => this.infos.push({ info, value }),
      callbackError: (error, value) => this.errors.push({ error, value }),
      ...options,
    });
  }

  /** With its socket open. */
  static async open(options) {
    const page = new Page(options);
    await settle();
    page.socket.accept();
    await settle();
    return page;
  }

  get socket() {
    return sockets.at(-1);
  }

  named(info) {
    return this.infos.filter((entry) => entry.info === info).map(({ value }) => value);
  }

  states(streamId) {
    return this.named("session_state_changed")
      .filter((change) => change.streamId === streamId).map(({ state }) => state);
  }

  errorNames() {
    return this.errors.map(({ error }) => error);
  }

  /** The socket is lost and the next one is open. */
  async comeBack() {
    this.socket.lose();
    await pass(1000);
    this.socket.accept();
    await settle();
  }

  async live(streamId, kind) {
    if (kind === "play") {
      this.socket.say({
        command: "takeConfiguration", streamId, type: "offer", sdp: "offer",
        idMapping: { 0: `ARDAMSv${streamId}` },
      });
    } else this.socket.say({ command: "start", streamId });
    await settle();
    this.socket.notify(kind === "play" ? "play_started" : "publish_started", streamId);
    peers.at(-1).become("connected");
    await settle();
  }
}

export { FakeStream, FakeTrack, WebRTCAdaptor };
