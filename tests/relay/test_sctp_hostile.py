"""The SCTP association against clients that send what they like."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from aiortc.rtcsctptransport import (
    SCTP_STATE_COOKIE,
    AbortChunk,
    InitAckChunk,
    SackChunk,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.budget import Budget
from relay.data_sdp import MAX_MESSAGE_BYTES
from relay.sctp import MAX_STREAMS
from relay.sctp_adapter import (
    GAP_CHUNKS_PER_S,
    MAX_AHEAD,
    MAX_CHANNELS,
    MAX_MISORDERED,
    MAX_STORED_CHUNKS,
    WINDOW_BYTES,
    Association,
)
from tests.relay.sctp_packets import (
    FIRST,
    LAST,
    chunk,
    chunks,
    data,
    init,
    open_message,
    packet,
    sack,
)

Heard = list[tuple[int, bytes | None, bool]]
TAG = 77
TSN = 1000


class Hostile:
    """A client that sends what it likes."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.heard: Heard = []
        self.server = Association(self.sent.append, self._hear)
        self.server.begin(5000, MAX_MESSAGE_BYTES)
        self._tag = 0

    def _hear(self, stream_id: int, message: bytes | None, is_text: bool) -> None:
        self.heard.append((stream_id, message, is_text))

    def connect(self) -> None:
        assert self.server.receive(packet(init(TAG, TSN), tag=0))
        (ack,) = chunks(self.sent[-1], InitAckChunk)
        self._tag = ack.initiate_tag
        cookie = dict(ack.params)[SCTP_STATE_COOKIE]
        assert self.give(chunk(10, cookie))
        assert self.server.state == "connected"

    def give(self, *parts: bytes) -> bool:
        return self.server.receive(packet(*parts, tag=self._tag))

    def open(self, tsn: int, stream: int = 0, label: bytes = b"x") -> None:
        self.give(data(tsn, open_message(label), stream=stream, protocol=50))

    @property
    def stored(self) -> int:
        streams = self.server._inbound_streams.values()
        return sum(cast(Any, stream).stored for stream in streams)

    @property
    def received(self) -> int:
        """The last TSN up to which nothing is missing, from the first on."""
        return cast(int, self.server._last_received_tsn) - TSN + 1


@pytest.fixture
async def hostile() -> AsyncIterator[Hostile]:
    made = Hostile()
    made.connect()
    yield made
    made.server.close()


def is_alive(hostile: Hostile) -> bool:
    """Whether a next message still arrives."""
    tsn = TSN + hostile.received
    hostile.open(tsn, stream=20)
    hostile.give(data(tsn + 1, b"alive", stream=20, seq=1))
    return (20, b"alive", True) in hostile.heard


@pytest.mark.parametrize(
    "part",
    [
        b"\x00\x00\x00\x00",
        chunk(0),
        chunk(3),
        chunk(4, struct.pack("!HH", 1, 0)),
        chunk(130, struct.pack("!HH", 13, 0)),
        sack(5, (1, 65535), (1, 65535)),
        sack(5) * 2,
        chunk(4) * 2,
        chunk(10) * 2,
        chunk(192, struct.pack("!L", TSN)) * 2,
        chunk(130, struct.pack("!HHLHH", 17, 12, 1, 1, 0) * 3),
    ],
    ids=range(11),
)
async def test_odd_packets_are_counted_and_survived(
    hostile: Hostile, part: bytes
) -> None:
    assert not hostile.give(part)
    assert is_alive(hostile)


@pytest.mark.parametrize(
    "part",
    [
        chunk(130, struct.pack("!HHLLLHH", 13, 20, 1, 2, TSN - 1, 0, 2)),
        chunk(130, struct.pack("!HHLL", 16, 12, 1, 1)),
        chunk(192, struct.pack("!L", TSN - 5)),
        chunk(9, struct.pack("!HH", 3, 4)),
        chunk(14),
        chunk(11),
        chunk(10, b"a cookie of another"),
        sack(TSN + 10_000),
        data(TSN, b"\x02", protocol=50),
        data(TSN, b"nobody listens"),
        data(TSN, open_message(b"\xff"), protocol=50),
        data(TSN, open_message(b"x"), stream=1, protocol=50),
        data(TSN + MAX_AHEAD + 10, b"far away"),
        data(TSN + 2**31 - 5, b"farther"),
    ],
    ids=range(14),
)
async def test_packets_out_of_place_are_survived(hostile: Hostile, part: bytes) -> None:
    hostile.give(part)
    assert is_alive(hostile)
    assert hostile.heard[:-2] == []


