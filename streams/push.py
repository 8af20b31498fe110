"""Push notifications leave by the operator's own sender (docs/push.md).

No push service is spoken to here. PUSH_SENDER names a function, or a class whose
instances can be called, that does so.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import traceback
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string

from streams.limited_log import LimitedLog

log = LimitedLog(logging.getLogger(__name__))

SEND_S = 10.0  # until the client is told that it took too long
# Threads. One that hangs keeps its place: a thread cannot be ended.
MAX_AT_ONCE = 8
MAX_AT_ONCE_OF_ONE = 2  # of one subscriber of one application
MAX_INFORMATION_CHARS = 500


@dataclass(frozen=True, slots=True)
class Device:
    subscriber_id: str
    type: str  # "fcm" or "apn"
    token: str  # registration token of the push service


@dataclass(frozen=True, slots=True)
class Push:
    """For `devices`, or for those who listen to `topic`: one of the two is empty.

    `content` is a JSON object of the client's, and not checked any further.
    """

    application: str
    sender_id: str  # the subscriber who has it sent
    content: Mapping[str, Any]
    devices: tuple[Device, ...] = ()
    topic: str = ""


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """What became of a push. The client reads `information`.

    `gone`: registration tokens that the push service does not know any more. They
    are forgotten.
    """

    success: bool
    information: str = ""
    gone: tuple[str, ...] = ()


class PushSender(Protocol):
    """Called in a thread of its own; it keeps its own deadlines."""

    def __call__(self, push: Push) -> PushOutcome: ...


NO_SENDER = PushOutcome(False, "this server has no sender for push notifications")
BUSY = PushOutcome(False, "too many push notifications are being sent, try again")
TOO_LATE = PushOutcome(False, "the push notification took too long")
FAILED = PushOutcome(False, "the push notification could not be sent")


@cache
def load_sender(path: str) -> PushSender | None:
    """What PUSH_SENDER names; None where it names nothing.

    Raises:
        ImportError: there is no such thing.
        TypeError: it cannot be called.
    """
    if not path:
        return None
    found: Any = import_string(path)
    sender = found() if isinstance(found, type) else found
    if not callable(sender):
        raise TypeError(f"{path} cannot be called")
    made: PushSender = sender
    return made


async def send(push: Push) -> PushOutcome:
    """Have it sent; whatever goes wrong is in the outcome, within SEND_S."""
    sender = load_sender(settings.PUSH_SENDER)
    if sender is None:
        return NO_SENDER
    if not _places.take(push):
        log.warning("push: no place to send in")
        return BUSY
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[PushOutcome] = loop.create_future()
    # A daemon: a sender that hangs must not hold up the end of the process.
    thread = threading.Thread(
        target=_work, args=(sender, push, loop, outcome), name="push", daemon=True
    )
    try:
        thread.start()
    except RuntimeError:  # the machine gives no more threads
        _places.give_back(push)
        log.warning("push: no thread to send in")
        return BUSY
    try:
        async with asyncio.timeout(SEND_S):
            return await outcome
    except TimeoutError:
        log.warning("push: the sender took too long")
        return TOO_LATE


def _work(
    sender: PushSender,
    push: Push,
    loop: asyncio.AbstractEventLoop,
    waiting: asyncio.Future[PushOutcome],
) -> None:
    try:
        outcome = _call(sender, push)
    finally:
        _places.give_back(push)
        connections.close_all()  # of this thread, if the sender asked the database
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
        loop.call_soon_threadsafe(_settle, waiting, outcome)


def _call(sender: PushSender, push: Push) -> PushOutcome:
    try:
        return _read(sender(push))
    except Exception as error:  # somebody else's code: it costs this push only
        # Not the error's text, which may have tokens in it.
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.filename}:{place.lineno}"
        log.error("push: the sender raised %s at %s", type(error).__name__, where)
        return FAILED


def _read(outcome: object) -> PushOutcome:
    """What the sender returned, whatever it has put into it.

    Raises:
        TypeError: it is no outcome, or `gone` is no list.
    """
    if not isinstance(outcome, PushOutcome):
        raise TypeError
    information = str(outcome.information)[:MAX_INFORMATION_CHARS]
    return PushOutcome(
        bool(outcome.success), information, tuple(map(str, outcome.gone))
    )


def _settle(waiting: asyncio.Future[PushOutcome], outcome: PushOutcome) -> None:
    if not waiting.done():
        waiting.set_result(outcome)


class _Places:
    """Who is sending, counted. Taken in event loops, given back in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[tuple[str, str]] = Counter()

    def take(self, push: Push) -> bool:
        key = push.application, push.sender_id
        with self._lock:
            of_one = self._taken.get(key, 0)
            if of_one >= MAX_AT_ONCE_OF_ONE or self._taken.total() >= MAX_AT_ONCE:
                return False
            self._taken[key] += 1
        return True

    def give_back(self, push: Push) -> None:
        key = push.application, push.sender_id
        with self._lock:
            self._taken[key] -= 1
            if not self._taken[key]:
                del self._taken[key]


_places = _Places()
