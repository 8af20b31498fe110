"""Ladders of live streams, with real encoder processes."""

from __future__ import annotations

import itertools
import signal
import sys

import av
import pytest

from relay.control import EncoderFailed, EncoderProblem, EncoderSetting
from relay.encoder import child, link, stream_encoder
from relay.encoder.load import CALM_SECONDS, SETTLE_SECONDS
from relay.encoder.spawn import PASSED_FD
from relay.encoders import Encoders
from relay.packet import parse_packet
from relay.rendition import Rendition
from relay.track import Track
from tests.relay.conftest import RunningRelay
from tests.relay.encoder.media import Camera, likeness_db
from tests.relay.encoder.studio import Studio, is_alive, kill, until

LOW = EncoderSetting(120, 150_000)
SAME = EncoderSetting(240, 400_000, force_same_resolution=True)


@pytest.mark.parametrize("codec", ["VP8", "H264", "VP9"])
async def test_a_stream_gets_its_renditions(relay: RunningRelay, codec: str) -> None:
    studio = Studio(relay, LOW, SAME, codec=codec)
    studio.camera.orientation = 3
    await studio.film_ladder(240, 120)
    assert [rendition.name for rendition in studio.renditions] == ["240p", "120p"]
    screens = [studio.screen(rendition) for rendition in studio.renditions]
    await studio.film(lambda: all(len(screen.pictures) > 10 for screen in screens))
    for screen, size in zip(screens, [(320, 240), (160, 120)], strict=True):
        assert {picture[:2] for picture in screen.pictures} == {size}
        times = [picture[2] for picture in screen.pictures]
        assert set(times) <= set(studio.sent)
        assert [t for t in studio.sent if t in set(times)] == times
        assert set(screen.orientations) == {b"\x03"}
    names = {r.video.source_codec.name for r in studio.renditions}
    assert names == {"H264" if codec == "H264" else "VP8"}


async def test_a_rendition_shows_what_the_stream_shows(relay: RunningRelay) -> None:
    studio = Studio(relay, SAME)
    await studio.film_ladder(240)
    screen = studio.screen(studio.renditions[0])
    own = studio.screens.setdefault(studio.video, type(screen)("VP8"))
    tap = studio.video.tap
    assert tap is not None

    def both(wire: bytes) -> None:
        tap(wire)
        own.show(wire)

    studio.video.tap = both
    studio.video.request_key_frame(0)
    await studio.film(lambda: len(screen.pictures) > 20 and len(own.pictures) > 20)
    await until(lambda: screen.pictures[-1][2] == own.pictures[-1][2])
    assert screen.last is not None
    assert own.last is not None
    assert likeness_db(screen.last, own.last) > 25


async def test_a_rendition_keeps_the_streams_clock(relay: RunningRelay) -> None:
    studio = Studio(relay, LOW)
    await studio.film_ladder(120)
    track = studio.renditions[0].video
    assert track.clock_of is studio.video
    assert track.outgoing.ssrc == studio.video.outgoing.ssrc


async def test_a_key_frame_is_made_on_request(relay: RunningRelay) -> None:
    studio = Studio(relay, LOW)
    await studio.film_ladder(120)
    for _ in range(2):
        screen = studio.screen(studio.renditions[0])  # sees nothing without one
        await studio.film(lambda screen=screen: screen.pictures)  # type: ignore[misc]


async def test_its_death_leaves_the_original_and_it_comes_back(
    relay: RunningRelay,
) -> None:
    studio = Studio(relay, LOW)
    await studio.film_ladder(120)
    own = studio.renditions[0]
    first = studio.encoder.pid
    kill(first, signal.SIGKILL)
    forwarded = studio.video.counters.packets
    await studio.film(lambda: not studio.renditions)
    assert studio.video.counters.packets > forwarded
    assert studio.video.tap is None
    await studio.film_ladder(120)
    assert studio.renditions[0] is not own
    assert studio.encoder.pid != first
    assert not is_alive(first)
    assert not studio.problems()


async def test_one_that_keeps_dying_is_given_up(
    relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_encoder, "FIRST_RESTART_S", 0.05)
    monkeypatch.setattr(child, "command", lambda: ["/bin/false"])
    studio = Studio(relay, LOW)
    await studio.film(lambda: not relay.events.empty() and studio.encoder._given_up)
    problem = await studio.problem()
    assert (problem.problem, problem.heights) == (EncoderProblem.NOT_OPENED, (120,))
    for _ in range(10):
        studio.send_frame()
        studio.router.encoders.tick(studio.router.clock() + 1000)
    assert not studio.encoder.is_running
    assert not studio.problems()


