"""What a handler may do besides answering: rows, relays, timers, groups."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer

from relay import control
from signalling import events, registry, store
from signalling.errors import SignallingError, StoreUnavailable, refusal
from signalling.limits import MAX_WAITING, WAITING_S, LimitedLog
from signalling.link import RelayUnavailable, get_link
from signalling.load import current_load
from signalling.protocol import ErrorDefinition
from signalling.replies import Outgoing
from signalling.session import Asking, Attempt, Role, SocketSession
from signalling.supervisor import NODE_NAME
from streams import services
from streams.policy import AccessDenied, Approval
from streams.webhooks import authorisation
from streams.webhooks.questions import AuthorisationQuestion

logger = logging.getLogger(__name__)
log = LimitedLog(logger)
Request = TypeVar(
    "Request",
    services.PublishRequest,
    services.PlayRequest,
    services.PeerRequest,
    services.RoomRequest,
)

RELAY_DEADLINE_S = 2.0
# Once a relay knows an attempt it keeps its time. The timer here then only speaks
# when the relay's word got lost.
TIMER_MARGIN_MS = 2000


class Grant(Protocol):
    @property
    def session(self) -> str:
        """The new attempt."""


GrantT = TypeVar("GrantT", bound=Grant)
Open = Callable[[Request, services.SocketInfo, services.Load, tuple[str, ...]], GrantT]


@dataclass(frozen=True, slots=True)
class Expired:
    """An attempt did not start in time."""

    session: str


@dataclass(frozen=True, slots=True)
class WaitOver:
    """A socket has waited long enough for a stream."""

    stream_id: str


Resume = Callable[[Approval], Awaitable[list[Outgoing]]]


@dataclass(frozen=True, slots=True)
class Asked:
    """The operator's webhook has answered; `resume` is for a command not yet over."""

    asking: Asking
    approval: Approval
    resume: Resume


