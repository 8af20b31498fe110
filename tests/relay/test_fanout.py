"""One burst to many viewers: protected for each, counted, never waited for."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest

from relay import fanout
from relay.aiortc_adapter import protect_rtp
from relay.batch import Batch
from relay.burst import group_packets
from relay.fanout import (
    MAX_AHEAD,
    MAX_LATE_PACKETS,
    FanOut,
    Rewrite,
    Target,
    send_again,
)
from relay.packet import parse_packet, rewrite_header
from relay.udp import SOL_UDP, UDP_SEGMENT, MediaSocket, gso_works
from tests.relay.srtp import Receiver, Sender
from tests.relay.test_packet import make_packet

SIZES = (500, 490, 500, 30)
HIGHEST = 9


class Viewer:
    """A viewer with a socket of its own."""

    def __init__(self, sender: MediaSocket, tag_bytes: int = 16) -> None:
        self.sent_packets = 0
        self.dropped_packets = 0
        self._srtp = Sender(tag_bytes)
        self._receiver = Receiver(tag_bytes)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.target = Target(
            self, self._srtp.handle, sender, self.sock.getsockname(), tag_bytes
        )

    def received(self) -> list[bytes]:
        packets = []
        while True:
            try:
                packets.append(self._receiver.unprotect(self.sock.recv(2048)))
            except BlockingIOError:
                return packets


class RefusingBatch(Batch):
    """A batch that the kernel refuses with `error`."""

    error = 0
    calls = 0

    def send(self, descriptor: int, first: int, count: int) -> int:
        type(self).calls += 1
        raise OSError(self.error, "refused")


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> type[RefusingBatch]:
    """All batches made from now on are refused."""

    class Refused(RefusingBatch):
        pass

    monkeypatch.setattr(fanout, "Batch", Refused)
    return Refused


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        yield sock


@pytest.fixture
def viewers() -> Iterator[list[Viewer]]:
    """The test's viewers: their sockets are closed."""
    made: list[Viewer] = []
    yield made
    for viewer in made:
        viewer.sock.close()


def a_group() -> list[bytes]:
    packets = [make_packet(bytes(n), seq=i) for i, n in enumerate(SIZES)]
    (group,) = group_packets(packets)
    return group


@pytest.mark.parametrize(
    "gso",
    [
        False,
        pytest.param(
            True,
            marks=pytest.mark.skipif(not gso_works(), reason="no UDP_SEGMENT here"),
        ),
    ],
)
@pytest.mark.parametrize("tag_bytes", [16, 10])
def test_every_viewer_gets_the_same_packets(
    udp: socket.socket, viewers: list[Viewer], gso: bool, tag_bytes: int
) -> None:
    sender = MediaSocket(udp, gso=gso)
    viewers += [Viewer(sender, tag_bytes) for _ in range(3)]
    fan_out = FanOut()
    fan_out.set_targets([viewer.target for viewer in viewers])
    fan_out.send(a_group(), HIGHEST)
    fan_out.send([make_packet(seq=9)], HIGHEST)
    for viewer in viewers:
        assert viewer.received() == [*a_group(), make_packet(seq=9)]
        assert (viewer.sent_packets, viewer.dropped_packets) == (5, 0)


def test_viewers_of_both_tag_sizes_share_a_burst(
    udp: socket.socket, viewers: list[Viewer]
) -> None:
    sender = MediaSocket(udp, gso=gso_works())
    viewers += [Viewer(sender, 16), Viewer(sender, 10), Viewer(sender, 16)]
    fan_out = FanOut()
    fan_out.set_targets([viewer.target for viewer in viewers])
    fan_out.send(a_group(), HIGHEST)
    assert [viewer.received() for viewer in viewers] == [a_group()] * 3


@pytest.mark.parametrize("refusal", [errno.EINVAL, errno.EIO, errno.EMSGSIZE])
def test_a_path_without_segmentation_gets_single_packets(
    udp: socket.socket,
    viewers: list[Viewer],
    refused: type[RefusingBatch],
    refusal: int,
) -> None:
    refused.error = refusal
    sender = MediaSocket(udp, gso=True)
    viewers.append(Viewer(sender))
    fan_out = FanOut()
    fan_out.set_targets([viewers[0].target])
    fan_out.send(a_group(), HIGHEST)
    assert viewers[0].received() == a_group()
    assert (viewers[0].sent_packets, viewers[0].dropped_packets) == (4, 0)
    assert sender.gso  # other paths keep it


