import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import {
  devices, FakeChannel, FakeStream, FakeTrack, goOn, Page, pass, peers, settle, sockets,
  standStill,
} from "./fakes.mjs";

const PLAY = { isPlayMode: true };
const offer = (streamId, sdp = "offer", fields = {}) =>
  ({ command: "takeConfiguration", streamId, type: "offer", sdp, ...fields });

beforeEach(() => standStill());
afterEach(goOn);

describe("a publisher", () => {
  test("offers at `start`, once, with its own data channel", async () => {
    const page = await Page.open();
    page.adaptor.publish("s");
    await settle();
    page.socket.say({ command: "start", streamId: "s" });
    page.socket.say({ command: "start", streamId: "s" });
    await settle();

    assert.equal(peers.length, 1);
    assert.deepEqual(peers[0].channels.map(({ label }) => label), ["s"]);
    assert.deepEqual(peers[0].transceivers.map(({ direction }) => direction),
      ["sendonly", "sendonly"]);
    assert.deepEqual(page.socket.commands().at(-1), {
      command: "takeConfiguration", streamId: "s", type: "offer", sdp: "offer of the page",
    });
  });

  test("takes one answer, and candidates that came before it", async () => {
    const page = await Page.open();
    page.adaptor.publish("s");
    await settle();
    page.socket.say({ command: "start", streamId: "s" });
    await settle();
    const candidate = "candidate:1 1 udp 1 10.0.0.1 5000 typ host";
    page.socket.say({ command: "takeCandidate", streamId: "s", label: "0", id: "0", candidate });
    page.socket.say({ command: "takeCandidate", streamId: "s", label: 0, candidate: "" });
    await settle();
    assert.deepEqual(peers[0].candidates, []);
    page.socket.say({ command: "takeConfiguration", streamId: "s", type: "answer", sdp: "one" });
    page.socket.say({ command: "takeConfiguration", streamId: "s", type: "answer", sdp: "two" });
    await settle();

    assert.equal(peers[0].remoteDescription.sdp, "one");
    assert.deepEqual(peers[0].candidates, [{ candidate, sdpMid: "0", sdpMLineIndex: 0 }]);
  });

  test("sends its candidates of the wanted kinds", async () => {
    const page = await Page.open({ candidateTypes: ["udp"] });
    page.adaptor.publish("s");
    await settle();
    page.socket.say({ command: "start", streamId: "s" });
    await settle();
    page.socket.takeCommands();
    for (const protocol of ["udp", "TCP"]) {
      const candidate = `candidate:1 1 ${protocol} 1 10.0.0.1 9 typ host`;
      peers[0].onicecandidate({ candidate: { candidate, sdpMid: "0", sdpMLineIndex: 0 } });
    }
    peers[0].onicecandidate({ candidate: null });

    assert.deepEqual(page.socket.commands(), [{
      command: "takeCandidate", streamId: "s", label: 0, id: "0",
      candidate: "candidate:1 1 udp 1 10.0.0.1 9 typ host",
    }]);
  });

  test("asks for no camera to send data only", async () => {
    const page = await Page.open({ onlyDataChannel: true });
    page.adaptor.publish("s");
    page.socket.say({ command: "start", streamId: "s" });
    await settle();

    assert.equal(devices.opened.length, 0);
    assert.equal(peers[0].transceivers.length, 0);
    const { video, audio } = page.socket.commands()[0];
    assert.deepEqual([video, audio], [false, false]);
  });

  test("keeps its video within the bandwidth", async () => {
    const page = await Page.open({ bandwidth: 300 });
    page.adaptor.publish("s");
    await settle();
    await page.live("s", "publish");
    const { sender } = peers[0].transceivers
      .find(({ receiver }) => receiver.track.kind === "video");
    assert.equal(sender.parameters.encodings[0].maxBitrate, 300_000);
    await page.adaptor.changeBandwidth("unlimited", "s");

    assert.equal("maxBitrate" in sender.parameters.encodings[0], false);
  });

  test("publishes the metadata that it set last", async () => {
    const page = await Page.open();
    page.adaptor.publish("s", "", "", "", "", "", "first");
    await settle();
    page.adaptor.updateStreamMetaData("s", "second");
    await page.comeBack();

    assert.equal(page.socket.commands()[0].metaData, "second");
  });
});