async def test_the_next_publisher_gets_another_try(
    relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_encoder, "FIRST_RESTART_S", 0.05)
    with monkeypatch.context() as broken:
        broken.setattr(child, "command", lambda: ["/nothing/there"])
        studio = Studio(relay, LOW)
        await studio.film(lambda: studio.encoder._given_up)
    studio.publish()
    await studio.film_ladder(120)


async def test_a_publishers_return_keeps_the_process(relay: RunningRelay) -> None:
    studio = Studio(relay, LOW)
    await studio.film_ladder(120)
    pid = studio.encoder.pid
    own = studio.renditions[0]
    studio.video.change_source(studio.router.clock())
    studio.publish()
    studio.camera = Camera(seq=5, ticks=77, ssrc=9)
    screen = studio.screen(own)
    await studio.film(lambda: len(screen.pictures) > 3)
    assert studio.encoder.pid == pid
    assert studio.renditions == [own]


async def test_the_process_ends_with_its_stream(relay: RunningRelay) -> None:
    studio = Studio(relay, LOW)
    await studio.film_ladder(120)
    pid = studio.encoder.pid
    studio.router.end_stream(studio.stream, tell_publisher=False)
    await until(lambda: not is_alive(pid))
    assert studio.router.encoders.of(studio.stream) is None
    assert studio.router.encoders.running == 0


async def test_one_that_does_not_end_is_killed(relay: RunningRelay) -> None:
    studio = Studio(relay, LOW)
    await studio.film_ladder(120)
    pid = studio.encoder.pid
    kill(pid, signal.SIGSTOP)
    studio.router.end_stream(studio.stream, tell_publisher=False)
    await until(lambda: not is_alive(pid))


