"""The WebSocket of one client: connect, receive, disconnect, and the error boundary.

No rules here. It does not use Channels' own dispatch: that starts two tasks and
crosses into a thread for every frame, and most frames are pings of idle sockets.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from channels.consumer import AsyncConsumer
from channels.layers import get_channel_layer

from relay import control
from signalling import events, registry, replies, store
from signalling.context import Asked, Context, Expired, WaitOver, hang_up
from signalling.errors import ProtocolError, SignallingError, StoreUnavailable
from signalling.handlers import (
    HANDLERS,
    SOCKET_EVENTS,
    handle_asked,
    handle_event,
    handle_relay_lost,
    handle_session_end,
    handle_stream_live,
    handle_wait_over,
)
from signalling.handlers.peer import tell_left
from signalling.limits import (
    CANDIDATE_COST,
    CHARS_PER_TOKEN,
    MAX_CHEAP_CHARS,
    LimitedLog,
    TokenBucket,
)
from signalling.load import sampler
from signalling.messages import Message, TakeCandidate, parse_message
from signalling.protocol import PING_TEXT, PONG_TEXT, ErrorDefinition, Notification
from signalling.replies import Outgoing, serialize
from signalling.session import SocketSession
from streams import services
from streams.client_address import address_of_scope

logger = logging.getLogger(__name__)
log = LimitedLog(logger)

LEGACY_APPLICATION = "WebRTCApp4"  # contract 12: its path alone is the dialect
_PONG = {"type": "websocket.send", "text": PONG_TEXT}
_MAX_USER_AGENT_CHARS = 255
_MAX_QUERY_CHARS = 2048
FINISH_S = 3.0  # less than servers leave a consumer whose client is gone

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Handler = Callable[..., Awaitable[list[Outgoing]]]


class SignallingConsumer(AsyncConsumer):  # type: ignore[misc]  # channels is untyped
    """One socket. Its commands and events are handled one at a time, in order."""

    async def __call__(
        self, scope: dict[str, Any], receive: Receive, send: Send
    ) -> None:
        """Return when the socket is gone and everything of it is cleaned up."""
        self._base_send = send
        self._channel = ""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._turn = asyncio.Lock()
        self._ending = False
        self._measurements: dict[str, dict[str, Any]] = {}  # by session, the newest
        self._context = Context(
            _session(scope), self._subscribe, self._post, self._spawn
        )
        self._bucket = TokenBucket()
        try:
            if await self._connect(receive):
                await self._run(receive)
        finally:
            await self.clean_up()

    async def _connect(self, receive: Receive) -> bool:
        """Whether the socket is accepted: its application exists."""
        message = await receive()
        if message["type"] != "websocket.connect":
            return False
        if registry.is_stopping() or not await self._has_application():
            log.warning("a socket was refused: no such application, or stopping")
            await self._base_send({"type": "websocket.close"})
            return False
        await self._base_send({"type": "websocket.accept"})
        registry.add(self)
        sampler.start()
        return True

    async def _has_application(self) -> bool:
        name = self._context.session.application
        try:
            return await store.run(services.application_exists, name)
        except StoreUnavailable:
            return True  # its commands say so, and work when the database is back

    async def _run(self, receive: Receive) -> None:
        take = self._bucket.take
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            if not take(1 + len(text or "") // CHARS_PER_TOKEN):
                log.warning("a socket sends too much; frames dropped")
            elif text == PING_TEXT:
                await self._send_frame(_PONG)
            elif text is None:
                log.warning("binary frame ignored")
            else:
                await self._receive(text)

    async def _receive(self, text: str) -> None:
        try:
            message = parse_message(text, legacy=self._context.session.legacy)
        except ProtocolError as error:
            log.warning(f"frame ignored: {error}")
        except SignallingError as refused:
            await self._send([replies.error(refused)])
        else:
            await self._handle(message)

    async def _handle(self, message: Message) -> None:
        if isinstance(message, TakeCandidate) and len(message.frame) <= MAX_CHEAP_CHARS:
            self._bucket.give_back(1 - CANDIDATE_COST)
        stream_id: str | None = getattr(message, "stream_id", None)
        sent = await self._answer(stream_id, HANDLERS[type(message)], message)
        self._bucket.charge(sent // CHARS_PER_TOKEN)

    async def _answer(
        self, stream_id: str | None, handler: Handler, *args: object
    ) -> int:
        """Send what `handler` returns, or its refusal; the socket stays open.

        The one place where any exception ends: a bug costs its command only.

        Returns:
            How many characters were sent.
        """
        async with self._turn:
            if self._ending:
                return 0
            try:
                answers = await handler(self._context, *args)
            except SignallingError as refused:
                log.info(f"refused with {refused}: %s", stream_id)
                refused.stream_id = refused.stream_id or stream_id
                answers = [replies.error(refused)]
            except Exception:
                logger.exception("%s of %s", self._channel, stream_id)
                definition = ErrorDefinition.SERVER_ERROR
                answers = [replies.error(SignallingError(definition, stream_id))]
            return await self._send(answers)

    async def _send(self, answers: list[Outgoing]) -> int:
        legacy = self._context.session.legacy
        texts = [serialize(answer, legacy=legacy) for answer in answers]
        for text in texts:
            await self._send_frame({"type": "websocket.send", "text": text})
        return sum(map(len, texts))

    async def _send_frame(self, frame: dict[str, Any]) -> None:
        # Servers raise once the client is gone (daphne a RuntimeError); its
        # disconnect is coming.
        with contextlib.suppress(OSError, RuntimeError):
            await self._base_send(frame)

    async def announce_stop(self) -> None:
        """The client knows that it must come back elsewhere."""
        await self._send([replies.notification(Notification.SERVER_WILL_STOP)])

    # Events: from relays and other sockets by the channel layer, and from timers.

    async def _subscribe(self) -> str:
        layer = get_channel_layer()
        if not self._channel and layer is not None:
            self._channel = await layer.new_channel()
            registry.listen(self._channel, self)
            self._spawn(self._run_events(self._channel), "events")
        return self._channel

    def take_measurement(self, message: dict[str, Any]) -> None:
        """Of one viewer only the newest waits, while the client is slow say."""
        is_waiting = bool(self._measurements)
        self._measurements[message["session"]] = message
        if not is_waiting:
            self._spawn(self._tell_measurements(), "measurements")

    async def _tell_measurements(self) -> None:
        while self._measurements:
            session, message = next(iter(self._measurements.items()))
            await self._answer(None, SOCKET_EVENTS[events.VIEWER_MEASURED], message)
            if self._measurements[session] is message:
                del self._measurements[session]

    async def _run_events(self, channel: str) -> None:
        layer = get_channel_layer()
        while True:
            message = await layer.receive(channel)
            try:
                await self._layer_message(message)
            except (KeyError, ValueError) as error:
                logger.error("malformed channel-layer message: %s", error)

    async def _layer_message(self, message: dict[str, Any]) -> None:
        """Raises KeyError or ValueError: a message of another shape."""
        kind = message["type"]
        if kind == events.RELAY_EVENT:
            event = control.decode(message["event"].encode())
            if isinstance(event, control.SessionEvent):
                await self._on_event(event)
        elif kind == events.RELAY_LOST:
            await self._answer(None, handle_relay_lost, message["sessions"])
        elif kind == events.STREAM_LIVE:
            stream_id = message["stream_id"]
            await self._answer(stream_id, handle_stream_live, stream_id)
        elif kind in SOCKET_EVENTS:
            stream_id = message["stream_id"]
            await self._answer(stream_id, SOCKET_EVENTS[kind], message)
        elif kind == events.SESSION_END:
            ended = message["session"], message["relay"], message["ending"]
            await self._answer(None, handle_session_end, *ended)
        elif kind == events.SERVER_STOP:
            await self.announce_stop()
        else:
            raise ValueError(kind)

    async def _on_event(self, event: control.SessionEvent | Expired) -> None:
        attempt = self._context.session.get(event.session)
        if attempt is not None:
            await self._answer(attempt.stream_id, handle_event, event)

    def _post(self, event: Expired | WaitOver | Asked) -> None:
        if isinstance(event, Expired):
            self._spawn(self._on_event(event), "expiry")
        elif isinstance(event, Asked):
            work = self._answer(event.asking.stream_id, handle_asked, event)
            self._spawn(work, "answer to a question")
        else:
            work = self._answer(event.stream_id, handle_wait_over, event)
            self._spawn(work, "end of a wait")

    def _spawn(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.create_task(work, name=f"{name} of {self._channel}")
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)
        return task

    def _on_task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("%s failed", task.get_name(), exc_info=task.exception())

    # The end.

    async def clean_up(self) -> None:
        """Nothing of the socket is left; its live publishers wait for their return.

        Every step runs even if one fails; a second call finds nothing to do.
        """
        registry.discard(self, self._channel)
        self._ending = True
        await self._finish_turn()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        session = self._context.session
        waiting = list(session.waiting)
        seats, rooms = session.take_seats(""), list(session.rooms)
        # By the rows too: a handler may have been cancelled between two steps.
        calls = {
            attempt.session: (attempt.relay, attempt.can_wait)
            for attempt in session.clear()
        }
        for row in await self._close_rows():
            calls[row.session] = (row.relay, row.parked)
        await _finish(
            *(hang_up(relay, key, park=park) for key, (relay, park) in calls.items()),
            *(self._context.stop_waiting(stream_id) for stream_id in waiting),
            *(tell_left(session.application, seat) for seat in seats),
            *(self._context.leave_room(room) for room in rooms),
        )

    async def _finish_turn(self) -> None:
        """What is being handled is done, if it can be: half of it would stay.

        A session whose row is closed already would go on at its relay.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISH_S), self._turn:
                pass

    async def _close_rows(self) -> list[services.SocketSession]:
        if not self._channel:
            return []
        closing = store.run_or_retry(services.close_socket, self._channel)
        (rows,) = await _finish(closing)
        return rows if isinstance(rows, list) else []


async def _finish(*steps: Awaitable[object]) -> list[object]:
    """What each step returned or raised; the failures are logged."""
    outcomes = await asyncio.gather(*steps, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            logger.error("a step of a clean-up failed", exc_info=outcome)
    return outcomes


def _session(scope: dict[str, Any]) -> SocketSession:
    application = scope["url_route"]["kwargs"]["application"]
    headers = dict(scope.get("headers") or ())
    return SocketSession(
        application=application,
        legacy=application == LEGACY_APPLICATION,
        remote_ip=address_of_scope(scope)[:64],
        user_agent=_text(headers, b"user-agent", _MAX_USER_AGENT_CHARS),
        query=scope.get("query_string", b"").decode("latin-1")[:_MAX_QUERY_CHARS],
        origin=_text(headers, b"origin", _MAX_USER_AGENT_CHARS),
    )


def _text(headers: dict[bytes, bytes], name: bytes, most: int) -> str:
    return headers.get(name, b"").decode("latin-1")[:most]
