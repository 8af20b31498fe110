"""DTLS, SRTP and the burst buffer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from aiortc.rtcdtlstransport import (
    SRTP_PROFILES,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)
from hypothesis import given
from hypothesis import strategies as st

from relay.aiortc_adapter import (
    MAX_DATAGRAM,
    MAX_QUEUED_DATA,
    MAX_QUEUED_DATAGRAMS,
    MAX_RECORDS,
    PROFILES,
    BurstBuffer,
    Certificate,
    DtlsServer,
    _Datagrams,
    protect_rtcp,
    protect_rtp,
    run_now,
    split_records,
    unprotect_rtcp,
    unprotect_rtp,
)
from relay.rtcp import build_pli
from tests.relay.conftest import WAIT_S
from tests.relay.raw_peer import CERTIFICATE, FINGERPRINT, _Pipe
from tests.relay.srtp import Receiver, Sender
from tests.relay.test_packet import make_packet

SERVER_CERTIFICATE = Certificate.generateCertificate()


class Association:
    """A DtlsServer and aiortc's client, joined without a network."""

    def __init__(self, profiles: list | None = None) -> None:
        self.connected = asyncio.Event()
        self.closed = asyncio.Event()
        self.closed_calls = 0
        self.pipe = _Pipe(self._to_server)
        self.server = DtlsServer(
            SERVER_CERTIFICATE, self._to_client, self.connected.set, self._on_closed
        )
        self.client: Any = RTCDtlsTransport(cast(Any, self.pipe), [CERTIFICATE])
        self.client._set_role("client")
        if profiles is not None:
            self.client._srtp_profiles = profiles

    def _to_server(self, data: bytes) -> None:
        self.server.feed(data)

    def _to_client(self, data: bytes) -> None:
        self.pipe.datagrams.put_nowait(data)

    def _on_closed(self) -> None:
        self.closed_calls += 1
        self.closed.set()

    async def connect(self, fingerprint: str = FINGERPRINT) -> None:
        self.server.start([("sha-256", fingerprint)])
        parameters = RTCDtlsParameters(
            [RTCDtlsFingerprint("sha-256", SERVER_CERTIFICATE.sha256_fingerprint)]
        )
        await asyncio.wait_for(self.client.start(parameters), WAIT_S)

    async def close(self) -> None:
        await self.server.close()
        await self.client.stop()


@pytest.fixture
async def association() -> AsyncIterator[Association]:
    made = Association()
    yield made
    await made.close()


async def soon(event: asyncio.Event) -> None:
    await asyncio.wait_for(event.wait(), WAIT_S)


# -- DTLS ---------------------------------------------------------------------


async def test_media_flows_both_ways_after_the_handshake(
    association: Association,
) -> None:
    await association.connect()
    await soon(association.connected)
    packet = make_packet()
    server, client = association.server, association.client
    assert client._rx_srtp.unprotect(protect_rtp(server.tx, packet)) == packet
    assert unprotect_rtp(server.rx, client._tx_srtp.protect(packet)) == packet
    assert server.is_connected


async def test_the_cheapest_profile_is_agreed(association: Association) -> None:
    await association.connect()
    await soon(association.connected)
    assert association.client._ssl.get_selected_srtp_profile() == (
        b"SRTP_AEAD_AES_128_GCM"
    )
    assert association.server.tag_bytes == 16


@pytest.mark.parametrize("profile", SRTP_PROFILES, ids=lambda p: p.openssl_profile)
async def test_every_profile_adds_what_it_says(profile: object) -> None:
    association = Association([profile])
    await association.connect()
    await soon(association.connected)
    packet = make_packet()
    protected = protect_rtp(association.server.tx, packet)
    assert protected is not None
    assert len(protected) == len(packet) + association.server.tag_bytes
    assert association.client._rx_srtp.unprotect(protected) == packet
    await association.close()


def record(body: bytes) -> bytes:
    return b"\x17\xfe\xfd" + bytes(8) + len(body).to_bytes(2) + body


async def test_all_records_of_a_datagram_are_read_and_none_is_kept(
    association: Association,
) -> None:
    await association.connect()
    await soon(association.connected)
    got: list[bytes] = []
    arrived = asyncio.Event()

    def hear(data: bytes) -> None:
        got.append(data)
        if data == b"last":
            arrived.set()

    association.server.on_data = hear
    ssl = association.client._ssl
    for texts in ([b"%d" % n for n in range(MAX_RECORDS + 20)], [b"last"]):
        records = []
        for text in texts:
            ssl.send(text)
            records.append(ssl.bio_read(1500))
        association.server.feed(b"".join(records))
    await soon(arrived)
    assert got == [*(b"%d" % n for n in range(MAX_RECORDS)), b"last"]