def test_a_viewer_that_the_kernel_refuses_stops_nobody_else(
    udp: socket.socket, viewers: list[Viewer]
) -> None:
    sender = MediaSocket(udp, gso=gso_works())
    viewers += [Viewer(sender) for _ in range(3)]
    targets = [viewer.target for viewer in viewers]
    targets[1] = targets[1]._replace(address=("127.0.0.1", 0))  # EINVAL
    fan_out = FanOut()
    fan_out.set_targets(targets)
    fan_out.send(a_group(), HIGHEST)
    fan_out.send([make_packet(seq=9)], HIGHEST)
    everything = [*a_group(), make_packet(seq=9)]
    assert [v.received() for v in viewers] == [everything, [], everything]
    assert [v.sent_packets for v in viewers] == [5, 0, 5]
    assert [v.dropped_packets for v in viewers] == [0, 5, 0]


def test_many_viewers_get_every_packet_once(
    udp: socket.socket, viewers: list[Viewer]
) -> None:
    sender = MediaSocket(udp, gso=gso_works())
    viewers += [Viewer(sender) for _ in range(35)]  # more than two batches
    fan_out = FanOut()
    fan_out.set_targets([viewer.target for viewer in viewers])
    fan_out.send(a_group(), HIGHEST)
    assert all(viewer.received() == a_group() for viewer in viewers)


def test_an_ipv6_viewer_is_reached(viewers: list[Viewer]) -> None:
    with (
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as receiver,
    ):
        sender = MediaSocket(sock, gso=gso_works())
        try:
            receiver.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 here")
        receiver.setblocking(False)
        viewers.append(Viewer(sender))
        target = viewers[0].target._replace(address=receiver.getsockname())
        fan_out = FanOut()
        fan_out.set_targets([target])
        fan_out.send(a_group(), HIGHEST)
        assert len([receiver.recv(2048) for _ in a_group()]) == len(a_group())