describe("a viewer", () => {
  test("answers, in stereo, and makes no data channel of its own", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play({ streamId: "s", token: "t" });
    page.socket.say(offer("s"));
    await settle();

    assert.deepEqual(peers[0].channels, []);
    assert.equal(page.socket.commands().at(-1).sdp,
      "answer to offer useinbandfec=1; stereo=1");
  });

  test("answers the offers of a room one after another", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("room");
    page.socket.say(offer("room", "first"));
    await settle();
    let open;
    peers[0].gate = new Promise((resolve) => { open = resolve; });
    page.socket.say(offer("room", "second"));
    page.socket.say(offer("room", "third"));
    await settle();
    assert.equal(peers[0].remoteDescription.sdp, "second");
    open();
    await settle();

    assert.equal(peers.length, 1);
    const answers = page.socket.commands().filter(({ type }) => type === "answer");
    assert.deepEqual(answers.map(({ sdp }) => sdp.split(" ")[2]), ["first", "second", "third"]);
  });

  test("hears of tracks by the server's names, or by the browser's", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("room");
    page.socket.say(offer("room", "offer", { idMapping: { 1: "ARDAMSvanna" } }));
    await settle();
    const stream = new FakeStream();
    const track = new FakeTrack("video", "browser-id");
    peers[0].ontrack({ streams: [stream], track, transceiver: { mid: "1" } });
    peers[0].ontrack({ streams: [stream], track, transceiver: { mid: "2" } });

    const tracks = page.named("newTrackAvailable");
    assert.deepEqual(tracks.map(({ trackId }) => trackId), ["ARDAMSvanna", "browser-id"]);
    assert.equal(tracks[0].stream, stream);
    assert.equal(page.named("newStreamAvailable").length, 2);
  });

  test("shows what comes in the page's element", async () => {
    const element = { srcObject: null };
    const page = await Page.open({ ...PLAY, remoteVideoElement: element });
    page.adaptor.play("s");
    page.socket.say(offer("s"));
    await settle();
    const stream = new FakeStream();
    peers[0].ontrack({
      streams: [stream], track: new FakeTrack("video"), transceiver: { mid: "0" },
    });

    assert.equal(element.srcObject, stream);
    assert.equal(page.named("newTrackAvailable").length, 0);
  });

  test("tells an offer that the browser refuses, and tries again", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("s");
    page.socket.say(offer("s", "broken"));
    await settle();
    page.socket.takeCommands();
    await pass(500);

    assert.deepEqual(page.errorNames(), ["notSetRemoteDescription"]);
    assert.deepEqual(page.socket.commands().map(({ command }) => command), ["play"]);
  });

  test("takes nothing for what it stopped or never asked for", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("s");
    page.adaptor.stop("s");
    for (const id of ["s", "other"]) {
      page.socket.say(offer(id));
      page.socket.say({ command: "start", streamId: id });
      page.socket.say({ command: "takeCandidate", streamId: id, label: 0, candidate: "x" });
      page.socket.notify("play_started", id);
      page.socket.say({ command: "stop", streamId: id });
    }
    await settle();

    assert.equal(peers.length, 0);
    assert.deepEqual(page.errors, []);
  });
});

