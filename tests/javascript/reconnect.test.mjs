import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";

import { goOn, Page, pass, peers, settle, sockets, standStill } from "./fakes.mjs";

const PLAY = { isPlayMode: true };
const MINUTES_10 = 600_000;

beforeEach(() => standStill());
afterEach(goOn);

describe("the socket", () => {
  test("is opened again with pauses that double up to 15 s", async () => {
    const page = await Page.open(PLAY);
    page.socket.lose();
    const pauses = [];
    for (let attempt = 0; attempt < 8; attempt++) {
      const before = sockets.length;
      let waited = 0;
      while (sockets.length === before) {
        await pass(100, 100);
        waited += 100;
      }
      pauses.push(waited);
      page.socket.lose();
    }

    assert.deepEqual(pauses, [500, 1000, 2000, 4000, 8000, 15000, 15000, 15000]);
  });

  test("chance lengthens a pause by up to a half", async () => {
    goOn();
    standStill(0.999);
    const page = await Page.open(PLAY);
    page.socket.lose();

    await pass(700);
    assert.equal(sockets.length, 1);
    await pass(100);
    assert.equal(sockets.length, 2);
  });

  test("an answered ping makes the next pause short again", async () => {
    const page = await Page.open(PLAY);
    page.socket.lose();
    await pass(500);
    page.socket.lose();
    await pass(1000);
    page.socket.accept();
    await pass(3000);
    page.socket.say({ command: "pong" });
    page.socket.lose();

    await pass(500);
    assert.equal(sockets.length, 4);
  });

  test("a server that lets each connection fall meets growing pauses", async () => {
    const page = await Page.open(PLAY);
    for (let turn = 0; turn < 4; turn++) {
      page.socket.lose();
      await pass(500 * 2 ** turn);
      page.socket.accept();
    }
    page.socket.lose();

    await pass(7900);
    assert.equal(sockets.length, 5);
    await pass(100);
    assert.equal(sockets.length, 6);
  });

  test("a ping goes out every 3 s; the fourth unanswered one is a loss", async () => {
    const page = await Page.open(PLAY);
    const pings = () => sockets[0].sent.filter(({ command }) => command === "ping").length;

    await pass(9000);
    assert.equal(pings(), 3);
    assert.equal(sockets.length, 1);
    await pass(3000);
    assert.equal(page.named("closed").length, 1);
    await pass(500);
    assert.equal(sockets.length, 2);
  });

  test("any answer keeps it", async () => {
    const page = await Page.open(PLAY);
    for (let turn = 0; turn < 20; turn++) {
      await pass(3000);
      page.socket.say({ command: "pong" });
    }

    assert.equal(sockets.length, 1);
    assert.equal(page.named("pong").length, 20);
  });

  test("one that does not open in 10 s is given up", async () => {
    new Page(PLAY);
    await settle();

    await pass(10_000);
    await pass(500);
    assert.equal(sockets.length, 2);
  });

  test("an outage is told once, not at every try", async () => {
    const page = new Page(PLAY);
    await settle();
    for (let turn = 0; turn < 5; turn++) {
      page.socket.lose();
      await pass(16_000);
    }

    assert.deepEqual(page.errorNames(), ["WebSocketNotConnected"]);
    assert.equal(page.errors[0].value.willRetry, true);
  });

  test("frames that nobody can read change nothing", async () => {
    const page = await Page.open(PLAY);
    for (const frame of ["undefined", "", "null", "7", "[]", "{}"]) page.socket.say(frame);
    page.socket.say({ command: "somethingNew", streamId: "s" });
    page.socket.notify("somethingNew", "s");

    assert.deepEqual(page.errors, []);
    assert.equal(page.named("somethingNew").length, 1);
  });

  test("server_will_stop leads to a new socket within moments", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("s");
    await page.live("s", "play");

    page.socket.notify("server_will_stop");
    await pass(1000);
    page.socket.accept();

    assert.equal(page.named("server_will_stop").length, 1);
    assert.deepEqual(page.socket.commands().map(({ command }) => command), ["play"]);
  });

  test("nothing is tried again when the page has said so", async () => {
    const page = await Page.open({ ...PLAY, reconnectIfRequiredFlag: false });
    page.adaptor.play("s");
    await page.live("s", "play");
    page.socket.lose();
    await pass(MINUTES_10, 10_000);

    assert.equal(sockets.length, 1);
    assert.equal(page.states("s").at(-1), "ended");
  });

  test("closeWebSocket gives up a try without calling it a loss", async () => {
    const page = new Page(PLAY);
    await settle();
    page.adaptor.closeWebSocket();
    await pass(20_000, 1000);

    assert.deepEqual(page.errors, []);
    assert.equal(page.named("closed").length, 0);
    assert.equal(sockets.length, 1);
  });

  test("closeWebSocket ends it all", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("s");
    page.adaptor.joinRoom("r");
    page.adaptor.closeWebSocket();
    assert.equal(page.socket.commands().at(-1).command, "stop");
    await pass(MINUTES_10, 10_000);

    assert.equal(sockets.length, 1);
    assert.equal(page.states("s").at(-1), "stopped");
    assert.equal(page.adaptor.getStreamInfo("s"), false);
    assert.equal(page.errors.at(-1).error, "WebSocketNotConnected");
  });
});

