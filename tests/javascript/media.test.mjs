import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import {
  devices, FakeStream, FakeTrack, goOn, Page, peers, settle, sockets, standStill, WebRTCAdaptor,
} from "./fakes.mjs";

const refusing = (name) => async () => { throw new DOMException("because", name); };
const senderOf = (kind) => peers.at(-1).transceivers
  .find(({ receiver }) => receiver.track.kind === kind).sender;

beforeEach(() => standStill());
afterEach(goOn);

async function publishing(options) {
  const page = await Page.open(options);
  page.adaptor.publish("s");
  await settle();
  await page.live("s", "publish");
  return page;
}

for (const name of ["NotFoundError", "NotAllowedError", "NotReadableError", "OverconstrainedError"]) {
  test(`${name} is told by its name, and no socket is opened`, async () => {
    devices.getUserMedia = refusing(name);
    const page = new Page();
    await settle();

    assert.deepEqual(page.errorNames(), [name]);
    assert.equal(page.errors[0].value.message, "because");
    assert.equal(sockets.length, 0);
    await assert.rejects(page.adaptor.initialize(), { name });
  });
}

test("a page that is not secure is told so", async () => {
  navigator.mediaDevices = undefined;
  const page = new Page();
  await settle();

  assert.deepEqual(page.errorNames(), ["UnsecureContext"]);
  assert.match(page.errors[0].value.message, /https/);
});

test("a page that is not secure may still play", async () => {
  navigator.mediaDevices = undefined;
  const page = await Page.open({ isPlayMode: true });
  page.adaptor.play("s");

  assert.deepEqual(page.socket.commands().map(({ command }) => command), ["play"]);
});

test("a player that begins to publish opens the camera then", async () => {
  const page = await Page.open({ isPlayMode: true });
  assert.equal(devices.opened.length, 0);
  page.adaptor.publish("s");
  await settle();

  assert.equal(devices.opened.length, 1);
  assert.equal(page.socket.commands()[0].video, true);
});

test("what cannot open its camera is refused, not tried for ever", async () => {
  devices.getUserMedia = refusing("NotAllowedError");
  const page = await Page.open({ isPlayMode: true });
  page.adaptor.publish("s");
  await settle();

  assert.deepEqual(page.states("s"), ["connecting", "refused"]);
  assert.deepEqual(page.errorNames(), ["NotAllowedError"]);
  assert.deepEqual(page.socket.commands(), []);
});

test("stopped while the camera opens, it is not published", async () => {
  let open;
  devices.getUserMedia = () => new Promise((resolve) => { open = resolve; });
  const page = await Page.open({ isPlayMode: true });
  page.adaptor.publish("s");
  await settle();
  page.adaptor.stop("s");
  open(new FakeStream([new FakeTrack("video")]));
  await settle();

  assert.equal(page.socket.commands().some(({ command }) => command === "publish"), false);
});

test("only what is asked for is opened", async () => {
  const asked = [];
  const open = devices.getUserMedia;
  devices.getUserMedia = (constraints) => {
    asked.push(constraints);
    return open(constraints);
  };
  await Page.open({ mediaConstraints: { video: false, audio: true } });
  await Page.open({ mediaConstraints: { video: { width: 640 }, audio: false } });
  const none = await Page.open({ mediaConstraints: { video: false, audio: false } });

  assert.deepEqual(asked, [
    { video: false, audio: true }, { video: { width: 640 }, audio: false },
  ]);
  assert.equal(none.adaptor.localStream, null);
});

test("the microphone is muted and stays so when it is changed", async () => {
  const page = await publishing();
  page.adaptor.muteLocalMic();
  assert.equal(page.adaptor.localStream.getAudioTracks()[0].enabled, false);
  assert.equal(page.adaptor.isMicMuted, true);
  const [old] = page.adaptor.localStream.getAudioTracks();
  await page.adaptor.switchAudioInputSource("s", "other");
  const [track] = page.adaptor.localStream.getAudioTracks();

  assert.equal(track.enabled, false);
  assert.deepEqual(senderOf("audio").replaced, [track]);
  assert.equal(old.readyState, "ended");
  page.adaptor.unmuteLocalMic();
  assert.equal(track.enabled, true);
});

test("muting what is not open is an error of its own", async () => {
  const page = await Page.open({ isPlayMode: true });
  page.adaptor.muteLocalMic();
  await assert.rejects(page.adaptor.turnOffLocalCamera(), { name: "NoActiveConnection" });

  assert.deepEqual(page.errorNames(), ["NoActiveConnection", "NoActiveConnection"]);
});

