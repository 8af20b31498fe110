"""A client of the real consumer, a link that only remembers, the real database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import pytest
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator

from relay import control
from signalling import load, registry, store
from signalling.link import RelayUnavailable, set_link
from signalling.routing import websocket_urlpatterns
from streams.models import Application, Broadcast, LiveSession

Result = TypeVar("Result")
CommandT = TypeVar("CommandT")
Open = Callable[..., Awaitable["Client"]]

APPLICATION = "LiveApp"
SDP = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:first\r\n"


class FakeLink:
    """Remembers the commands; `down` and `hangs` make it fail."""

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ("relay-1",)
        self.commands: list[control.Command] = []
        self.down = False
        self.hangs = False

    def relays(self) -> tuple[str, ...]:
        return self.names

    async def send(self, relay: str, command: control.Command) -> None:
        if self.down or relay not in self.names:
            raise RelayUnavailable(relay)
        if self.hangs:
            await asyncio.Event().wait()
        self.commands.append(command)

    def last(self, kind: type[CommandT]) -> CommandT:
        command = self.commands[-1]
        assert isinstance(command, kind)
        return command

    def closed(self) -> list[control.CloseSession]:
        return [
            command
            for command in self.commands
            if isinstance(command, control.CloseSession)
        ]


class Client(WebsocketCommunicator):  # type: ignore[misc]  # channels is untyped
    """One socket, and the steps that many tests need first."""

    link: FakeLink

    async def say(
        self, command: str, stream_id: str | None = None, **rest: Any
    ) -> None:
        body = {"command": command, **rest}
        if stream_id is not None:
            body["streamId"] = stream_id
        # Compact, as the SDK's JSON.stringify.
        await self.send_to(text_data=json.dumps(body, separators=(",", ":")))

    async def hear(self) -> dict[str, Any]:
        answer: dict[str, Any] = await self.receive_json_from(timeout=10)
        return answer

    async def ask(
        self, command: str, stream_id: str | None = None, **rest: Any
    ) -> dict[str, Any]:
        await self.say(command, stream_id, **rest)
        return await self.hear()

    async def expect_silence(self) -> None:
        """Every command so far is handled, and nothing was said that was not read."""
        assert await self.ask("ping") == {"command": "pong"}

    async def expect_no_event(self, channel: str) -> None:
        """Every event sent to `channel` so far is handled, and nothing was said."""
        await tell(channel, {"type": "server.stop"})
        assert (await self.hear())["definition"] == "server_will_stop"

    async def prepare_publish(self, stream_id: str = "s1", **rest: Any) -> str:
        """`start` was said; the session id is returned."""
        assert (await self.ask("publish", stream_id, **rest))["command"] == "start"
        return (await rows(stream_id, "publish"))[0].pk

    async def offer(self, stream_id: str = "s1") -> control.AcceptOffer:
        """The offer is with the relay."""
        await self.say("takeConfiguration", stream_id, type="offer", sdp=SDP)
        await self.expect_silence()
        return self.link.last(control.AcceptOffer)

    async def publish(self, stream_id: str = "s1", **rest: Any) -> control.AcceptOffer:
        """The stream is live."""
        await self.prepare_publish(stream_id, **rest)
        offer = await self.offer(stream_id)
        await send_event(control.Started(offer.session, offer.reply_to))
        started = await self.hear()
        assert started["definition"] in ("publish_started", "session_restored")
        return offer

    async def prepare_play(
        self, stream_id: str = "s1", **rest: Any
    ) -> control.CreateOffer:
        """The relay was asked for an offer."""
        await self.say("play", stream_id, **rest)
        await self.expect_silence()
        return self.link.last(control.CreateOffer)

    async def play(self, stream_id: str = "s1", **rest: Any) -> control.CreateOffer:
        """The viewer is connected."""
        asked = await self.prepare_play(stream_id, **rest)
        await send_event(control.Offered(asked.session, asked.reply_to, SDP, (), {}))
        assert (await self.hear())["type"] == "offer"
        await self.say("takeConfiguration", stream_id, type="answer", sdp="answer")
        await self.expect_silence()
        await send_event(control.Started(asked.session, asked.reply_to))
        assert (await self.hear())["definition"] == "play_started"
        return asked

    async def ask_room(self, room: str, **rest: Any) -> control.CreateRoomOffer:
        """The relay was asked for an offer of the whole room."""
        await self.say("play", room, **rest)
        await self.expect_silence()
        return self.link.last(control.CreateRoomOffer)

    async def play_room(self, room: str, **rest: Any) -> control.CreateRoomOffer:
        """The viewer of the whole room is connected."""
        asked = await self.ask_room(room, **rest)
        await send_event(control.Offered(asked.session, asked.reply_to, SDP, (), {}))
        assert (await self.hear())["type"] == "offer"
        await self.say("takeConfiguration", room, type="answer", sdp="answer")
        await self.expect_silence()
        await send_event(control.Started(asked.session, asked.reply_to))
        assert (await self.hear())["definition"] == "play_started"
        return asked


@pytest.fixture(autouse=True)
def never_overloaded(settings: Any) -> None:
    """The tests themselves may use the whole machine."""
    settings.CPU_LIMIT = 100


@pytest.fixture
def link() -> Any:
    fake = FakeLink()
    set_link(fake)
    yield fake
    set_link(None)


@pytest.fixture
def application(transactional_db: None) -> Application:
    Application.objects.get_or_create(name="WebRTCApp4")
    made: Application = Application.objects.get_or_create(name=APPLICATION)[0]
    return made


@pytest.fixture
async def open_socket(application: Application, link: FakeLink) -> AsyncIterator[Open]:
    """Opens sockets, and closes what a test leaves. Nothing else is left either."""
    clients: list[Client] = []
    before = asyncio.all_tasks()

    async def open_one(path: str = f"/{APPLICATION}/websocket") -> Client:
        client = Client(
            URLRouter(websocket_urlpatterns),
            path,
            headers=[(b"user-agent", b"a browser")],
        )
        client.scope["client"] = ("192.0.2.7", 40000)
        client.link = link
        accepted, _ = await client.connect(timeout=10)
        assert accepted
        clients.append(client)
        return client

    yield open_one
    for client in clients:
        await close(client)
    registry.reopen()
    await load.sampler.stop()
    await store.retries().stop()
    left = asyncio.all_tasks() - before - {asyncio.current_task()}
    assert not left
    assert registry.count() == 0


@pytest.fixture
async def client(open_socket: Open) -> Client:
    return await open_socket()


async def until(holds: Callable[[], object]) -> None:
    """Whatever else is ready runs until `holds()`; the test's own timeout bounds it."""
    while not holds():  # noqa: ASYNC110  nothing tells of every change
        await asyncio.sleep(0)


async def close(client: Client) -> None:
    """The socket is gone and cleaned up; again does nothing."""
    if not client.future.done():
        await client.disconnect(timeout=10)


async def tell(channel: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    assert layer is not None
    await layer.send(channel, message)


async def send_event(event: control.SessionEvent) -> None:
    """As the link does."""
    text = control.encode(event).decode()
    await tell(event.reply_to, {"type": "relay.event", "event": text})


async def in_database(call: Callable[..., Result], *args: Any) -> Result:
    result: Result = await database_sync_to_async(call)(*args)
    return result


async def rows(stream_id: str = "s1", role: str = "") -> list[LiveSession]:
    found = LiveSession.objects.filter(stream_id=stream_id)
    if role:
        found = found.filter(role=role)
    return await in_database(list, found)


async def states(stream_id: str = "s1") -> list[tuple[str, str]]:
    return sorted((row.role, row.state) for row in await rows(stream_id))


async def broadcast(stream_id: str = "s1") -> Broadcast | None:
    return await in_database(Broadcast.objects.filter(stream_id=stream_id).first)


async def change_application(**values: Any) -> None:
    await in_database(
        lambda: Application.objects.filter(name=APPLICATION).update(**values)
    )