describe("a peer", () => {
  const joined = async () => {
    const page = await Page.open();
    page.adaptor.join("r");
    await settle();
    page.socket.notify("joined", "r");
    return page;
  };

  test("who waited offers, with a channel and what it sends", async () => {
    const page = await joined();
    assert.deepEqual(page.socket.commands()[0], {
      command: "join", streamId: "r", multiPeer: false, mode: "both",
    });
    page.socket.say({ command: "start", streamId: "r" });
    await settle();

    assert.equal(peers[0].channels.length, 1);
    assert.deepEqual(peers[0].transceivers.map(({ direction }) => direction),
      ["sendrecv", "sendrecv"]);
    assert.equal(page.socket.commands().at(-1).type, "offer");
  });

  test("who came answers, and listens for the channel", async () => {
    const page = await joined();
    page.socket.say(offer("r", "a=ice-ufrag:one"));
    await settle();
    peers[0].become("connected");
    const channel = new FakeChannel();
    peers[0].ondatachannel({ channel });
    channel.open();

    assert.equal(page.socket.commands().at(-1).type, "answer");
    assert.equal(page.adaptor.sessionState("r"), "live");
    assert.deepEqual(page.named("data_channel_opened"), ["r"]);
    assert.deepEqual(peers[0].channels, []);
  });

  test("of one that only watches receives both kinds", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.join("r");
    page.socket.notify("joined", "r");
    page.socket.say({ command: "start", streamId: "r" });
    await settle();

    assert.equal(page.socket.commands()[0].mode, "play");
    assert.deepEqual(peers[0].transceivers.map(({ direction }) => direction),
      ["recvonly", "recvonly"]);
  });

  test("stays when the other leaves, and meets the next", async () => {
    const page = await joined();
    page.socket.say({ command: "start", streamId: "r" });
    await settle();
    peers[0].become("connected");
    page.socket.say({ command: "stop", streamId: "r" });
    assert.equal(page.adaptor.sessionState("r"), "waiting");
    page.socket.say({ command: "start", streamId: "r" });
    await settle();

    assert.equal(peers[0].signalingState, "closed");
    assert.equal(peers.length, 2);
  });

  test("a second offer of the same connection is answered on it", async () => {
    const page = await joined();
    page.socket.say(offer("r", "a=ice-ufrag:one"));
    await settle();
    page.socket.say(offer("r", "a=ice-ufrag:one"));
    await settle();
    assert.equal(peers.length, 1);
    page.socket.say(offer("r", "a=ice-ufrag:two"));
    await settle();

    assert.equal(peers.length, 2);
    assert.equal(page.errors.length, 0);
  });

  test("a failed connection leads to a silent leave and a new join", async () => {
    const page = await joined();
    page.socket.say({ command: "start", streamId: "r" });
    await settle();
    page.socket.takeCommands();
    peers[0].become("failed");
    page.socket.notify("leaved", "r");
    await pass(500);
    page.socket.notify("joined", "r");

    assert.deepEqual(page.socket.commands().map(({ command }) => command), ["leave", "join"]);
    assert.deepEqual(page.named("leaved"), []);
    page.adaptor.leave("r");
    page.socket.notify("leaved", "r");
    assert.equal(page.named("leaved").length, 1);
  });

  test("a third one is told so and stays away", async () => {
    const page = await Page.open();
    page.adaptor.join("r");
    await settle();
    page.socket.refuse("NoSpaceForNewPeer", "r");
    await pass(60_000, 1000);

    assert.equal(page.errors[0].value.willRetry, false);
    for (const socket of sockets.slice(1)) assert.deepEqual(socket.commands(), []);
  });

  test("whose offer nobody answers begins again", async () => {
    const page = await joined();
    page.socket.say({ command: "start", streamId: "r" });
    await settle();
    page.socket.takeCommands();
    for (let turn = 0; turn < 11; turn++) {
      await pass(3000, 500);
      page.socket.say({ command: "pong" });
    }

    assert.deepEqual(page.socket.commands().map(({ command }) => command), ["leave", "join"]);
    assert.equal(peers[0].signalingState, "closed");
  });

  test("joins again after a lost socket", async () => {
    const page = await joined();
    await page.comeBack();

    assert.deepEqual(page.socket.commands().map(({ command }) => command), ["join"]);
  });
});