describe("what the page asked for", () => {
  test("is sent again for every stream, each with its own values", async () => {
    const page = await Page.open();
    page.adaptor.publish("mine", "t-mine", "sub", "code", "Me", "room", "meta", "speaker");
    page.adaptor.play("one", "t-one", "room-one", ["a", "!b"], "sub1", "code1", "info1", "r1");
    page.adaptor.play({
      streamId: "two", token: "t-two", roomId: "room-two", subscriberId: "sub2",
      subscriberName: "Second", subscriberCode: "code2", metaData: "info2", role: "r2",
      disableTracksByDefault: true, enableTracks: ["c"],
    });
    await settle();
    const first = page.socket.takeCommands();
    await page.comeBack();

    assert.equal(first.length, 3);
    assert.deepEqual(page.socket.commands(), first);
    assert.deepEqual(first[0], {
      command: "publish", streamId: "mine", token: "t-mine", subscriberId: "sub",
      subscriberCode: "code", streamName: "Me", mainTrack: "room", metaData: "meta",
      role: "speaker", video: true, audio: true,
    });
    assert.deepEqual(first[2], {
      command: "play", streamId: "two", token: "t-two", room: "room-two",
      trackList: ["c"], subscriberId: "sub2", subscriberName: "Second",
      subscriberCode: "code2", viewerInfo: "info2", role: "r2",
      disableTracksByDefault: true, userPublishId: "mine",
    });
  });

  test("comes back live, all of it", async () => {
    const page = await Page.open();
    page.adaptor.publish("mine");
    await settle();
    await page.live("mine", "publish");
    for (const id of ["a", "b", "c"]) {
      page.adaptor.play(id, `token of ${id}`);
      await page.live(id, "play");
    }
    await page.comeBack();
    assert.deepEqual(page.socket.commands().map(({ streamId, token }) => [streamId, token]), [
      ["mine", ""], ["a", "token of a"], ["b", "token of b"], ["c", "token of c"],
    ]);
    await page.live("mine", "publish");
    for (const id of ["a", "b", "c"]) await page.live(id, "play");

    assert.deepEqual(page.named("reconnection_attempt_for_publisher"), ["mine"]);
    assert.deepEqual(page.named("reconnection_attempt_for_player"), ["a", "b", "c"]);
    for (const id of ["mine", "a", "b", "c"]) assert.equal(page.adaptor.sessionState(id), "live");
  });

  test("a room is joined before its streams are sent again", async () => {
    const page = await Page.open();
    page.adaptor.joinRoom("r", null, "legacy");
    page.socket.notify("joinedTheRoom", "given", { room: "r" });
    page.adaptor.play("other", "", "r");
    page.adaptor.publish("given");
    await page.comeBack();

    assert.deepEqual(
      page.socket.commands().map(({ command, streamId }) => [command, streamId]),
      [["joinRoom", "given"], ["publish", "given"], ["play", "other"]]);
  });

  test("asked for again in `initialized`, it is sent once", async () => {
    const page = await Page.open(PLAY);
    const again = (info) => info === "initialized" && page.adaptor.play("s", "token");
    page.adaptor.addEventListener(again);
    page.adaptor.play("s", "token");
    await page.comeBack();

    assert.equal(page.socket.commands().length, 1);
  });

  test("with another token it replaces what was asked for before", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("s", "old");
    page.socket.takeCommands();
    page.adaptor.play("s", "new");
    await pass(500);

    assert.deepEqual(page.socket.commands().map(({ command, token }) => [command, token]), [
      ["stop", undefined], ["play", "new"],
    ]);
  });

  test("before the socket is open it waits for that", async () => {
    const page = new Page(PLAY);
    page.adaptor.play("s", "token");
    await settle();
    page.socket.accept();

    assert.deepEqual(page.socket.commands().map(({ command }) => command), ["play"]);
  });

  test("stopped meanwhile it does not come back", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("a");
    page.adaptor.play("b");
    page.socket.lose();
    page.adaptor.stop("a");
    await pass(500);
    page.socket.accept();

    assert.deepEqual(page.socket.commands().map(({ streamId }) => streamId), ["b"]);
  });

  test("what a viewer chose to get is said again", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("room");
    await page.live("room", "play");
    page.adaptor.toggleVideo("room", "a", false);
    page.adaptor.toggleVideo("room", "a", true);
    page.adaptor.toggleVideo("room", "b", false);
    page.adaptor.forceStreamQuality("room", "auto");
    await page.comeBack();
    page.socket.takeCommands();
    await page.live("room", "play");

    const again = page.socket.commands().filter(({ command }) => command !== "takeConfiguration");
    assert.deepEqual(again, [
      { command: "toggleVideo", streamId: "room", trackId: "a", enabled: true },
      { command: "toggleVideo", streamId: "room", trackId: "b", enabled: false },
      { command: "forceStreamQuality", streamId: "room", streamHeight: 0 },
    ]);
  });
});

