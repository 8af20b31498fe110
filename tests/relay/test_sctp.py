"""SCTP packets that are let through to aiortc, and those that are not."""

from __future__ import annotations

import struct

import pytest
from aiortc.rtcsctptransport import parse_packet
from hypothesis import example, given
from hypothesis import strategies as st

from relay.sctp import (
    MAX_LABEL_BYTES,
    MAX_STREAMS,
    is_channel_ack,
    is_channel_open,
    is_sane,
)
from tests.relay.sctp_packets import (
    chunk,
    data,
    init,
    open_message,
    packet,
    parameter,
    sack,
)

RESET = struct.pack("!LLL", 1, 2, 3)
SHORT_INIT = struct.pack("!LLHH", 1, 0, 1, 1)  # without its first number


@pytest.mark.parametrize(
    "chunks",
    [
        [init()],
        [init(parameters=parameter(0x8008, b"\xc0\x82") + parameter(0xC000))],
        [data(1, b"x")],
        [data(1, b"x"), data(2, b"yy"), sack(5)],
        [sack(5, (2, 3), (5, 5))],
        [chunk(4, parameter(1, b"beat"))],
        [chunk(6)],
        [chunk(7, bytes(4))],
        [chunk(10, b"cookie")],
        [chunk(11)],
        [chunk(130, parameter(13, RESET + struct.pack("!HH", 0, 2)))],
        [chunk(130, parameter(16, bytes(8)))],
        [chunk(192, struct.pack("!LHH", 9, 2, 1))],
        [chunk(200, b"of another extension")],
    ],
)
def test_what_browsers_send_goes_through(chunks: list[bytes]) -> None:
    assert is_sane(packet(*chunks))
    parse_packet(packet(*chunks))


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [b"\x00\x00\x00"],
        [b"\x00\x00\x00\x03"],
        [b"\x00\x00\x01\x00"],
        [data(1, b"")],
        [data(1, b"x", stream=MAX_STREAMS)],
        [chunk(0, bytes(7))],
        [init(), data(1, b"x")],
        [data(1, b"x"), init()],
        [init(tag=0)],
        [init(streams=0)],
        [chunk(1, bytes(8))],
        [chunk(1, SHORT_INIT)],
        [chunk(2, SHORT_INIT)],
        [chunk(1, SHORT_INIT + bytes(3))],
        [sack(5, (3, 2))],
        [sack(5, (0, 65535))],
        [sack(5, (2, 5), (4, 9))],
        [chunk(3, struct.pack("!LLHH", 1, 1, 65535, 0))],
        [chunk(3, struct.pack("!LLHH", 1, 1, 0, 65535))],
        [chunk(7)],
        [chunk(130, parameter(13, bytes(4)))],
        [chunk(130, parameter(13, RESET + struct.pack("!H", MAX_STREAMS)))],
        [chunk(130, parameter(13, RESET + b"x"))],
        [chunk(130, parameter(16, bytes(4)))],
        [chunk(192, bytes(3))],
        [chunk(192, struct.pack("!LHH", 9, MAX_STREAMS, 1))],
        [chunk(192, bytes(6))],
    ],
    ids=range(28),
)
def test_odd_lengths_and_numbers_do_not(chunks: list[bytes]) -> None:
    assert not is_sane(packet(*chunks))


@pytest.mark.parametrize("kind", [4, 5, 6, 9, 130])
@pytest.mark.parametrize("length", [0, 1, 3, 60])
def test_a_parameter_that_stops_or_overruns_the_parser_does_not(
    kind: int, length: int
) -> None:
    """aiortc 1.16 never comes back from one of length 0."""
    assert not is_sane(packet(chunk(kind, struct.pack("!HH", 1, length))))


def test_neither_does_one_of_an_init() -> None:
    assert not is_sane(packet(init(parameters=struct.pack("!HH", 7, 0))))


@given(st.binary(max_size=200))
def test_garbage_is_judged_without_an_error(garbage: bytes) -> None:
    assert is_sane(packet(garbage)) in (True, False)
    assert is_sane(garbage) in (True, False)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 130, 192]), st.binary()
        ),
        max_size=4,
    )
)
@example([(1, SHORT_INIT)])
def test_what_goes_through_is_parsed_by_aiortc(chunks: list[tuple[int, bytes]]) -> None:
    made = packet(*(chunk(kind, body) for kind, body in chunks))
    if is_sane(made):
        parse_packet(made)


# -- channels -----------------------------------------------------------------


def test_a_channel_is_opened_by_a_message_with_readable_names() -> None:
    assert is_channel_open(open_message(b"stream1"))
    assert is_channel_open(open_message(b""))
    assert is_channel_open(open_message(b"x" * MAX_LABEL_BYTES))


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x03",
        open_message(b"x")[:-1],
        open_message(b"x") + b"y",
        open_message(b"\xff"),
        open_message(b"x" * (MAX_LABEL_BYTES + 1)),
        b"\x02" + open_message(b"x")[1:],
    ],
)
def test_and_by_nothing_else(message: bytes) -> None:
    assert not is_channel_open(message)


def test_an_acknowledgement_is_one_byte_or_more() -> None:
    assert is_channel_ack(b"\x02")
    assert is_channel_ack(b"\x02\x00")
    assert not is_channel_ack(b"")
    assert not is_channel_ack(b"\x03")