@dataclass(slots=True, eq=False)
class Context:
    """The ports of one socket's handlers, which run one at a time.

    `subscribe` returns the socket's channel name, from then on listened to.
    `post` has an event of our own handled, after what is being handled now.
    `spawn` starts a task that ends with the socket at the latest.
    """

    session: SocketSession
    subscribe: Callable[[], Awaitable[str]]
    post: Callable[[Expired | WaitOver | Asked], None]
    spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]

    async def open(
        self, call: Open[Request, GrantT], request: Request, stream_id: str
    ) -> GrantT:
        """Ask `open_publish` or `open_play`; its row exists afterwards.

        Raises:
            SignallingError: what it refused, by its name on the wire.
            ApprovalNeeded: to be asked by `ask`.
        """
        if registry.is_stopping():
            raise SignallingError(ErrorDefinition.NOT_INITIALIZED, stream_id)
        self.session.check_room(stream_id)
        socket = await self.socket_info()
        try:
            return await store.run(
                call, request, socket, current_load(), _relays(), undo=_close_late
            )
        except AccessDenied as denied:
            raise refusal(denied.reason, stream_id, _room_of(request)) from denied
        except StoreUnavailable:
            raise StoreUnavailable(stream_id) from None

    async def socket_info(self) -> services.SocketInfo:
        """This socket, as services know one."""
        return services.SocketInfo(
            channel=await self.subscribe(),
            node=NODE_NAME,
            remote_ip=self.session.remote_ip,
            user_agent=self.session.user_agent,
            query=self.session.query,
            origin=self.session.origin,
        )

    def ask(
        self,
        role: Role,
        stream_id: str,
        question: AuthorisationQuestion,
        resume: Resume,
    ) -> None:
        """Ask the operator's webhook; `resume` goes on with what it says.

        The socket's other commands do not wait. What is asked again is asked anew.
        """
        asking = Asking(role, stream_id)
        self.session.ask(asking)

        async def wait() -> None:
            try:
                allowed = await authorisation.ask(question)
            except Exception:  # a bug, or no file left to open: the client hears no
                logger.exception("a question to a webhook failed")
                allowed = False
            approval = Approval.GRANTED if allowed else Approval.REFUSED
            self.post(Asked(asking, approval, resume))

        asking.task = self.spawn(wait(), "question")

    async def begin(self, attempt: Attempt, delay_ms: int) -> None:
        """Keep a granted attempt, for `delay_ms` at most until it is live."""
        older = self.session.add(attempt)
        self.arm(attempt, delay_ms)
        if older is not None:  # its row went away without us, by a sweep say
            await hang_up(older.relay, older.session)

    def arm(self, attempt: Attempt, delay_ms: int) -> None:
        """(Re)start the time in which `attempt` must become live."""
        attempt.cancel_timer()
        attempt.timer = asyncio.get_running_loop().call_later(
            delay_ms / 1000, self.post, Expired(attempt.session)
        )

    async def command(self, attempt: Attempt, command: control.Command) -> None:
        """Hand `command` to the attempt's relay; without one the attempt ends.

        Raises:
            SignallingError: there is no relay; the row is closed.
        """
        try:
            await _send(attempt.relay, command)
        except RelayUnavailable as error:
            log.error(
                "relay %s takes no command for %s", attempt.relay, attempt.session
            )
            await self.close_row(attempt)
            definition = ErrorDefinition.SERVER_ERROR
            raise SignallingError(definition, attempt.stream_id) from error

    async def tell(self, attempt: Attempt, command: control.Command) -> None:
        """Hand over what the attempt can go on without, should its relay be gone."""
        try:
            await _send(attempt.relay, command)
        except RelayUnavailable:
            log.warning("relay %s takes no command", attempt.relay)

    async def close(self, attempt: Attempt, reason: str = "") -> None:
        """Forget the attempt, free its id, end it at its relay, in this order."""
        await self.close_row(attempt, reason)
        if attempt.is_awaited:
            key = self.stream_key(attempt.stream_id)
            await self.tell(attempt, control.EndStream(key))
        else:
            await hang_up(attempt.relay, attempt.session)

    async def close_row(self, attempt: Attempt, reason: str = "") -> None:
        """As `close`, for an attempt that its relay has ended already."""
        self.session.forget(attempt)
        call = services.close_session
        closed = await store.run_or_retry(call, attempt.session, reason)
        if closed is not False:  # else its stream is another's by now
            await self.tell_room(attempt, joined=False)

    async def park_row(self, attempt: Attempt) -> None:
        """Let the attempt go; its stream waits for the publisher's return."""
        self.session.lose(attempt)
        await store.run_or_retry(services.park_session, attempt.session)

    async def park(self, attempt: Attempt) -> None:
        """As `park_row`, for one that its relay still has; a `stop` ends it no more.

        Where its row cannot wait (it was never live there, or is gone) it is closed.
        """
        self.session.forget(attempt)
        parked = await store.run_or_retry(services.park_session, attempt.session)
        if parked is False:
            await self.close(attempt)
        else:
            await hang_up(attempt.relay, attempt.session, park=True)

    async def wait_for_stream(self, stream_id: str) -> None:
        """Have `stream.live` sent here, for WAITING_S or until `stop_waiting`."""
        waiting = self.session.waiting
        if stream_id in waiting:
            return
        while len(waiting) >= MAX_WAITING:
            await self.stop_waiting(next(iter(waiting)))
        channel = await self.subscribe()
        layer = get_channel_layer()
        if layer is None:
            return
        waiting[stream_id] = asyncio.get_running_loop().call_later(
            WAITING_S, self.post, WaitOver(stream_id)
        )
        await layer.group_add(self._group(stream_id), channel)

    async def stop_waiting(self, stream_id: str) -> None:
        timer = self.session.waiting.pop(stream_id, None)
        layer = get_channel_layer()
        if timer is None or layer is None:
            return
        timer.cancel()
        await layer.group_discard(self._group(stream_id), await self.subscribe())

    async def enter_room(self, room: str) -> None:
        """Have `room.stream` sent here, until `leave_room`."""
        layer = get_channel_layer()
        if layer is not None:
            await layer.group_add(self._room_group(room), await self.subscribe())

    async def leave_room(self, room: str) -> None:
        layer = get_channel_layer()
        if layer is not None:
            await layer.group_discard(self._room_group(room), await self.subscribe())

    async def tell_room(self, attempt: Attempt, *, joined: bool) -> None:
        """The other members hear that the publisher can be played, or no more; once."""
        if not attempt.room or attempt.announced is joined:
            return
        attempt.announced = joined
        by = await self.subscribe()
        message = events.room_stream(attempt.stream_id, by, joined=joined)
        await _send_group(self._room_group(attempt.room), message)

    async def announce_live(self, stream_id: str) -> None:
        """Tell the sockets that wait for this stream."""
        await _send_group(self._group(stream_id), events.stream_live(stream_id))

    def stream_key(self, stream_id: str) -> str:
        """What relays call the stream."""
        return f"{self.session.application}/{stream_id}"

    def _room_group(self, room: str) -> str:
        return events.room_group(self.session.application, room)

    def _group(self, stream_id: str) -> str:
        return events.waiting_group(self.session.application, stream_id)


async def _send_group(group: str, message: dict[str, Any]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        await layer.group_send(group, message)
    except ChannelFull:  # their clients ask again by themselves
        log.warning("some were not told of a stream")


async def hang_up(relay: str, session: str, *, park: bool = False) -> None:
    """Tell the relay, which has nothing to end when it is not there.

    Peers have none.
    """
    if not relay:
        return
    try:
        await _send(relay, control.CloseSession(session, park=park))
    except RelayUnavailable:
        log.info("relay %s is gone, and %s too", relay, session)


def _room_of(
    request: services.PublishRequest
    | services.PlayRequest
    | services.PeerRequest
    | services.RoomRequest,
) -> str:
    """The room that a refusal is about."""
    if isinstance(request, services.PeerRequest):
        return request.stream_id
    if isinstance(request, services.PublishRequest):
        return request.main_track or request.room
    return request.room


def _relays() -> tuple[str, ...]:
    try:
        return get_link().relays()
    except RelayUnavailable:
        return ()


async def _send(relay: str, command: control.Command) -> None:
    """Raises RelayUnavailable: also when the link takes too long."""
    try:
        async with asyncio.timeout(RELAY_DEADLINE_S):
            await get_link().send(relay, command)
    except TimeoutError as error:
        raise RelayUnavailable(relay) from error


def _close_late(grant: Grant) -> bool:
    return services.close_session(grant.session)