@pytest.mark.parametrize(
    ("datagram", "records"),
    [
        (record(b"one"), [record(b"one")]),
        (record(b"") + record(b"two"), [record(b""), record(b"two")]),
        (record(b"one") + record(b"two")[:-1], [record(b"one")]),
        (record(b"one") + bytes(12), [record(b"one")]),
        (bytes(12), []),
        (b"", []),
        (record(b"x") * 50, [record(b"x")] * MAX_RECORDS),
    ],
    ids=range(7),
)
def test_a_datagram_is_cut_into_its_whole_records(
    datagram: bytes, records: list[bytes]
) -> None:
    assert split_records(datagram) == records


async def test_another_certificate_is_refused(association: Association) -> None:
    await association.connect(":".join(["00"] * 32))
    await soon(association.closed)
    assert not association.connected.is_set()
    assert association.server.tx is None


async def test_a_fingerprint_of_an_unknown_algorithm_proves_nothing() -> None:
    association = Association()
    association.server.start([("odd-1", FINGERPRINT)])
    parameters = RTCDtlsParameters(
        [RTCDtlsFingerprint("sha-256", SERVER_CERTIFICATE.sha256_fingerprint)]
    )
    await asyncio.wait_for(association.client.start(parameters), WAIT_S)
    await soon(association.closed)
    assert not association.connected.is_set()
    await association.close()


async def test_the_peers_goodbye_closes_once(association: Association) -> None:
    await association.connect()
    await soon(association.connected)
    await association.client.stop()
    await soon(association.closed)
    await association.server.close()
    assert association.closed_calls == 1


async def test_our_goodbye_reaches_the_peer_and_calls_nobody(
    association: Association,
) -> None:
    await association.connect()
    await soon(association.connected)
    ended = asyncio.Event()
    association.client.on("statechange", ended.set)
    await association.server.close()
    await soon(ended)
    assert association.client.state == "closed"
    assert association.closed_calls == 0
    assert association.server.tx is None
    assert association.server.rx is None


async def test_closing_twice_or_before_the_start_is_harmless() -> None:
    association = Association()
    await association.server.close()
    await association.connect()
    await association.server.close()
    await association.server.close()
    await association.client.stop()


async def test_closing_during_the_handshake_ends_it() -> None:
    association = Association()
    association.server.start([("sha-256", FINGERPRINT)])
    await asyncio.sleep(0)
    await association.server.close()
    assert association.closed_calls == 0


async def test_garbage_before_the_handshake_does_not_end_it(
    association: Association,
) -> None:
    association.server.feed(b"\x16" + bytes(50))
    association.server.feed(b"\x16\xfe\xfd" + bytes(1400))
    await association.connect()
    await soon(association.connected)


async def test_waiting_datagrams_are_bounded() -> None:
    datagrams = _Datagrams(lambda data: None)
    for index in range(MAX_QUEUED_DATAGRAMS + 10):
        datagrams.put(bytes((index,)))
    assert await datagrams._recv() == bytes((10,))


async def test_a_closed_queue_ends_its_reader_and_its_sender() -> None:
    datagrams = _Datagrams(lambda data: None)
    reader = asyncio.create_task(datagrams._recv())
    await asyncio.sleep(0)
    datagrams.close()
    with pytest.raises(ConnectionError):
        await reader
    with pytest.raises(ConnectionError):
        await datagrams._send(b"x")


def test_the_cheapest_profile_comes_first() -> None:
    assert PROFILES[0].openssl_profile == b"SRTP_AEAD_AES_128_GCM"
    assert sorted(p.openssl_profile for p in PROFILES) == sorted(
        p.openssl_profile for p in SRTP_PROFILES
    )


# -- SRTP ---------------------------------------------------------------------


def test_rtcp_survives_its_journey() -> None:
    packet = build_pli(1, 2)
    protected = protect_rtcp(Sender().handle, packet)
    assert protected is not None
    assert unprotect_rtcp(Receiver().handle, protected) == packet


@given(st.binary(max_size=100))
def test_unauthentic_packets_are_dropped(data: bytes) -> None:
    receiver = Receiver()
    assert unprotect_rtp(receiver.handle, data) is None
    assert unprotect_rtcp(receiver.handle, data) is None


def test_a_replay_is_dropped() -> None:
    sender, receiver = Sender(), Receiver()
    protected = protect_rtp(sender.handle, make_packet())
    assert protected is not None
    assert unprotect_rtp(receiver.handle, protected) == make_packet()
    assert unprotect_rtp(receiver.handle, protected) is None


