"""ICE, DTLS and consent of one peer: who is believed, and for how long."""

from __future__ import annotations

import asyncio

import pytest
from aioice import stun

from relay import control
from relay.peer import CONSENT_TIMEOUT_S, MAX_ADDRESSES, SILENCE_S, Peer
from relay.stun import MAX_BYTES
from tests.relay.conftest import RunningRelay
from tests.relay.raw_peer import (
    KEY_FRAME,
    RawPeer,
    accept_offer,
    connect_publisher,
    play_raw,
    publish_raw,
)

STREAM = "LiveApp/one"


async def answered(relay: RunningRelay, stream: str = STREAM) -> tuple[RawPeer, Peer]:
    """A publisher that has its answer and has sent nothing."""
    client = await RawPeer.open(relay)
    relay.router.handle(accept_offer(client, stream, client.offer()))
    client.remember((await relay.event(control.Answered, client.session)).sdp)
    return client, relay.router._peers[client.session]


async def another_socket(relay: RunningRelay, client: RawPeer) -> RawPeer:
    """The same client at another address."""
    moved = await RawPeer.open(relay)
    moved.credentials = client.credentials
    moved.remote_ufrag, moved.remote_pwd = client.remote_ufrag, client.remote_pwd
    moved._fingerprints = client._fingerprints
    return moved


async def settle(relay: RunningRelay) -> None:
    """All datagrams sent to the relay so far are handled."""
    client, _ = await answered(relay, "A/settle")
    await client.check()
    relay.router.handle(control.EndStream("A/settle"))
    await relay.event(control.Closed, client.session)


# -- STUN ---------------------------------------------------------------------


async def test_a_check_is_answered_and_its_address_believed(
    still_relay: RunningRelay,
) -> None:
    client, peer = await answered(still_relay)
    response = await client.check()
    assert response.check_message_integrity(client.remote_pwd.encode())
    assert response.attributes["XOR-MAPPED-ADDRESS"] == client.address
    assert peer.address == client.address


async def test_a_wrong_password_is_not_answered(still_relay: RunningRelay) -> None:
    client, peer = await answered(still_relay)
    client.send(client.binding_request(pwd="wrong"))
    await settle(still_relay)
    assert client.stun == []
    assert peer.addresses == {}


async def test_an_unknown_ufrag_is_not_answered(still_relay: RunningRelay) -> None:
    client, peer = await answered(still_relay)
    client.remote_ufrag = "nobody"
    client.send(client.binding_request())
    await settle(still_relay)
    assert client.stun == []
    assert peer.addresses == {}


async def test_broken_and_oversized_checks_are_counted(
    still_relay: RunningRelay,
) -> None:
    client, _ = await answered(still_relay)
    oversized = stun.Message(
        stun.Method.BINDING,
        stun.Class.REQUEST,
        attributes={"USERNAME": f"{client.remote_ufrag}:{'x' * MAX_BYTES}"},
    )
    oversized.add_message_integrity(client.remote_pwd.encode())
    client.send(bytes(oversized))
    client.send(b"\x00" + bytes(30))
    await settle(still_relay)
    assert client.stun == []
    assert still_relay.router.malformed_packets == 2


async def test_remembered_addresses_are_bounded(still_relay: RunningRelay) -> None:
    client, peer = await answered(still_relay)
    await client.check()
    for _ in range(2 * MAX_ADDRESSES):
        other = await another_socket(still_relay, client)
        await other.check(nominate=False)
        await client.check()
    assert len(peer.addresses) == MAX_ADDRESSES
    assert peer.address == client.address
    assert client.address in peer.addresses  # for it is in use
    known = still_relay.router._by_address
    assert set(known) == set(peer.addresses)