test("of what a viewer chose the newest 60 are kept", async () => {
  const page = await Page.open(PLAY);
  page.adaptor.play("room");
  for (let track = 0; track < 70; track++) page.adaptor.enableTrack("room", `t${track}`, false);
  page.socket.takeCommands();
  await page.live("room", "play");

  const again = page.socket.commands().filter(({ command }) => command === "enableTrack");
  assert.equal(again.length, 60);
  assert.deepEqual([again[0].trackId, again.at(-1).trackId], ["t10", "t69"]);
});

describe("a refusal", () => {
  const FINAL = [
    "unauthorized_access", "user_blocked", "stream_not_active_or_expired",
    "license_suspended_please_renew_license", "invalidStreamName",
    "not_allowed_unregistered_streams", "viewerLimitReached", "a_rule_of_a_later_server",
  ];
  for (const definition of FINAL) {
    test(`${definition} is final`, async () => {
      const page = await Page.open(PLAY);
      page.adaptor.play("s", "wrong");
      page.socket.takeCommands();
      page.socket.refuse(definition, "s");
      await pass(MINUTES_10, 10_000);

      for (const socket of sockets) assert.deepEqual(socket.commands(), []);
      assert.deepEqual(page.states("s"), ["connecting", "refused"]);
      assert.deepEqual(page.errors[0], {
        error: definition,
        value: { command: "error", definition, streamId: "s", willRetry: false },
      });
      assert.equal(page.adaptor.sessionState("s"), null);
    });
  }

  const SOFT = [
    "highResourceUsage", "publishTimeoutError", "not_initialized_yet",
    "data_store_not_available", "server_error_check_logs", "streamIdInUse",
  ];
  for (const definition of SOFT) {
    test(`${definition} is tried again with growing pauses`, async () => {
      const page = await Page.open(PLAY);
      page.adaptor.play("s");
      for (const pause of [500, 1000, 2000, 4000]) {
        page.socket.takeCommands();
        page.socket.refuse(definition, "s");
        await pass(pause - 50);
        assert.deepEqual(page.socket.commands().map(({ command }) => command), ["stop"]);
        await pass(50);
        assert.deepEqual(page.socket.commands().map(({ command }) => command), ["stop", "play"]);
      }
      assert.equal(page.errors[0].value.willRetry, true);
    });
  }

  for (const definition of ["no_encoder_settings", "encoderNotOpened", "encoderBlocked"]) {
    test(`${definition} is told, and the stream goes on`, async () => {
      const page = await Page.open();
      page.adaptor.publish("s");
      page.socket.refuse(definition, "s");
      await page.live("s", "publish");
      page.socket.takeCommands();
      page.socket.refuse(definition, "s");
      await pass(5000);

      assert.equal(page.adaptor.sessionState("s"), "live");
      assert.deepEqual(page.errors.map(({ error }) => error), [definition, definition]);
      const others = page.socket.commands().filter(({ command }) => command !== "ping");
      assert.deepEqual(others, []);
    });
  }

  test("streamIdInUse is final after 30 s", async () => {
    const page = await Page.open();
    page.adaptor.publish("s");
    await settle();
    for (let halfSecond = 0; halfSecond < 200; halfSecond++) {
      page.socket.say({ command: "pong" });
      const asked = page.socket.takeCommands().some(({ command }) => command === "publish");
      if (asked) page.socket.refuse("streamIdInUse", "s");
      if (!page.adaptor.sessionState("s")) break;
      await pass(500);
    }

    assert.equal(page.states("s").at(-1), "refused");
    assert.equal(page.errors.at(-1).value.willRetry, false);
    assert.ok(Date.now() - 1_000_000 >= 30_000);
  });

  test("no_stream_exist waits, and asks from every 2 to every 8 s", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("s");
    const pauses = [];
    for (let turn = 0; turn < 5; turn++) {
      page.socket.takeCommands();
      page.socket.refuse("no_stream_exist", "s", { error_code: "404" });
      let waited = 0;
      while (!page.socket.commands().length) {
        await pass(500);
        waited += 500;
        page.socket.say({ command: "pong" });
      }
      pauses.push(waited);
    }

    assert.deepEqual(pauses, [2000, 4000, 8000, 8000, 8000]);
    assert.equal(page.adaptor.sessionState("s"), "waiting");
  });

  test("streaming_started ends the wait at once", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("s");
    page.socket.refuse("no_stream_exist", "s");
    page.socket.takeCommands();
    page.socket.notify("streaming_started", "s");

    assert.deepEqual(page.socket.commands().map(({ command }) => command), ["play"]);
    await pass(4000);
    assert.equal(page.socket.commands().length, 1);
  });

  test("one that names no stream is about those being set up", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("live");
    await page.live("live", "play");
    page.adaptor.play("new");
    page.socket.refuse("license_suspended_please_renew_license");

    assert.equal(page.adaptor.sessionState("new"), null);
    assert.equal(page.adaptor.sessionState("live"), "live");
  });

  test("an answer to a question does not end what is live", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("s");
    await page.live("s", "play");
    page.socket.refuse("unauthorized_access", "s");
    page.socket.refuse("no_stream_exist", "s");

    assert.equal(page.adaptor.sessionState("s"), "live");
    assert.deepEqual(page.errors.map(({ value }) => "willRetry" in value), [false, false]);
  });

  test("of a room is told, and a room that is closed is not joined again", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.joinRoom("closed", "me");
    page.adaptor.joinRoom("busy", "me");
    page.socket.refuse("room_not_active_or_expired", "me", { room: "closed" });
    page.socket.refuse("data_store_not_available", "me", { room: "busy" });
    page.socket.takeCommands();
    await pass(500);

    assert.deepEqual(page.socket.commands().map(({ room }) => room), ["busy"]);
    assert.deepEqual(page.errors.map(({ value }) => value.willRetry), [false, true]);
  });

  test("no_active_streams_in_room touches no stream", async () => {
    const page = await Page.open();
    page.adaptor.publish("me");
    await settle();
    page.socket.refuse("no_active_streams_in_room", "me", { room: "r" });

    assert.equal(page.adaptor.sessionState("me"), "connecting");
    assert.equal("willRetry" in page.errors[0].value, false);
  });

  test("a blank id is refused here, and one id is not used twice", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("");
    page.adaptor.play("s");
    page.adaptor.publish("s");

    assert.deepEqual(page.errorNames(), ["noStreamNameSpecified", "already_playing"]);
    assert.deepEqual(page.socket.commands().map(({ command }) => command), ["play"]);
  });
});

