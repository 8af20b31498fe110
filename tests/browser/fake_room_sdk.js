// Stands in for the SDK: a room whose people are drawn, not received.
globalThis.WebRTCAdaptor = class {
  remotePeerConnection = {};
  sent = [];

  constructor(options) {
    this.options = options;
    globalThis.fake = this;
    setTimeout(() => options.callback("initialized"));
  }

  updateVideoTrack() { return Promise.resolve(); }
  updateAudioTrack() { return Promise.resolve(); }
  updateStreamMetaData() { return true; }
  getBroadcastObject() { return true; }
  getSubtracks() { return false; }
  stop() {}
  closeWebSocket() {}

  sendData(streamId, text) {
    this.sent.push(JSON.parse(text));
    return Promise.resolve(true);
  }

  publish({ streamId, mainTrack }) {
    this.id = streamId;
    this.room = mainTrack;
    this.#live("publish", streamId);
  }

  play({ streamId }) {
    this.#live("play", streamId);
  }

  #live(kind, streamId) {
    this.call("session_state_changed", { kind, streamId, state: "live", reason: "" });
  }

  call(info, detail) {
    this.options.callback(info, detail);
  }

  say(event) {
    this.call("data_received", { streamId: this.room, data: JSON.stringify(event) });
  }

  /** Somebody with a drawn picture of `hue` comes in. */
  arrive(id, name, state = {}, hue = 200) {
    this.draw(id, hue);
    this.describe(id, name, state);
  }

  draw(label, hue) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
    const context = canvas.getContext("2d");
    const draw = () => {
      const fill = context.createLinearGradient(0, 0, 640, 360);
      fill.addColorStop(0, `hsl(${hue} 60% 35%)`);
      fill.addColorStop(1, `hsl(${hue + 50} 60% 65%)`);
      context.fillStyle = fill;
      context.fillRect(0, 0, 640, 360);
    };
    draw();
    setInterval(draw, 200);
    const stream = canvas.captureStream();
    const [track] = stream.getVideoTracks();
    this.call("newTrackAvailable", {
      track, stream, streamId: this.room, trackId: `ARDAMSv${label}`,
    });
  }

  describe(id, name, state = {}) {
    this.call("broadcastObject", {
      streamId: id,
      broadcast: JSON.stringify({
        streamId: id, name, status: "broadcasting", mainTrackStreamId: this.room,
        metaData: JSON.stringify(state),
      }),
    });
  }

  depart(id) {
    this.call("subtrackRemoved", { streamId: this.room, trackId: id });
  }
};