async def test_an_address_belongs_to_who_checked_last(
    still_relay: RunningRelay,
) -> None:
    first, first_peer = await answered(still_relay)
    await first.check()
    _, second_peer = await answered(still_relay, "A/other")
    router = still_relay.router
    assert first_peer.socket is not None
    second_peer.validated(first_peer.socket, first.address, nominated=True)
    assert router._by_address[first.address] is second_peer
    await first.check()
    assert router._by_address[first.address] is first_peer
    router.remove(second_peer)
    assert router._by_address[first.address] is first_peer


# -- moving -------------------------------------------------------------------


async def test_media_follows_the_nominated_address(still_relay: RunningRelay) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    moved = await another_socket(still_relay, viewer)
    moved._dtls = viewer._dtls
    await moved.check(nominate=False)
    publisher.send_video(2)
    await viewer.until(lambda: len(viewer.rtp) == 1)
    await moved.check()
    publisher.send_video(3)
    await moved.until(lambda: len(moved.rtp) == 1)
    assert len(viewer.rtp) == 1


CHROMIUM_CHECKS_S = 2.5
AIORTC_CHECKS_S = (4.0, 6.0)


async def test_a_check_from_elsewhere_takes_over_from_a_silent_address(
    still_relay: RunningRelay,
) -> None:
    """Of clients that nominate once, and do not know that their NAT moved them."""
    client, peer = await answered(still_relay)
    await client.check()
    still_relay.clock.now += AIORTC_CHECKS_S[0]
    moved = await another_socket(still_relay, client)
    await moved.check(nominate=False)
    assert peer.address == moved.address
    await client.check(nominate=False)  # the other way round, it is not silent
    assert peer.address == moved.address


async def test_a_check_beside_one_that_is_alive_changes_nothing(
    still_relay: RunningRelay,
) -> None:
    client, peer = await answered(still_relay)
    await client.check()
    beside = await another_socket(still_relay, client)
    for _ in range(8):
        still_relay.clock.now += CHROMIUM_CHECKS_S
        await beside.check(nominate=False)
        assert peer.address == client.address
        await client.check()


def test_the_silence_lies_between_two_clients_intervals() -> None:
    assert CHROMIUM_CHECKS_S < SILENCE_S < min(AIORTC_CHECKS_S)


async def test_a_copied_check_moves_nothing(still_relay: RunningRelay) -> None:
    client, peer = await answered(still_relay)
    request = client.binding_request()
    client.send(request)
    await client.until(lambda: client.stun)
    still_relay.clock.now += 2 * SILENCE_S
    stranger = await another_socket(still_relay, client)
    stranger.send(request)
    await settle(still_relay)
    assert (stranger.stun, peer.address) == ([], client.address)
    assert stranger.address not in still_relay.router._by_address


async def test_media_moves_nothing(still_relay: RunningRelay) -> None:
    """Even what authenticates: only a check says that its sender is there."""
    publisher = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    stranger = await another_socket(still_relay, publisher)
    stranger._dtls = publisher._dtls
    stranger.send_video(2)
    publisher.send_video(3, KEY_FRAME)
    await viewer.until(lambda: viewer.rtp and viewer.rtp[-1].payload == KEY_FRAME)
    await settle(still_relay)
    peer = still_relay.router._peers[publisher.session]
    assert set(peer.addresses) == {publisher.address}


async def test_a_publishers_media_is_taken_from_where_it_moved(
    still_relay: RunningRelay,
) -> None:
    publisher = await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    moved = await another_socket(still_relay, publisher)
    moved._dtls = publisher._dtls
    await moved.check()
    marked = b"\x10\x11moved"
    moved.send_video(2, marked)
    await viewer.until(lambda: viewer.rtp and viewer.rtp[-1].payload == marked)


# -- DTLS ---------------------------------------------------------------------


async def test_dtls_from_an_address_without_a_check_is_ignored(
    still_relay: RunningRelay,
) -> None:
    client, peer = await answered(still_relay)
    stranger = await another_socket(still_relay, client)
    hello = b"\x16\xfe\xfd" + bytes(60)
    stranger.send(hello)
    stranger.send(b"\x80\x60" + bytes(40))
    await settle(still_relay)
    assert stranger.dtls == []
    assert not peer.dtls.is_connected
    await client.check()
    assert await client.handshake() == "connected"