test("another camera takes the place of the one before", async () => {
  const page = await publishing({ mediaConstraints: { video: { width: 640 }, audio: true } });
  const [old] = page.adaptor.localStream.getVideoTracks();
  const asked = [];
  const open = devices.getUserMedia;
  devices.getUserMedia = (constraints) => {
    asked.push(constraints);
    return open(constraints);
  };
  await page.adaptor.switchVideoCameraCapture("s", "back");
  await page.adaptor.switchVideoCameraFacingMode("s", "user");

  assert.deepEqual(asked, [
    { video: { width: 640, deviceId: { exact: "back" } } },
    { video: { width: 640, facingMode: "user" } },
  ]);
  assert.equal(old.readyState, "ended");
  assert.equal(senderOf("video").replaced.at(-1), page.adaptor.localStream.getVideoTracks()[0]);
  assert.equal(page.adaptor.localStream.getTracks().length, 2);
});

test("a phone that opens one camera at a time closes the first", async () => {
  const page = await publishing();
  const [old] = page.adaptor.localStream.getVideoTracks();
  const open = devices.getUserMedia;
  devices.getUserMedia = (constraints) =>
    old.readyState === "live" ? refusing("NotReadableError")() : open(constraints);
  await page.adaptor.switchVideoCameraCapture("s", "back");

  assert.equal(page.adaptor.localStream.getVideoTracks()[0].readyState, "live");
  assert.deepEqual(page.errors, []);
});

test("a camera that does not open leaves the one before", async () => {
  const page = await publishing();
  const [old] = page.adaptor.localStream.getVideoTracks();
  devices.getUserMedia = refusing("OverconstrainedError");
  await assert.rejects(page.adaptor.switchVideoCameraCapture("s", "gone"),
    { name: "OverconstrainedError" });

  assert.equal(page.adaptor.localStream.getVideoTracks()[0], old);
  assert.equal(old.readyState, "live");
  assert.deepEqual(page.errorNames(), ["OverconstrainedError"]);
});

test("the screen is shared, and the camera is back at its end", async () => {
  const page = await publishing();
  await page.adaptor.switchDesktopCapture("s");
  const [screen] = page.adaptor.localStream.getVideoTracks();
  assert.equal(screen.id, "screen");
  screen.onended();
  await settle();

  assert.equal(page.named("screen_share_stopped").length, 1);
  assert.match(page.adaptor.localStream.getVideoTracks()[0].id, /^video/);
  assert.equal(screen.readyState, "ended");
});

test("a screen that may not be shared is told, and the camera stays", async () => {
  const page = await publishing();
  const [camera] = page.adaptor.localStream.getVideoTracks();
  devices.getDisplayMedia = refusing("NotAllowedError");
  await assert.rejects(page.adaptor.switchDesktopCapture("s"),
    { name: "ScreenSharePermissionDenied" });

  assert.equal(page.adaptor.localStream.getVideoTracks()[0], camera);
  assert.deepEqual(page.errorNames(), ["ScreenSharePermissionDenied"]);
});

test("tracks of the page's own are sent, and left to it", async () => {
  const page = await publishing();
  const own = new FakeTrack("video", "own");
  await page.adaptor.updateVideoTrack(new FakeStream([own]), "s");
  assert.equal(senderOf("video").replaced.at(-1), own);
  await page.adaptor.switchVideoCameraCapture("s");
  assert.equal(own.readyState, "live");

  await assert.rejects(page.adaptor.updateAudioTrack(new FakeStream(), "s"),
    { name: "NotFoundError" });
});

test("a microphone of the page's own is left to it, and the one before is let go of", async () => {
  const page = await publishing();
  const [ours] = page.adaptor.localStream.getAudioTracks();
  const own = new FakeTrack("audio", "own");
  await page.adaptor.updateAudioTrack(new FakeStream([own]), "s");
  assert.equal(ours.readyState, "ended");
  await page.adaptor.switchAudioInputSource("s", "other");
  page.adaptor.closeStream();

  assert.equal(own.readyState, "live");
});

test("a screen whose camera is refused is not shared on in secret", async () => {
  const page = await publishing();
  const [camera] = page.adaptor.localStream.getVideoTracks();
  const screen = new FakeTrack("video", "screen");
  devices.getDisplayMedia = async () => new FakeStream([screen]);
  devices.getUserMedia = refusing("NotAllowedError");
  await assert.rejects(page.adaptor.switchDesktopCaptureWithCamera("s"), { name: "NotAllowedError" });
  assert.equal(screen.readyState, "ended");
  assert.equal(page.adaptor.localStream.getVideoTracks()[0], camera);

  screen.readyState = "live";
  await assert.rejects(
    page.adaptor.openStream({ video: "screen", audio: true }), { name: "NotAllowedError" });
  assert.equal(screen.readyState, "ended");
});