describe("the dialect of 2017", () => {
  const OLD = { websocket_url: "ws://server:8081/WebRTCApp4", ...PLAY };

  test("names the stream twice and leaves without naming it", async () => {
    const page = await Page.open(OLD);
    page.adaptor.join("room1");
    page.adaptor.leave();

    assert.deepEqual(page.socket.commands(), [
      { command: "join", streamId: "room1", streamName: "room1", multiPeer: false, mode: "play" },
      { command: "leave", streamId: "room1", streamName: "room1" },
    ]);
  });

  test("never names a stream by what people call it", async () => {
    const page = await Page.open(OLD);
    page.adaptor.publish({ streamId: "id1", streamName: "My stream" });
    await settle();

    assert.equal(page.socket.commands()[0].streamName, "id1");
  });

  test("a message without an id is about the only stream", async () => {
    const page = await Page.open(OLD);
    page.adaptor.join("room1");
    page.socket.say({ command: "notification", definition: "joined", streamName: "room1" });
    page.socket.say({ command: "start" });
    await settle();

    assert.equal(page.socket.commands().at(-1).streamName, "room1");
    assert.equal(page.socket.commands().at(-1).type, "offer");
  });
});

describe("ICE servers", () => {
  test("of the page are used, and the server is not asked", async () => {
    const iceServers = [{ urls: "stun:mine" }];
    const page = await Page.open({ ...PLAY, peerconnection_config: { iceServers } });
    page.adaptor.play("s");
    page.socket.say(offer("s"));
    await settle();

    assert.equal(page.socket.sent.some(({ command }) => command === "getIceServerConfig"), false);
    assert.deepEqual(peers[0].config.iceServers, iceServers);
  });

  test("of the server are asked for before anything else, and used", async () => {
    const page = new Page({ ...PLAY, peerconnection_config: null });
    page.adaptor.play("s");
    await settle();
    page.socket.accept();
    page.socket.say({
      command: "iceServerConfig", stunServerUri: "turn:relay", turnServerUsername: "u",
      turnServerCredential: "c",
    });
    page.socket.say(offer("s"));
    await settle();

    assert.deepEqual(page.socket.sent.slice(0, 2).map(({ command }) => command),
      ["getIceServerConfig", "play"]);
    assert.deepEqual(peers[0].config.iceServers,
      [{ urls: "turn:relay", username: "u", credential: "c" }]);
  });
});