async def test_media_before_dtls_is_ignored(still_relay: RunningRelay) -> None:
    client, _ = await answered(still_relay)
    await client.check()
    client.send(b"\x80\x60" + bytes(40))
    client.send(b"\x80\xc9" + bytes(40))
    await client.check()
    assert still_relay.drain() == []


async def test_another_certificate_than_the_described_one_loses_the_peer(
    still_relay: RunningRelay,
) -> None:
    client = await RawPeer.open(still_relay)
    offer = client.offer()
    wrong = ":".join(["00"] * 32)
    offer = "\n".join(
        f"a=fingerprint:sha-256 {wrong}" if "fingerprint" in line else line
        for line in offer.splitlines()
    )
    still_relay.router.handle(accept_offer(client, STREAM, offer))
    client.remember((await still_relay.event(control.Answered)).sdp)
    await client.check()
    await client.handshake()  # its own end cannot know
    closed = await still_relay.event(control.Closed, client.session)
    assert closed.reason is control.CloseReason.LOST
    assert still_relay.router._peers == {}


async def test_a_hello_that_overtakes_the_answer_is_kept(
    still_relay: RunningRelay,
) -> None:
    await publish_raw(still_relay, STREAM)
    viewer = await RawPeer.open(still_relay)
    still_relay.router.handle(
        control.CreateOffer(viewer.session, "socket", STREAM, 8000)
    )
    offered = await still_relay.event(control.Offered)
    viewer.remember(offered.sdp)
    await viewer.check()
    handshake = asyncio.create_task(viewer.handshake())
    peer = still_relay.router._peers[viewer.session]
    await settle(still_relay)
    assert peer._early_dtls is not None
    assert viewer.dtls == []
    still_relay.router.handle(
        control.AcceptAnswer(viewer.session, viewer.answer(offered.sdp))
    )
    assert await handshake == "connected"
    await still_relay.event(control.Started, viewer.session)


async def test_the_peers_goodbye_loses_it(still_relay: RunningRelay) -> None:
    await publish_raw(still_relay, STREAM)
    viewer = await play_raw(still_relay, STREAM)
    await viewer.close()
    closed = await still_relay.event(control.Closed, viewer.session)
    assert closed == control.Closed(viewer.session, "socket", control.CloseReason.LOST)
    assert still_relay.router._streams[STREAM].viewers == {}


# -- consent ------------------------------------------------------------------


@pytest.mark.parametrize("checks", [True, False])
async def test_a_peer_without_checks_is_lost(
    still_relay: RunningRelay, checks: bool
) -> None:
    client = await publish_raw(still_relay, STREAM)
    still_relay.clock.now += CONSENT_TIMEOUT_S
    if checks:
        await client.check()
    still_relay.clock.now += 1
    still_relay.router._periodic(still_relay.clock.now)
    closed = [e for e in still_relay.drain() if isinstance(e, control.Closed)]
    expected = control.Closed(client.session, "socket", control.CloseReason.LOST)
    assert closed == ([] if checks else [expected])


async def test_media_keeps_no_consent(still_relay: RunningRelay) -> None:
    client = await publish_raw(still_relay, STREAM)
    still_relay.clock.now += CONSENT_TIMEOUT_S + 1
    client.send_video(2)
    await settle(still_relay)
    still_relay.router._periodic(still_relay.clock.now)
    assert (await still_relay.event(control.Closed)).session == client.session


async def test_a_peer_that_was_never_connected_is_left_to_its_start_timer(
    still_relay: RunningRelay,
) -> None:
    client = await connect_publisher(still_relay, STREAM)
    still_relay.clock.now += CONSENT_TIMEOUT_S + 1
    still_relay.router._periodic(still_relay.clock.now)
    assert client.session in still_relay.router._peers