async def test_data_before_the_association_is_not_taken() -> None:
    hostile = Hostile()
    hostile._tag = hostile.server._local_verification_tag
    for _ in range(3):
        hostile.server.receive(packet(init(TAG, TSN), tag=0))
        hostile.give(sack(1))
        hostile.give(data(TSN, open_message(b"x"), protocol=50))
        hostile.give(data(TSN + 2, b"x", seq=2))
        hostile.give(chunk(192, struct.pack("!L", TSN + 5)))
    assert hostile.stored == 0
    assert hostile.heard == []
    hostile.connect()
    assert is_alive(hostile)
    hostile.server.close()


async def test_an_ended_association_does_not_begin_again(hostile: Hostile) -> None:
    hostile.open(TSN)
    hostile.give(chunk(6))
    await asyncio.sleep(0)
    hostile.sent.clear()
    hostile.heard.clear()
    hostile.server.receive(packet(init(TAG, TSN), tag=0))
    hostile.open(TSN + 1, stream=2)
    await asyncio.sleep(0)
    assert hostile.server.state == "closed"
    assert hostile.sent == []
    assert hostile.heard == []


@pytest.mark.parametrize("ended_by_peer", [True, False])
async def test_a_retransmission_that_is_due_at_the_end_is_not_made(
    hostile: Hostile, ended_by_peer: bool
) -> None:
    hostile.open(TSN)
    channel = hostile.server.channel(0)
    assert channel is not None
    hostile.server.send(channel, b"x", is_text=True)
    assert hostile.server._t3_handle is not None
    hostile.server._t3_handle.cancel()
    hostile.server._t3_expired()  # it makes a task
    if ended_by_peer:
        hostile.give(chunk(6))
    else:
        hostile.server.close()
    await asyncio.sleep(0)
    assert hostile.server._t3_handle is None


async def test_what_is_skipped_in_one_stream_costs_one_look(hostile: Hostile) -> None:
    hostile.open(TSN)
    for index in range(10):
        hostile.give(data(TSN + 1 + index, b"%d" % index, seq=100 + index))
    skipped = [struct.pack("!HH", 0, number) for number in range(1, 100)]
    assert hostile.give(chunk(192, struct.pack("!L", TSN + 11) + b"".join(skipped)))
    assert [text for _, text, _ in hostile.heard[1:]] == [b"%d" % n for n in range(10)]


async def test_our_side_of_their_channel_is_ordered_and_reliable(
    hostile: Hostile,
) -> None:
    hostile.give(data(TSN, open_message(b"x", kind=0x81), protocol=50))
    channel = hostile.server.channel(0)
    assert channel is not None
    assert channel.ordered
    assert channel.maxRetransmits is None
    assert channel.label == "x"


async def test_a_repeated_init_changes_nothing(hostile: Hostile) -> None:
    hostile.open(TSN)
    assert hostile.server.receive(packet(init(TAG, TSN), tag=0))
    assert hostile.received == 1
    assert is_alive(hostile)


async def test_gap_blocks_of_what_was_never_sent_cost_nothing(hostile: Hostile) -> None:
    last = hostile.server._local_tsn - 1
    assert hostile.give(sack(last, (1, 65535)))
    assert is_alive(hostile)


async def test_gaps_are_looked_at_as_long_as_that_is_cheap(hostile: Hostile) -> None:
    hostile.open(TSN)
    channel = hostile.server.channel(0)
    assert channel is not None
    while not hostile.server._outbound_queue:
        assert hostile.server.send(channel, b"x", is_text=True)
    first, *others = hostile.server._sent_queue
    gaps = sack(first.tsn - 1, (2, 1 + len(others)))
    debt = Budget(1e-6, 0, time.monotonic())
    debt.spend(1, time.monotonic())
    hostile.server._gaps, enough = debt, hostile.server._gaps
    hostile.give(gaps)
    assert not any(other._acked for other in others)
    hostile.server._gaps = enough
    hostile.give(gaps)
    assert all(other._acked for other in others)
    left_s = enough.spend(GAP_CHUNKS_PER_S, time.monotonic())
    assert 0 < left_s <= (1 + len(others)) / GAP_CHUNKS_PER_S