async def test_one_that_hangs_is_killed_and_replaced(
    relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = Studio(relay, LOW)
    await studio.film_ladder(120)
    pid = studio.encoder.pid
    kill(pid, signal.SIGSTOP)
    dropped = studio.video.tap
    assert dropped is not None
    monkeypatch.setattr(stream_encoder, "SILENCE_S", 1.5)
    await studio.film(lambda: not is_alive(pid))
    monkeypatch.undo()
    await studio.film_ladder(120)


@pytest.mark.parametrize(
    "says",
    [
        b"",
        b"\x00junk",
        b"\x7fjunk",
        b"\x7f{}",
        link.encode(link.KeyFrame(1)),
        link.encode(link.Crashed("again and\nagain")),
    ],
)
async def test_one_that_speaks_nonsense_is_killed(
    relay: RunningRelay, monkeypatch: pytest.MonkeyPatch, says: bytes
) -> None:
    code = "import socket,time;s=socket.socket(fileno={});s.send({!r});time.sleep(99)"
    monkeypatch.setattr(
        child, "command", lambda: [sys.executable, "-c", code.format(PASSED_FD, says)]
    )
    monkeypatch.setattr(stream_encoder, "FIRST_RESTART_S", 0.05)
    studio = Studio(relay, LOW)
    await studio.film(lambda: studio.encoder._given_up)
    assert (await studio.problem()).problem is EncoderProblem.NOT_OPENED


async def test_one_that_says_too_much_is_killed(relay: RunningRelay) -> None:
    studio = Studio(relay, LOW)
    await studio.film_ladder(120)
    pid, encoder = studio.encoder.pid, studio.encoder
    assert encoder._child is not None
    now = relay.router.clock()
    encoder._checked_at, encoder._child.received = now - 2, 20_000
    encoder._watch(now)
    await until(lambda: not is_alive(pid))


async def test_packets_before_a_key_frame_make_no_rendition(
    relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do packets of renditions that nobody ordered."""
    studio = Studio(relay, LOW)
    await studio.film_ladder(120)
    (own,) = studio.renditions
    wire = studio.camera.frame(key=True)[0]
    studio.encoder._on_messages([bytes((index,)) + wire for index in (1, 5, 16, 99)])
    assert studio.renditions == [own]


async def test_what_falls_behind_is_given_up_and_said(relay: RunningRelay) -> None:
    studio = Studio(relay, *(EncoderSetting(h) for h in (2160, 1800, 1600, 120)))
    await studio.film(lambda: studio.encoder._given_up)
    problem = await studio.problem()
    assert problem.problem is EncoderProblem.BLOCKED
    assert problem.heights == (2160,)
    assert studio.encoder.is_running
    await studio.film(lambda: 2160 not in studio.heights)


async def test_the_one_with_the_fewest_viewers_goes_first(relay: RunningRelay) -> None:
    studio = Studio(relay, LOW, SAME)
    await studio.film_ladder(240, 120)
    late = link.encode(link.Status(frames=30, skipped_frames=30))
    for _ in range(6):
        studio.encoder._on_messages([late])
    await studio.film_ladder(120)
    for _ in range(6):
        studio.encoder._on_messages([late])
    await studio.film(lambda: not studio.renditions and not studio.encoder.is_running)
    events = studio.problems()
    assert [(e.problem, e.heights) for e in events] == [
        (EncoderProblem.BLOCKED, (240,)),
        (EncoderProblem.BLOCKED, (120,)),
    ]
    studio.publish()
    await studio.film_ladder(240, 120)


async def test_each_is_given_up_once_however_often_it_says_that_it_is_late(
    relay: RunningRelay,
) -> None:
    studio = Studio(relay, LOW, SAME)
    await studio.film_ladder(240, 120)
    late = link.encode(link.Status(frames=30, skipped_frames=30))
    studio.encoder._on_messages([late] * 100)
    assert [e.heights for e in studio.problems()] == [(240,), (120,)]
    assert studio.encoder._shed_heights == [240, 120]


async def test_its_tap_ends_with_it_whatever_is_the_streams_own_by_then(
    relay: RunningRelay,
) -> None:
    studio = Studio(relay, LOW)
    await studio.film_ladder(120)
    own = studio.video
    layer = Rendition(Track(studio.agreed, "name"), name="h", is_layer=True)
    studio.stream.add_rendition(layer)
    studio.stream.tracks["video"] = layer.video
    studio.encoder.tick(relay.router.clock())
    assert not studio.encoder.is_running
    assert own.tap is None


async def test_what_was_given_up_comes_back_when_there_is_room(
    relay: RunningRelay,
) -> None:
    studio = Studio(relay, LOW, SAME)
    await studio.film_ladder(240, 120)
    late = link.encode(link.Status(frames=30, skipped_frames=30))
    for _ in range(6):
        studio.encoder._on_messages([late])
    await studio.film_ladder(120)
    calm = link.encode(link.Status(frames=30, busy_percent=10))
    for _ in range(CALM_SECONDS + SETTLE_SECONDS):
        studio.encoder._on_messages([calm])
    await studio.film_ladder(240, 120)


async def test_a_codec_that_is_not_decoded_is_said_once(relay: RunningRelay) -> None:
    studio = Studio(relay, LOW, codec="AV1")
    for _ in range(5):
        studio.router.encoders.tick(studio.router.clock())
    (problem,) = studio.problems()
    assert problem == EncoderFailed(
        studio.session, "socket", EncoderProblem.NO_SETTINGS, (120,)
    )


async def test_settings_that_do_not_fit_are_said_once_the_picture_has_settled(
    relay: RunningRelay,
) -> None:
    studio = Studio(relay, EncoderSetting(480, force_encode=False))
    studio.send_frame()
    now = studio.router.clock()
    studio.router.encoders.tick(now)
    assert not studio.problems()
    for _ in range(3):
        studio.router.encoders.tick(now + stream_encoder.SETTLE_S)
    (problem,) = studio.problems()
    assert problem.problem is EncoderProblem.NO_SETTINGS
    assert not studio.encoder.is_running


async def test_the_ladder_follows_the_size_of_the_source(relay: RunningRelay) -> None:
    studio = Studio(
        relay, LOW, EncoderSetting(240, force_encode=False), size=(640, 480)
    )
    await studio.film_ladder(240, 120)
    pid = studio.encoder.pid
    low = studio.renditions[1]
    studio.camera.resize((320, 180))
    await studio.film_ladder(120)
    studio.camera.resize((640, 480))
    await studio.film_ladder(240, 120)
    assert studio.renditions[1] is low
    assert studio.encoder.pid == pid


async def test_layers_of_simulcast_need_no_encoder(relay: RunningRelay) -> None:
    studio = Studio(relay, LOW)
    await studio.film_ladder(120)
    layer = Rendition(Track(studio.agreed, "name"), name="h", is_layer=True)
    studio.stream.add_rendition(layer)
    await studio.film(lambda: not studio.encoder.is_running)
    assert studio.renditions == [layer]
    assert not studio.problems()


async def test_a_relay_has_a_largest_number_of_them(relay: RunningRelay) -> None:
    relay.router.encoders = Encoders(relay.router, limit=1)
    first = Studio(relay, LOW)
    await first.film_ladder(120)
    second = Studio(relay, LOW)
    await second.film(lambda: second.encoder._told)
    problem = await second.problem()
    assert problem.problem is EncoderProblem.NOT_OPENED
    assert not second.encoder.is_running
    relay.router.end_stream(first.stream, tell_publisher=False)
    await second.film_ladder(120)


async def test_a_stream_without_a_ladder_has_none(relay: RunningRelay) -> None:
    studio = Studio(relay)
    studio.send_frame()
    assert studio.router.encoders.of(studio.stream) is None


async def test_an_error_in_one_stream_is_not_another_ones(
    relay: RunningRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = Studio(relay, LOW), Studio(relay, LOW)
    monkeypatch.setattr(broken.encoder, "_choose", lambda now: 1 / 0)
    await sound.film_ladder(120)
    assert not broken.encoder.is_running


async def test_packets_lost_on_the_way_cost_a_key_frame_and_no_more(
    relay: RunningRelay,
) -> None:
    studio = Studio(relay, LOW)
    await studio.film_ladder(120)
    screen = studio.screen(studio.renditions[0])
    await studio.film(lambda: screen.pictures)
    tap, lost = studio.video.tap, 0
    assert tap is not None

    def lossy(wire: bytes) -> None:
        nonlocal lost
        if lost < 3:
            lost += 1
        else:
            tap(wire)

    studio.video.tap = lossy
    requests = studio.video.key_frames.sent
    await studio.film(lambda: studio.video.key_frames.sent > requests)
    seen = len(screen.pictures)
    await studio.film(lambda: len(screen.pictures) > seen + 10)
    assert {picture[:2] for picture in screen.pictures} == {(160, 120)}


async def test_late_packets_are_waited_for(relay: RunningRelay) -> None:
    studio = Studio(relay, LOW)
    await studio.film_ladder(120)
    screen = studio.screen(studio.renditions[0])
    await studio.film(lambda: screen.pictures)
    tap = studio.video.tap
    assert tap is not None
    held: list[bytes] = []

    def late(wire: bytes) -> None:
        if not held:
            held.append(wire)
        else:
            tap(wire)

    studio.video.tap = late
    requests = studio.video.key_frames.sent
    await studio.film(lambda: held)
    for _ in range(3):
        studio.send_frame()
    tap(held[0])
    studio.video.tap = tap
    await until(lambda: screen.pictures[-1][2] == studio.sent[-1])
    assert studio.video.key_frames.sent == requests


async def test_a_lower_audio_bitrate_is_an_audio_of_its_own(
    relay: RunningRelay,
) -> None:
    studio = Studio(relay, EncoderSetting(120, 150_000, 16_000), SAME)
    studio.has_sound = True
    await studio.film_ladder(240, 120)
    high, low = studio.renditions
    await studio.film(lambda: low.audio is not None)
    assert high.audio is None
    assert low.audio is not None
    heard: list[bytes] = []
    low.audio.tap = heard.append
    await studio.film(lambda: len(heard) > 120)
    own = studio.stream.tracks["audio"]
    assert low.audio.clock_of is own
    assert low.audio.outgoing == own.outgoing
    bits = sum(len(wire) - 12 for wire in heard) * 8
    assert bits / (len(heard) * 0.02) < 24_000
    packets = [parse_packet(wire) for wire in heard]
    steps = {b.timestamp - a.timestamp for a, b in itertools.pairwise(packets)}
    assert steps == {960}
    assert {p.timestamp for p in packets} <= studio.microphone.times
    decoder = av.CodecContext.create("libopus", "r")
    samples = [f.samples for p in packets for f in decoder.decode(av.Packet(p.payload))]
    assert sum(samples) > 0.9 * 960 * len(packets)


async def test_audio_that_is_low_enough_stays_as_it_is(relay: RunningRelay) -> None:
    studio = Studio(relay, EncoderSetting(120, 150_000, 128_000))
    studio.has_sound = True
    await studio.film_ladder(120)
    screen = studio.screen(studio.renditions[0])
    await studio.film(lambda: len(screen.pictures) > 60)
    assert studio.stream.tracks["audio"].rate.bits_per_s(relay.router.clock()) > 30_000
    assert studio.stream.tracks["audio"].tap is None
    assert studio.renditions[0].audio is None