def test_the_same_packet_protected_again_is_the_same_bytes() -> None:
    sender = Sender()
    first = protect_rtp(sender.handle, make_packet())
    protect_rtp(sender.handle, make_packet(seq=8))
    assert protect_rtp(sender.handle, make_packet()) == first


@pytest.mark.parametrize("size", [MAX_DATAGRAM - 15, MAX_DATAGRAM + 1, 60000])
def test_what_does_not_fit_is_dropped(size: int) -> None:
    data = b"\x80" + bytes(size - 1)
    assert protect_rtp(Sender().handle, data) is None
    assert protect_rtcp(Sender().handle, data) is None
    assert unprotect_rtp(Receiver().handle, data) is None


# -- bursts -------------------------------------------------------------------


def parts_of(burst: BurstBuffer, slot: int) -> list[bytes]:
    """What the kernel makes of a slot."""
    wire, segment = bytes(burst.wire(slot)), burst.segment_bytes
    return [wire[at : at + segment] for at in range(0, len(wire), segment)]


@given(
    st.integers(12, 1460),
    st.integers(1, 44),
    st.integers(12, 1460),
    st.sampled_from([10, 16]),
    st.integers(1, BurstBuffer.SLOTS),
)
def test_a_burst_is_its_packets_one_after_the_other(
    size: int, count: int, last: int, tag_bytes: int, viewers: int
) -> None:
    sizes = [size] * (count - 1) + [min(size, last)]
    packets = [make_packet(bytes(n - 12), seq=i) for i, n in enumerate(sizes)]
    burst = BurstBuffer()
    burst.load(packets, tag_bytes)
    senders = [Sender(tag_bytes) for _ in range(viewers)]
    statuses = burst.protect([sender.handle for sender in senders])
    assert statuses == [0] * viewers
    for slot in range(viewers):
        receiver = Receiver(tag_bytes)
        assert [receiver.unprotect(p) for p in parts_of(burst, slot)] == packets


def test_a_session_that_refuses_does_not_touch_the_others() -> None:
    refusing, willing = Sender(), Sender()
    assert protect_rtp(refusing.handle, make_packet(seq=0x7000)) is not None
    burst = BurstBuffer()
    burst.load([make_packet()], 16)
    first, second = burst.protect([refusing.handle, willing.handle])
    assert first != 0
    assert second == 0
    assert Receiver().unprotect(bytes(burst.wire(1))) == make_packet()


def test_a_smaller_burst_after_a_larger_one_has_no_rest_of_it() -> None:
    burst = BurstBuffer()
    burst.load([make_packet(bytes(1000), seq=i) for i in range(20)], 16)
    assert burst.protect([Sender().handle]) == [0]
    burst.load([make_packet(b"small")], 16)
    assert burst.protect([Sender().handle]) == [0]
    assert Receiver().unprotect(bytes(burst.wire(0))) == make_packet(b"small")


def test_layouts_are_bounded() -> None:
    burst = BurstBuffer()
    for size in range(600):
        burst.load([make_packet(bytes(size))], 16)
    assert len(burst._layouts) <= BurstBuffer._MAX_LAYOUTS


# -- application data ---------------------------------------------------------


async def test_application_data_goes_both_ways(association: Association) -> None:
    got: asyncio.Queue[bytes] = asyncio.Queue()
    answers: asyncio.Queue[bytes] = asyncio.Queue()

    class Receiver:
        async def _handle_data(self, data: bytes) -> None:
            answers.put_nowait(data)

    association.server.on_data = got.put_nowait
    association.client._register_data_receiver(Receiver())
    await association.connect()
    await soon(association.connected)
    await association.client._send_data(b"question")
    assert await asyncio.wait_for(got.get(), WAIT_S) == b"question"
    association.server.send_data(b"answer")
    assert await asyncio.wait_for(answers.get(), WAIT_S) == b"answer"


async def test_data_before_and_after_the_association_is_lost(
    association: Association,
) -> None:
    association.server.send_data(b"too early")
    await association.connect()
    await soon(association.connected)
    await association.client.stop()
    await soon(association.closed)
    association.server.send_data(b"too late")
    await association.server.close()
    association.server.send_data(b"much too late")


async def test_more_datagrams_may_wait_once_connected(association: Association) -> None:
    assert association.server._datagrams.limit == MAX_QUEUED_DATAGRAMS
    await association.connect()
    await soon(association.connected)
    assert association.server._datagrams.limit == MAX_QUEUED_DATA


async def test_a_coroutine_that_waits_cannot_be_run_on_the_spot() -> None:
    with pytest.raises(RuntimeError):
        run_now(asyncio.sleep(1))