test("a camera that is not there leaves the choice as it was", async () => {
  const page = await publishing();
  const open = devices.getUserMedia;
  const asked = [];
  devices.getUserMedia = refusing("OverconstrainedError");
  await assert.rejects(page.adaptor.switchVideoCameraCapture("s", "gone"));
  devices.getUserMedia = (constraints) => {
    asked.push(constraints);
    return open(constraints);
  };
  await page.adaptor.turnOnLocalCamera("s");

  assert.deepEqual(asked, [{ video: {} }]);
});

test("a kind that was not sent before needs a new connection", async () => {
  const page = await publishing({ mediaConstraints: { video: false, audio: true } });
  page.socket.takeCommands();
  await page.adaptor.turnOnLocalCamera("s");

  assert.equal(page.adaptor.sessionState("s"), "reconnecting");
  assert.deepEqual(page.socket.commands().map(({ command }) => command), ["stop"]);
});

test("devices are listed, and listed again when they change", async () => {
  let changed;
  devices.addEventListener = (name, listener) => { changed = listener; };
  devices.enumerateDevices = async () => [{ kind: "videoinput" }, { kind: "audiooutput" }];
  const page = await Page.open();
  changed();
  await settle();

  assert.deepEqual(page.named("available_devices"), [[{ kind: "videoinput" }], [{ kind: "videoinput" }]]);
});

test("closeStream lets go of everything", async () => {
  const page = await publishing();
  const tracks = page.adaptor.localStream.getTracks();
  page.adaptor.closeStream();

  assert.deepEqual(tracks.map(({ readyState }) => readyState), ["ended", "ended"]);
  assert.equal(page.adaptor.localStream, null);
});

test("what opens after all was closed is let go of, and no socket is opened", async () => {
  let open;
  devices.getUserMedia = () => new Promise((resolve) => { open = resolve; });
  const page = new Page();
  await settle();
  page.adaptor.closeStream();
  page.adaptor.closeWebSocket();
  const camera = new FakeTrack("video");
  open(new FakeStream([camera, new FakeTrack("audio")]));
  await settle();

  assert.equal(camera.readyState, "ended");
  assert.equal(page.adaptor.localStream, null);
  assert.equal(sockets.length, 0);
});

test("statistics are rates between two samples", async () => {
  const page = await publishing();
  const rows = (bytes, at) => new Map([
    ["v", {
      type: "outbound-rtp", kind: "video", bytesSent: bytes, timestamp: at,
      framesEncoded: bytes / 1000, packetsSent: 5, frameWidth: 640, frameHeight: 480,
    }],
    ["r", { type: "remote-inbound-rtp", kind: "video", packetsLost: 2, roundTripTime: 0.05 }],
    ["s", { type: "media-source", kind: "video", width: 1280, height: 720, framesPerSecond: 30 }],
  ]);
  peers[0].getStats = async () => rows(1000, 1000);
  assert.equal((await page.adaptor.getStats("s")).currentOutgoingBitrate, 0);
  peers[0].getStats = async () => rows(31_000, 2000);
  const stats = await page.adaptor.getStats("s");

  assert.equal(stats.currentOutgoingBitrate, 240);
  assert.equal(stats.averageOutgoingBitrate, 240);
  assert.equal(stats.currentFPS, "30.0");
  assert.deepEqual([stats.frameWidth, stats.resWidth, stats.srcFps], [640, 1280, 30]);
  assert.deepEqual([stats.videoPacketsLost, stats.videoRoundTripTime], [2, 0.05]);
  assert.equal(stats.audioPacketsLost, -1);
  assert.equal(page.named("updated_stats").length, 2);
  assert.equal(await page.adaptor.getStats("other"), false);
});

test("an adaptor without an address is a mistake of the page", () => {
  assert.throws(() => new WebRTCAdaptor({}), TypeError);
});

test("simulcast publishes three heights, each within its share of the bandwidth", async () => {
  const page = await publishing({ simulcast: true, bandwidth: 1000 });
  await settle();

  const { encodings } = senderOf("video").parameters;
  assert.deepEqual(encodings.map(({ rid, scaleResolutionDownBy }) => [rid, scaleResolutionDownBy]),
    [["h", undefined], ["m", 2], ["l", 4]]);
  assert.deepEqual(encodings.map(({ maxBitrate }) => maxBitrate), [1_000_000, 350_000, 120_000]);

  await page.adaptor.changeBandwidth("unlimited", "s");
  assert.ok(senderOf("video").parameters.encodings.every((one) => !("maxBitrate" in one)));
});

test("without simulcast there is one encoding, and sound has no layers", async () => {
  await publishing({});
  await settle();
  assert.deepEqual(senderOf("video").parameters.encodings.map(({ rid }) => rid), [undefined]);

  await publishing({ simulcast: true });
  await settle();
  assert.deepEqual(senderOf("audio").getParameters().encodings, [{}]);
});
