"""One viewer's own numbering: no gap, no repeat, whatever starts and stops."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from relay.fanout import MAX_AHEAD, MAX_LATE_PACKETS, SendCounter, Target
from relay.lane import Lane
from relay.negotiation import IncomingTrack
from relay.packet import RtpPacket, parse_packet, rewrite_header
from relay.rtcp import RtcpPacket, SenderReport, parse_compound
from relay.seqno import timestamp_diff
from relay.stream import Stream
from relay.track import Track
from tests.relay.raw_peer import DELTA_FRAME, KEY_FRAME
from tests.relay.test_track import AUDIO, VIDEO

SSRC, RTX_SSRC = 4001, 4002


class Viewer:
    """What a lane asks of its viewer. `sent`: its packets as they would go out."""

    started = True

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.reports: list[RtcpPacket] = []

    def target(self, counter: SendCounter) -> Target:
        return Target(counter, self, cast(Any, None), ("", 0), 16)

    def send_rtcp(self, data: bytes) -> None:
        self.reports += parse_compound(data)


class RewritingFanOut:
    """The network: keeps for each viewer what relay.fanout would send it."""

    def __init__(self) -> None:
        self.targets: list[Target] = []

    def set_targets(self, targets: list[Target]) -> None:
        self.targets = targets

    def send(self, group: list[bytes], highest: int) -> None:
        for target in self.targets:
            viewer = cast(Viewer, target.handle)
            for packet in group:
                number = highest - ((highest - int.from_bytes(packet[2:4])) & 0xFFFF)
                if number >= target.floor:
                    viewer.sent.append(as_sent(packet, target))


def as_sent(packet: bytes, target: Target) -> bytes:
    return rewrite_header(packet, *target.rewrite) if target.rewrite else packet


@dataclass
class Source:
    """A stream of one track and its publisher."""

    incoming: IncomingTrack
    name: str = "x"
    seq: int = 65530
    stream: Stream = field(init=False)

    def __post_init__(self) -> None:
        self.stream = Stream(f"A/{self.name}", (self.incoming,))
        self.track.fan_out = cast(Any, RewritingFanOut())

    @property
    def track(self) -> Track:
        return self.stream.tracks[self.incoming.kind]

    def queue(self, now: float, seq: int, payload: bytes) -> None:
        clock_rate = self.track.clock_rate
        packet = RtpPacket(
            self.incoming.codec.payload_type,
            False,
            seq & 0xFFFF,
            int(now * clock_rate) & 0xFFFFFFFF,
            5,
            {},
            payload,
        )
        self.track.forward(packet, self.incoming, now)

    def send(self, now: float, payload: bytes = b"opus", skip: int = 0) -> None:
        self.seq += 1 + skip
        self.queue(now, self.seq, payload)
        self.track.flush(now)

    def key_frame(self, now: float) -> None:
        self.send(now, KEY_FRAME)


def make_lane(viewer: Viewer, kind: str = "video") -> Lane:
    return Lane(cast(Any, viewer), kind, SSRC, RTX_SSRC, "name")


def shared_lane(viewer: Viewer, source: Source) -> Lane:
    outgoing = source.track.outgoing
    return Lane(
        cast(Any, viewer),
        source.incoming.kind,
        outgoing.ssrc,
        outgoing.rtx_ssrc,
        outgoing.cname,
    )


def numbers(viewer: Viewer) -> list[int]:
    packets = [parse_packet(data) for data in viewer.sent]
    return [(packet.seq - packets[0].seq) & 0xFFFF for packet in packets]


# -- starts and stops ---------------------------------------------------------


def test_a_fresh_lane_of_the_tracks_own_ssrc_shares_its_bytes() -> None:
    viewer, source = Viewer(), Source(VIDEO)
    lane = shared_lane(viewer, source)
    lane.attach(source.stream, source.track)
    source.send(0.9, DELTA_FRAME)
    source.key_frame(1.0)
    assert lane.is_shared
    (data,) = viewer.sent
    assert data == source.track.history.get(int.from_bytes(data[2:4]), 1.0)


def test_audio_resumes_with_the_next_packet_and_no_gap() -> None:
    viewer, source = Viewer(), Source(AUDIO)
    lane = shared_lane(viewer, source)
    lane.attach(source.stream, source.track)
    source.send(1.0)
    lane.detach()
    for _ in range(5):
        source.send(2.0)
    lane.attach(source.stream, source.track)
    source.send(3.0, b"back")
    assert numbers(viewer) == [0, 1]
    first, second = map(parse_packet, viewer.sent)
    assert second.payload == b"back"
    assert second.timestamp - first.timestamp == 2 * 48000


def test_video_resumes_at_a_key_frame() -> None:
    viewer, source = Viewer(), Source(VIDEO)
    lane = shared_lane(viewer, source)
    lane.attach(source.stream, source.track)
    source.key_frame(1.0)
    lane.detach()
    lane.attach(source.stream, source.track)
    source.send(2.0, DELTA_FRAME)
    assert len(viewer.sent) == 1
    source.key_frame(3.0)
    source.send(4.0, DELTA_FRAME)
    assert numbers(viewer) == [0, 1, 2]
    assert parse_packet(viewer.sent[1]).payload == KEY_FRAME


def test_a_key_frame_within_a_wake_up_starts_only_those_who_wait() -> None:
    runs, waits, source = Viewer(), Viewer(), Source(VIDEO)
    shared_lane(runs, source).attach(source.stream, source.track)
    source.key_frame(0.9)
    runs.sent.clear()
    make_lane(waits).attach(source.stream, source.track)
    payloads = (DELTA_FRAME, DELTA_FRAME, KEY_FRAME, DELTA_FRAME)
    for ahead, payload in enumerate(payloads, 1):
        source.queue(1.0 + ahead / 30, source.seq + ahead, payload)
    source.track.flush(2.0)
    assert len(runs.sent) == 4
    assert [parse_packet(data).payload for data in waits.sent] == [
        KEY_FRAME,
        DELTA_FRAME,
    ]


def test_what_is_older_than_the_start_is_not_sent() -> None:
    viewer, source = Viewer(), Source(VIDEO)
    source.send(1.0, DELTA_FRAME)
    source.send(1.1, DELTA_FRAME, skip=1)
    make_lane(viewer).attach(source.stream, source.track)
    source.key_frame(1.2)
    source.queue(1.3, source.seq - 2, DELTA_FRAME)  # the one that was missing
    source.track.flush(1.3)
    source.send(1.4, DELTA_FRAME)
    assert [parse_packet(data).payload for data in viewer.sent] == [
        KEY_FRAME,
        DELTA_FRAME,
    ]
    assert numbers(viewer) == [0, 1]


def test_a_slot_continues_its_numbers_with_another_track() -> None:
    viewer = Viewer()
    first, second = Source(VIDEO, "one", 100), Source(VIDEO, "two", 40000)
    lane = make_lane(viewer)
    lane.attach(first.stream, first.track)
    first.key_frame(1.0)
    first.send(1.5, DELTA_FRAME)
    lane.attach(second.stream, second.track)
    first.send(2.0, DELTA_FRAME)
    second.send(2.0, DELTA_FRAME)
    second.key_frame(2.5)
    packets = [parse_packet(data) for data in viewer.sent]
    assert numbers(viewer) == [0, 1, 2]
    assert {packet.ssrc for packet in packets} == {SSRC}
    assert timestamp_diff(packets[2].timestamp, packets[1].timestamp) == 90000
    assert len(first.track.receivers) == 0


def test_an_ended_stream_lets_go_of_all() -> None:
    viewer, source = Viewer(), Source(VIDEO)
    lane = shared_lane(viewer, source)
    lane.attach(source.stream, source.track)
    source.key_frame(1.0)
    source.stream.release()
    source.send(1.1, DELTA_FRAME)
    assert len(viewer.sent) == 1
    assert lane.track is None
    assert lane.find(int.from_bytes(viewer.sent[0][2:4]), 1.0) is None


# -- reports ------------------------------------------------------------------


def test_a_lanes_report_has_its_ssrc_its_timestamps_and_its_counts() -> None:
    viewer, source = Viewer(), Source(AUDIO)
    other = Source(AUDIO, "other")
    lane = make_lane(viewer, "audio")
    lane.attach(other.stream, other.track)
    other.send(1.0)
    lane.attach(source.stream, source.track)
    assert lane.sender_report(1.0) is None  # it waits
    source.send(2.0)
    assert lane.sender_report(2.0) is None  # the source told no time yet
    rtp = int(2.0 * 48000)
    source.track.remember_report(SenderReport(5, 7 << 32, rtp, 1, 1), 2.0)
    data = lane.sender_report(3.0)
    assert data is not None
    (report,) = parse_compound(data)
    assert isinstance(report, SenderReport)
    last = parse_packet(viewer.sent[-1])
    assert report.ssrc == SSRC
    assert report.ntp == 8 << 32
    assert timestamp_diff(report.rtp_timestamp, last.timestamp) == 48000
    assert (report.packet_count, report.octet_count) == (2, 8)


# -- any order ----------------------------------------------------------------

SEND, KEY, SKIP, LATE, ATTACH, DETACH, RETURN = range(7)
ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(
            [SEND, SEND, SEND, KEY, KEY, SKIP, LATE, ATTACH, ATTACH, DETACH, RETURN]
        ),
        st.integers(0, 2),
    ),
    max_size=60,
)


@settings(max_examples=300, deadline=None)
@given(ACTIONS, st.sampled_from(["video", "audio"]), st.booleans())
def test_numbers_never_repeat_and_gaps_are_the_tracks_own(
    actions: list[tuple[int, int]], kind: str, shares: bool
) -> None:
    viewer = Viewer()
    incoming = VIDEO if kind == "video" else AUDIO
    sources = [Source(incoming, name, 65500 + 7 * i) for i, name in enumerate("abc")]
    lane = shared_lane(viewer, sources[0]) if shares else make_lane(viewer, kind)
    now = 1000.0
    starts: list[int] = []  # how much was sent at each attachment
    missing: dict[int, list[int]] = {0: [], 1: [], 2: []}
    for action, which in actions:
        source = sources[which]
        now += 0.02
        if action in (SEND, KEY):
            source.send(now, KEY_FRAME if action == KEY else DELTA_FRAME)
        elif action == SKIP:
            missing[which].append(source.seq + 1)
            source.send(now, DELTA_FRAME, skip=1)
        elif action == LATE and missing[which]:
            source.queue(now, missing[which].pop(), DELTA_FRAME)
            source.track.flush(now)
        elif action == ATTACH:
            if lane.track is not source.track:
                starts.append(len(viewer.sent))
            lane.attach(source.stream, source.track)
        elif action == DETACH:
            lane.detach()
        elif action == RETURN:
            missing[which].clear()
            source.track.change_source(now)
            source.seq += 5000
    check_numbers(viewer.sent)
    check_starts(viewer.sent, starts, kind)
    for data in viewer.sent[-20:]:
        found = lane.find(int.from_bytes(data[2:4]), now)
        assert found is None or found[0] == data


def check_numbers(sent: list[bytes]) -> None:
    """Each number once; what is left out is left out for good, or came late."""
    unwrapped: list[int] = []
    for data in sent:
        seq = int.from_bytes(data[2:4])
        last = unwrapped[-1] if unwrapped else seq
        unwrapped.append(last + ((seq - last + 0x8000) & 0xFFFF) - 0x8000)
    assert len(set(unwrapped)) == len(unwrapped)
    highest = -1
    for number in unwrapped:
        if highest >= 0:
            assert number <= highest + 2  # SKIP leaves out one
        highest = max(highest, number)


def check_starts(sent: list[bytes], starts: list[int], kind: str) -> None:
    for index in starts:
        if not 0 < index < len(sent):
            continue
        before, after = parse_packet(sent[index - 1]), parse_packet(sent[index])
        assert timestamp_diff(after.timestamp, before.timestamp) > 0
        if kind == "video":
            assert after.payload == KEY_FRAME
            assert after.seq == (before.seq + 1) & 0xFFFF


# -- waiting ------------------------------------------------------------------


def test_who_waits_goes_on_wishing_when_a_key_frame_comes_too_late() -> None:
    viewer, source = Viewer(), Source(VIDEO)
    for index in range(MAX_LATE_PACKETS + 2):
        source.send(index / 1000, DELTA_FRAME)
    make_lane(viewer).attach(source.stream, source.track)
    key_frames = source.track.key_frames
    source.track.request_key_frame(1.0)
    assert key_frames.due(1.0)
    source.queue(1.1, source.seq - MAX_LATE_PACKETS, KEY_FRAME)
    assert not key_frames.due(2.0)
    source.send(2.0, DELTA_FRAME)
    assert key_frames.due(2.0)


def test_a_key_frame_after_hours_without_one_is_new() -> None:
    viewer, source = Viewer(), Source(VIDEO)
    source.key_frame(1.0)
    make_lane(viewer).attach(source.stream, source.track)
    source.send(2.0, DELTA_FRAME)
    source.key_frame(1.0 + 0.7 * (1 << 32) / 90000)
    assert [parse_packet(data).payload for data in viewer.sent] == [KEY_FRAME]


def test_what_was_sent_a_cycle_ago_is_not_taken_for_what_is_missing() -> None:
    """Under one number, other bytes would go out with the same nonce."""
    viewer, source = Viewer(), Source(AUDIO)
    lane = shared_lane(viewer, source)
    lane.attach(source.stream, source.track)
    source.send(1.0)
    first = parse_packet(viewer.sent[0]).seq
    for _ in range(40):
        source.send(1.1, skip=MAX_AHEAD - 2)
    assert lane.highest - 40 * (MAX_AHEAD - 1) == first
    assert lane.find(first, 1.2) is None
    assert lane.find(lane.highest & 0xFFFF, 1.2) is not None