describe("a data channel", () => {
  const open = async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("s");
    await page.live("s", "play");
    const channel = new FakeChannel();
    peers[0].ondatachannel({ channel });
    channel.open();
    return { page, channel };
  };
  const received = (page) => page.named("data_received").map(({ data }) => data);

  test("sends text as it is", async () => {
    const { page, channel } = await open();
    assert.equal(await page.adaptor.sendData("s", "<script>"), true);

    assert.deepEqual(channel.sent, ["<script>"]);
  });

  test("sends binary as a header and numbered pieces", async () => {
    const { page, channel } = await open();
    const bytes = Uint8Array.from({ length: 33_000 }, (_, index) => index % 251);
    assert.equal(await page.adaptor.sendData("s", bytes), true);

    const frames = channel.sent.map((frame) => new DataView(frame));
    assert.deepEqual(frames.map(({ byteLength }) => byteLength), [8, 16_004, 16_004, 1004]);
    const number = frames[0].getInt32(0, true);
    assert.equal(frames[0].getInt32(4, true), 33_000);
    for (const frame of frames) assert.equal(frame.getInt32(0, true), number);
    const joined = Buffer.concat(channel.sent.slice(1).map((frame) => Buffer.from(frame, 4)));
    assert.deepEqual(joined, Buffer.from(bytes));
  });

  test("puts pieces together, of several messages at once", async () => {
    const { page, channel } = await open();
    goOn(); // each message its own number
    await page.adaptor.sendData("s", new Uint8Array(20_000).fill(1));
    await page.adaptor.sendData("s", new Uint8Array(10).fill(2).buffer);
    await page.adaptor.sendData("s", new Blob([new Uint8Array(5).fill(3)]));
    const [head1, a1, b1, head2, a2, head3, a3] = channel.sent;
    for (const frame of [head1, head2, a1, a2, head3, b1, a3]) channel.onmessage({ data: frame });

    assert.deepEqual(received(page).map((data) => [data.byteLength, new Uint8Array(data)[0]]),
      [[10, 2], [20_000, 1], [5, 3]]);
  });

  test("passes on what is not numbered, and drops what lies about its length", async () => {
    const { page, channel } = await open();
    const say = (...words) => channel.onmessage({ data: Int32Array.from(words).buffer });
    channel.onmessage({ data: "text" });
    channel.onmessage({ data: new Uint8Array(3).buffer });
    say(7, -1);
    say(8, 0x7fffffff);
    say(9, 4);
    say(9, 1, 2); // 8 bytes for a message of 4
    say(10, 0);

    const lengths = received(page).map((data) => data.length ?? data.byteLength);
    assert.deepEqual(lengths, [4, 3, 0]);
  });

  test("keeps no more than 16 unfinished messages", async () => {
    const { page, channel } = await open();
    const say = (...words) => channel.onmessage({ data: Int32Array.from(words).buffer });
    for (let number = 1; number <= 17; number++) say(number, 4);
    for (let number = 17; number >= 1; number--) say(number, 5);

    // The oldest was dropped: its piece of 8 bytes reads as the header of another.
    assert.equal(received(page).length, 16);
  });

  test("waits for a full buffer, and keeps the order", async () => {
    const { page, channel } = await open();
    channel.bufferedAmount = 2 << 20;
    const first = page.adaptor.sendData("s", "first");
    const second = page.adaptor.sendData("s", "second");
    await settle();
    assert.deepEqual(channel.sent, []);
    channel.bufferedAmount = 0;
    channel.dispatchEvent(new Event("bufferedamountlow"));

    assert.deepEqual([await first, await second], [true, true]);
    assert.deepEqual(channel.sent, ["first", "second"]);
  });

  test("that closes meanwhile sends nothing", async () => {
    const { page, channel } = await open();
    channel.bufferedAmount = 2 << 20;
    const sending = page.adaptor.sendData("s", new Uint8Array(5));
    await settle();
    channel.readyState = "closed";
    channel.onclose({});
    channel.dispatchEvent(new Event("close"));

    assert.equal(await sending, false);
    assert.deepEqual(page.named("data_channel_closed"), ["s"]);
    assert.equal(await page.adaptor.sendData("s", "late"), false);
    assert.equal(await page.adaptor.sendData("unknown", "x"), false);
  });

  test("of a connection that ends keeps nobody waiting", async () => {
    const { page, channel } = await open();
    channel.bufferedAmount = 2 << 20;
    const sending = page.adaptor.sendData("s", "waits");
    await settle();
    page.adaptor.stop("s");

    assert.equal(await sending, false);
    assert.deepEqual(channel.sent, []);
  });

  test("takes no value that is neither text nor bytes", async () => {
    const { page, channel } = await open();
    for (const value of [7, null, {}]) {
      await assert.rejects(page.adaptor.sendData("s", value), TypeError);
    }

    assert.equal(await page.adaptor.sendData("s", "text"), true);
    assert.deepEqual(channel.sent, ["text"]);
  });

  test("takes no more than 64 MiB at once", async () => {
    const { page, channel } = await open();
    channel.bufferedAmount = 2 << 20;
    const sending = page.adaptor.sendData("s", new ArrayBuffer(60 << 20));
    assert.equal(await page.adaptor.sendData("s", new ArrayBuffer(5 << 20)), false);
    channel.readyState = "closed";
    channel.dispatchEvent(new Event("close"));

    assert.equal(await sending, false);
  });

  test("a message that the browser refuses is told", async () => {
    const { page, channel } = await open();
    channel.send = () => { throw new TypeError("too long"); };
    assert.equal(await page.adaptor.sendData("s", "x"), false);

    assert.equal(page.errors[0].error, "data_channel_error");
    assert.equal(page.errors[0].value.streamId, "s");
  });

  test("is not made when the page wants none", async () => {
    const page = await Page.open({ dataChannelEnabled: false });
    page.adaptor.publish("s");
    await settle();
    page.socket.say({ command: "start", streamId: "s" });
    await settle();

    assert.deepEqual(peers[0].channels, []);
  });
});