async def test_channels_are_bounded(hostile: Hostile) -> None:
    for index in range(MAX_STREAMS // 2):
        hostile.open(TSN + index, stream=2 * index)
    assert len(hostile.heard) == MAX_CHANNELS


async def test_a_channel_opened_twice_is_one(hostile: Hostile) -> None:
    hostile.open(TSN)
    hostile.give(data(TSN + 1, open_message(b"y"), seq=1, protocol=50))
    channel = hostile.server.channel(0)
    assert channel is not None
    assert channel.label == "x"
    assert len(hostile.heard) == 1


async def test_what_waits_for_a_lost_chunk_is_bounded(hostile: Hostile) -> None:
    for index in range(1, 4 * MAX_MISORDERED):
        hostile.give(data(TSN + index, b"x", seq=index))
    assert hostile.stored == MAX_MISORDERED
    await asyncio.sleep(0)
    (told,) = chunks(hostile.sent[-1], SackChunk)
    assert told.gaps == [(2, MAX_MISORDERED + 1)]
    hostile.open(TSN)
    assert hostile.stored == 0
    assert hostile.received == MAX_MISORDERED + 1


async def test_gaps_rise_where_the_numbers_begin_anew() -> None:
    hostile = Hostile()
    first = 2**32 - 2
    hostile.server.receive(packet(init(TAG, first), tag=0))
    (ack,) = chunks(hostile.sent[-1], InitAckChunk)
    hostile._tag = ack.initiate_tag
    hostile.give(chunk(10, dict(ack.params)[SCTP_STATE_COOKIE]))
    for index in (1, 2, 4):  # the last number, then 0 and 2
        hostile.give(data(first + index, b"x", seq=index))
    await asyncio.sleep(0)
    (told,) = chunks(hostile.sent[-1], SackChunk)
    assert (told.cumulative_tsn, told.gaps) == (first - 1, [(2, 3), (5, 5)])
    hostile.give(chunk(192, struct.pack("!L", first)))
    assert hostile.server._last_received_tsn == 0
    hostile.server.close()


async def test_a_sack_with_a_gap_after_each_chunk_fits_a_packet(
    hostile: Hostile,
) -> None:
    for index in range(1, 4 * MAX_MISORDERED, 2):
        hostile.give(data(TSN + index, b"x", seq=index))
    await asyncio.sleep(0)
    assert len(hostile.sent[-1]) < 1200


async def test_a_message_without_end_ends_the_association(hostile: Hostile) -> None:
    hostile.open(TSN)
    given = 0
    while hostile.server.state == "connected":
        given += 1
        assert given < 3000
        hostile.give(data(TSN + given, bytes(1100), seq=1, flags=FIRST * (given == 1)))
    assert given * 1100 <= WINDOW_BYTES + 300_000
    await asyncio.sleep(0)
    assert chunks(hostile.sent[-1], AbortChunk)


async def test_so_does_one_of_too_many_fragments(hostile: Hostile) -> None:
    hostile.open(TSN)
    given = 0
    while hostile.server.state == "connected":
        given += 1
        assert given <= 2 * MAX_STORED_CHUNKS + 1
        hostile.give(data(TSN + given, b"x", seq=1, flags=FIRST * (given == 1)))


async def test_a_fragmented_message_arrives_whole(hostile: Hostile) -> None:
    hostile.open(TSN)
    hostile.give(
        data(TSN + 1, b"o", seq=1, flags=FIRST),
        data(TSN + 2, b"n", seq=1, flags=0),
        data(TSN + 3, b"e", seq=1, flags=LAST),
    )
    assert hostile.heard[-1] == (0, b"one", True)


async def test_an_abort_closes_the_channels(hostile: Hostile) -> None:
    hostile.open(TSN)
    channel = hostile.server.channel(0)
    assert channel is not None
    hostile.give(chunk(6))
    assert channel.readyState == "closed"
    assert hostile.server.channel(0) is None


TSNS = st.integers(-2, 40).map(lambda offset: TSN + offset)
CHUNKS = st.one_of(
    st.builds(
        data,
        TSNS,
        st.binary(min_size=1, max_size=4),
        stream=st.integers(0, 3),
        seq=st.integers(0, 5),
        protocol=st.sampled_from([50, 51, 53, 56, 57, 99]),
        flags=st.integers(0, 7),
    ),
    st.builds(
        data,
        TSNS,
        st.sampled_from([open_message(b"x"), b"\x02"]),
        stream=st.integers(0, 3),
        protocol=st.just(50),
    ),
    st.builds(sack, st.integers(0, 2**32 - 1)),
    st.builds(
        lambda tsn, stream: chunk(192, struct.pack("!LHH", tsn, stream, 0)),
        TSNS,
        st.integers(0, 3),
    ),
    st.builds(
        lambda seq, tsn, stream: chunk(
            130, struct.pack("!HHLLLH", 13, 18, seq, 0, tsn, stream)
        ),
        TSNS,
        TSNS,
        st.integers(0, 3),
    ),
    st.builds(chunk, st.sampled_from([4, 5, 8, 9, 10, 11, 14]), st.binary(max_size=8)),
)


@given(st.lists(st.lists(CHUNKS, min_size=1, max_size=3), max_size=30))
@settings(deadline=None, max_examples=150)
def test_no_order_of_chunks_ends_in_an_error_or_keeps_too_much(
    packets: list[list[bytes]],
) -> None:
    async def run() -> None:
        hostile = Hostile()
        hostile.connect()
        for parts in packets:
            hostile.give(*parts)
        assert hostile.stored <= 2 * MAX_STORED_CHUNKS
        await asyncio.sleep(0)
        hostile.server.close()

    asyncio.run(run())