describe("an attempt", () => {
  test("that leads to nothing in 10 s is followed by another, never beside it", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("s");
    page.socket.say({ command: "pong" });
    const plays = () => page.socket.commands().filter(({ command }) => command === "play").length;
    await pass(5000);
    page.socket.say({ command: "pong" });
    await pass(4900);
    page.socket.say({ command: "pong" });
    assert.equal(plays(), 1);
    await pass(700);

    assert.equal(plays(), 2);
    assert.deepEqual(page.states("s"), ["connecting", "reconnecting"]);
  });

  test("a connection that fails is replaced after `stop`", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("s");
    await page.live("s", "play");
    page.socket.takeCommands();
    peers[0].become("failed");
    peers[0].become("failed");
    await pass(500);

    assert.deepEqual(page.socket.commands().map(({ command }) => command), ["stop", "play"]);
    assert.equal(peers[0].signalingState, "closed");
  });

  test("a disconnected one has 3 s to recover", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("s");
    await page.live("s", "play");
    peers[0].become("disconnected");
    await pass(2900);
    peers[0].become("connected");
    await pass(2000);
    assert.equal(page.adaptor.sessionState("s"), "live");
    peers[0].become("disconnected");
    await pass(3000);

    assert.equal(page.adaptor.sessionState("s"), "reconnecting");
  });

  test("a live publisher without media comes back by a new socket, not by `stop`", async () => {
    const page = await Page.open();
    page.adaptor.publish("s");
    await settle();
    await page.live("s", "publish");
    sockets[0].takeCommands();
    peers[0].become("failed");
    await pass(500);
    page.socket.accept();

    assert.deepEqual(sockets[0].commands(), []);
    assert.deepEqual(page.socket.commands().map(({ command }) => command), ["publish"]);
  });

  test("losses right after success meet growing pauses", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("s");
    for (const pause of [500, 1000, 2000]) {
      await page.live("s", "play");
      page.socket.takeCommands();
      peers.at(-1).become("failed");
      await pass(pause - 50);
      assert.equal(page.socket.commands().length, 1);
      await pass(50);
      assert.equal(page.socket.commands().length, 2);
    }
  });

  test("a loss after a good while is made good at once", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("s");
    for (let turn = 0; turn < 4; turn++) {
      await page.live("s", "play");
      for (let second = 0; second < 11; second++) {
        await pass(1000, 500);
        page.socket.say({ command: "pong" });
      }
      page.socket.takeCommands();
      peers.at(-1).become("failed");
      await pass(500);
      assert.equal(page.socket.commands().length, 2);
    }
  });

  test("`stop` of the server is the end", async () => {
    const page = await Page.open();
    page.adaptor.publish("s");
    await settle();
    await page.live("s", "publish");
    page.socket.refuse("user_blocked", "s");
    page.socket.notify("publish_finished", "s");
    page.socket.say({ command: "stop", streamId: "s" });
    page.socket.takeCommands();
    await pass(30_000, 1000);

    assert.equal(page.states("s").at(-1), "ended");
    for (const socket of sockets) assert.equal(socket.commands().length, 0);
  });

  test("publish_finished alone is followed by another attempt", async () => {
    const page = await Page.open();
    page.adaptor.publish("s");
    await settle();
    await page.live("s", "publish");
    page.socket.notify("publish_finished", "s");
    page.socket.takeCommands();
    await pass(500);

    assert.deepEqual(page.socket.commands().map(({ command }) => command), ["publish"]);
  });

  test("play_finished waits for the stream's return", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("s");
    await page.live("s", "play");
    page.socket.notify("play_finished", "s");
    assert.equal(page.adaptor.sessionState("s"), "waiting");
    assert.equal(peers[0].signalingState, "closed");
    page.socket.takeCommands();
    await pass(2000);

    assert.deepEqual(page.socket.commands().map(({ command }) => command), ["play"]);
  });

  test("the end of the attempt before does not end this one", async () => {
    const page = await Page.open(PLAY);
    page.adaptor.play("s");
    await page.live("s", "play");
    peers[0].become("failed");
    await pass(500);
    page.socket.notify("play_finished", "s");

    assert.equal(page.adaptor.sessionState("s"), "reconnecting");
    await page.live("s", "play");
    assert.equal(page.adaptor.sessionState("s"), "live");
  });
});