describe("rooms by name", () => {
  test("are joined and left with what belongs to them", async () => {
    const page = await Page.open();
    page.adaptor.joinRoom("r", "me", "legacy", "Me", "speaker", "meta");
    page.adaptor.publish("me");
    await settle();
    page.adaptor.play("other", "", "r");
    page.adaptor.play("elsewhere");
    assert.deepEqual(page.socket.takeCommands()[0], {
      command: "joinRoom", room: "r", mainTrack: "r", streamId: "me", mode: "legacy",
      streamName: "Me", role: "speaker", metadata: "meta",
    });
    page.adaptor.leaveFromRoom("r");

    assert.deepEqual(
      page.socket.commands().map(({ command, streamId }) => [command, streamId]),
      [["stop", "me"], ["stop", "other"], ["leaveFromRoom", "me"]]);
    assert.deepEqual(page.adaptor.playStreamId, ["elsewhere"]);
    await page.comeBack();
    assert.deepEqual(page.socket.commands().map(({ streamId }) => streamId), ["elsewhere"]);
  });

  test("the own stream of a room is named when the room is played", async () => {
    const page = await Page.open();
    page.adaptor.publish("first");
    page.adaptor.publish({ streamId: "second", mainTrack: "room" });
    await settle();
    page.adaptor.play("room");
    page.adaptor.play("other");

    const own = page.socket.commands().filter(({ command }) => command === "play")
      .map(({ userPublishId }) => userPublishId);
    assert.deepEqual(own, ["second", "first"]);
  });
});

test("an id that is missing is told, and nothing is sent", async () => {
  const page = await Page.open(PLAY);
  for (const method of ["publish", "play", "join"]) page.adaptor[method](null);

  assert.deepEqual(page.errorNames(), Array(3).fill("noStreamNameSpecified"));
  assert.deepEqual(page.socket.commands(), []);
});

describe("commands", () => {
  const CALLS = [
    [["getStreamInfo", "s"], { command: "getStreamInfo", streamId: "s" }],
    [["getBroadcastObject", "s"], { command: "getBroadcastObject", streamId: "s" }],
    [["getTracks", "s", "t"], { command: "getTrackList", streamId: "s", token: "t" }],
    [["getRoomInfo", "r", "s"], { command: "getRoomInfo", room: "r", streamId: "s" }],
    [["getSubtracks", "s", "role", 0, 5],
      { command: "getSubtracks", streamId: "s", role: "role", offset: 0, size: 5 }],
    [["getSubtrackCount", "s", "role", "broadcasting"],
      { command: "getSubtracksCount", streamId: "s", role: "role", status: "broadcasting" }],
    [["getSubscriberList", "s", 0, 9],
      { command: "getSubscribers", streamId: "s", offset: 0, size: 9 }],
    [["getSubscriberCount", "s"], { command: "getSubscriberCount", streamId: "s" }],
    [["getDebugInfo", "s"], { command: "getDebugInfo", streamId: "s" }],
    [["requestVideoTrackAssignments", "s"],
      { command: "getVideoTrackAssignmentsCommand", streamId: "s" }],
    [["enableTrack", "s", "t", false],
      { command: "enableTrack", streamId: "s", trackId: "t", enabled: false }],
    [["toggleAudio", "s", "t", true],
      { command: "toggleAudio", streamId: "s", trackId: "t", enabled: true }],
    [["forceStreamQuality", "s", 480],
      { command: "forceStreamQuality", streamId: "s", streamHeight: 480 }],
    [["assignVideoTrack", "videoTrack0", "p", true], {
      command: "assignVideoTrackCommand", streamId: "p", videoTrackId: "videoTrack0",
      enabled: true,
    }],
    [["updateVideoTrackAssignments", "s", 2, 4],
      { command: "updateVideoTrackAssignmentsCommand", streamId: "s", offset: 2, size: 4 }],
    [["setMaxVideoTrackCount", "s", 4],
      { command: "setMaxVideoTrackCountCommand", streamId: "s", maxTrackCount: 4 }],
    [["peerMessage", "s", "hello", { a: 1 }], {
      command: "peerMessageCommand", streamId: "s", definition: "hello", data: { a: 1 },
    }],
    [["registerPushNotificationToken", "sub", "jwt", "device", "fcm"], {
      command: "registerPushNotificationToken", subscriberId: "sub", token: "jwt",
      pnsRegistrationToken: "device", pnsType: "fcm",
    }],
    [["sendPushNotification", "sub", "jwt", { title: "x" }, ["a"]], {
      command: "sendPushNotification", subscriberId: "sub", token: "jwt",
      subscriberIdsToNotify: ["a"], pushNotificationContent: { title: "x" },
    }],
    [["sendPushNotificationToTopic", "sub", "jwt", { title: "x" }, "news"], {
      command: "sendPushNotification", subscriberId: "sub", token: "jwt", topic: "news",
      pushNotificationContent: { title: "x" },
    }],
  ];
  for (const [[method, ...values], expected] of CALLS) {
    test(`${method} is sent as the protocol has it`, async () => {
      const page = await Page.open(PLAY);
      assert.equal(page.adaptor[method](...values), true);

      assert.deepEqual(page.socket.commands(), [expected]);
    });
  }

  test("without a socket are told, not lost in silence", () => {
    const page = new Page(PLAY);
    assert.equal(page.adaptor.getStreamInfo("s"), false);

    assert.deepEqual(page.errors, [{
      error: "WebSocketNotConnected",
      value: { command: "getStreamInfo", streamId: "s", willRetry: false },
    }]);
  });

  test("of push refuse what is no content", async () => {
    const page = await Page.open(PLAY);
    assert.throws(() => page.adaptor.sendPushNotification("s", "t", "text", []), TypeError);
    assert.throws(() => page.adaptor.sendPushNotification("s", "t", {}, "a"), TypeError);
    assert.throws(() => page.adaptor.sendPushNotificationToTopic("s", "t", null, "a"), TypeError);
    page.socket.say({ command: "notification", success: true });

    assert.equal(page.named("notification").length, 1);
  });
});