@pytest.mark.parametrize("gso", [False, True])
def test_a_send_that_would_block_is_counted_and_not_repeated(
    udp: socket.socket,
    viewers: list[Viewer],
    refused: type[RefusingBatch],
    gso: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused.error = errno.EAGAIN
    singles: list[object] = []

    def refuse(data: object, address: object) -> int:
        singles.append(address)
        raise BlockingIOError

    sender = MediaSocket(udp, gso=gso)
    monkeypatch.setattr(sender, "_sendto", refuse)
    viewers.append(Viewer(sender))
    fan_out = FanOut()
    fan_out.set_targets([viewers[0].target])
    fan_out.send(a_group(), HIGHEST)
    assert viewers[0].sent_packets == 0
    assert viewers[0].dropped_packets == 4
    assert len(singles) == (0 if gso else 4)
    # The batch, then the viewer that stopped it: nobody is asked a third time.
    assert refused.calls == (2 if gso else 0)


@pytest.mark.parametrize("count", [1, 4])
def test_a_viewer_whose_packets_cannot_be_protected_holds_up_nobody(
    udp: socket.socket, viewers: list[Viewer], count: int
) -> None:
    sender = MediaSocket(udp, gso=False)
    viewers += [Viewer(sender), Viewer(sender)]
    fan_out = FanOut()
    fan_out.set_targets([viewer.target for viewer in viewers])
    far_ahead = make_packet(seq=0x7000)  # whatever follows is older than the window
    assert protect_rtp(viewers[0].target.handle, far_ahead) is not None
    fan_out.send(a_group()[:count], HIGHEST)
    assert viewers[1].received() == a_group()[:count]
    assert viewers[0].received() == []
    assert viewers[0].dropped_packets == count


def test_without_targets_nothing_is_sent() -> None:
    FanOut().send(a_group(), HIGHEST)


@pytest.mark.skipif(not gso_works(), reason="no UDP_SEGMENT here")
def test_nothing_is_cut_after_a_burst(
    udp: socket.socket, viewers: list[Viewer]
) -> None:
    """A socket that still cuts would break longer answers to STUN and RTCP."""
    viewers.append(Viewer(MediaSocket(udp, gso=True)))
    fan_out = FanOut()
    fan_out.set_targets([viewers[0].target])
    fan_out.send(a_group(), HIGHEST)
    assert udp.getsockopt(SOL_UDP, UDP_SEGMENT) == 0


# -- numbers of a viewer's own ------------------------------------------------


def rewritten(viewer: Viewer, index: int, floor: int = 0) -> Target:
    return viewer.target._replace(
        rewrite=Rewrite(1000 * index, 70000 * index, 9000 + index), floor=floor
    )


def as_sent(packets: list[bytes], index: int) -> list[bytes]:
    return [
        rewrite_header(packet, 1000 * index, 70000 * index, 9000 + index)
        for packet in packets
    ]


@pytest.mark.parametrize("gso", [False, True])
@pytest.mark.parametrize("tag_bytes", [16, 10])
def test_each_viewer_gets_its_own_numbers_and_others_the_shared_ones(
    udp: socket.socket, viewers: list[Viewer], gso: bool, tag_bytes: int
) -> None:
    sender = MediaSocket(udp, gso=gso and gso_works())
    viewers += [Viewer(sender, tag_bytes) for _ in range(20)]  # over one batch
    shared, own = viewers[:2], viewers[2:]
    fan_out = FanOut()
    fan_out.set_targets(
        [viewer.target for viewer in shared]
        + [rewritten(viewer, index) for index, viewer in enumerate(own)]
    )
    sent = [*a_group(), make_packet(seq=9)]
    fan_out.send(a_group(), HIGHEST)
    fan_out.send(sent[-1:], HIGHEST)
    assert [viewer.received() for viewer in shared] == [sent, sent]
    for index, viewer in enumerate(own):
        assert viewer.received() == as_sent(sent, index)
        assert (viewer.sent_packets, viewer.dropped_packets) == (5, 0)


def test_numbers_wrap_within_their_fields(
    udp: socket.socket, viewers: list[Viewer]
) -> None:
    viewers.append(Viewer(MediaSocket(udp, gso=False)))
    fan_out = FanOut()
    fan_out.set_targets(
        [viewers[0].target._replace(rewrite=Rewrite(-10, -(1 << 33) - 5, 7))]
    )
    fan_out.send([make_packet(seq=3)], 3)
    (data,) = viewers[0].received()
    first = parse_packet(make_packet(seq=3))
    packet = parse_packet(data)
    assert packet.seq == 65529
    assert packet.timestamp == (first.timestamp - 5) & 0xFFFFFFFF


def test_a_late_packet_goes_only_to_those_who_had_started(
    udp: socket.socket, viewers: list[Viewer]
) -> None:
    sender = MediaSocket(udp, gso=gso_works())
    viewers += [Viewer(sender) for _ in range(3)]
    fan_out = FanOut()
    highest = 5 << 16 | 3  # the group's numbers are 0 to 3 of this cycle
    floors = [highest - 3, highest - 1, highest + 1]
    fan_out.set_targets(
        [
            rewritten(viewer, 1, floor)
            for viewer, floor in zip(viewers, floors, strict=True)
        ]
    )
    group = a_group()
    fan_out.send(group, highest)
    everything = as_sent(group, 1)
    assert [v.received() for v in viewers] == [everything, everything[2:], []]
    assert [v.sent_packets for v in viewers] == [4, 2, 0]


def test_a_late_packet_is_kept_from_those_who_share_its_bytes_too(
    udp: socket.socket, viewers: list[Viewer]
) -> None:
    sender = MediaSocket(udp, gso=gso_works())
    viewers += [Viewer(sender) for _ in range(2)]
    fan_out = FanOut()
    highest = 5 << 16 | 3
    floors = [highest - 1, highest - 3]
    fan_out.set_targets(
        [v.target._replace(floor=f) for v, f in zip(viewers, floors, strict=True)]
    )
    group = a_group()
    fan_out.send(group, highest)
    assert [v.received() for v in viewers] == [group[2:], group]


@pytest.mark.parametrize("gso", [False, True])
def test_what_is_sent_again_has_not_a_byte_more(
    udp: socket.socket, viewers: list[Viewer], gso: bool
) -> None:
    viewers.append(Viewer(MediaSocket(udp, gso=gso and gso_works())))
    sizes = (90, 90, 88, 90, 7)
    packets = [make_packet(bytes(size), seq=seq) for seq, size in enumerate(sizes)]
    send_again(packets, viewers[0].target)
    assert viewers[0].received() == packets
    assert viewers[0].sent_packets == 5


def test_a_late_packet_is_found_behind_a_leap_of_the_same_wake_up(
    udp: socket.socket, viewers: list[Viewer]
) -> None:
    sender = MediaSocket(udp, gso=gso_works())
    viewers += [Viewer(sender)]
    fan_out = FanOut()
    late = 5 << 16 | 3
    fan_out.set_targets([rewritten(viewers[0], 1, late + 1)])
    fan_out.send([make_packet(seq=3)], late + MAX_LATE_PACKETS + MAX_AHEAD)
    assert viewers[0].received() == []