describe("a page's callbacks", () => {
  test("may be none, one, or several, and may fail", async () => {
    const heard = [];
    const escaped = [];
    const listeners = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    process.on("uncaughtException", (error) => escaped.push(error.message));
    const page = await Page.open({
      ...PLAY, callbackError: null,
      callback: (info) => { if (info === "trackList") throw new Error("of the page"); },
    });
    page.adaptor.addEventListener((info) => heard.push(info));
    const other = () => heard.push("other");
    page.adaptor.addEventListener(other);
    page.adaptor.removeEventListener(other);
    page.socket.say({ command: "trackList", streamId: "s", trackList: [] });
    await settle();
    process.removeAllListeners("uncaughtException");
    for (const listener of listeners) process.on("uncaughtException", listener);

    assert.deepEqual(heard, ["trackList"]);
    assert.deepEqual(escaped, ["of the page"]);
  });

  test("of errors can be added and removed", () => {
    const page = new Page(PLAY);
    const heard = [];
    const listener = (error) => heard.push(error);
    page.adaptor.addErrorEventListener(listener);
    page.adaptor.getDebugInfo("s");
    page.adaptor.removeErrorEventListener(listener);
    page.adaptor.getDebugInfo("s");

    assert.deepEqual(heard, ["WebSocketNotConnected"]);
  });

  test("get nothing on the console unless `debug` is set", async (context) => {
    const said = ["log", "debug", "info", "warn", "error"].map((name) =>
      context.mock.method(console, name, () => undefined));
    const play = async (debug) => {
      const page = await Page.open({ ...PLAY, debug });
      page.adaptor.play("s", "secret-token");
      page.socket.refuse("unauthorized_access", "s");
    };
    await play(false);
    assert.equal(said.reduce((sum, { mock }) => sum + mock.callCount(), 0), 0);
    await play(true);

    const lines = said.flatMap(({ mock }) => mock.calls.map(({ arguments: all }) => all.join(" ")));
    assert.ok(lines.length > 0);
    assert.ok(!lines.join().includes("secret-token"));
  });
});
