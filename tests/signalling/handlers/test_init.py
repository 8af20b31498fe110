from __future__ import annotations

from typing import Any, get_args

import pytest

from relay import control
from signalling import messages
from signalling.context import Context, Expired
from signalling.handlers import HANDLERS, handle_event
from signalling.session import Attempt, Phase, Role, SocketSession

SESSION = "a" * 32


@pytest.fixture
def context() -> Context:
    async def subscribe() -> str:
        return "channel"

    def post(_: Any) -> None:
        raise AssertionError("nothing is due")

    def spawn(work: Any, _: str) -> Any:
        raise AssertionError("nothing is begun")

    return Context(SocketSession("LiveApp", False, "", ""), subscribe, post, spawn)


def test_every_message_has_a_handler() -> None:
    assert set(HANDLERS) == set(get_args(messages.Message))


@pytest.mark.parametrize(
    "event",
    [
        control.Answered(SESSION, "channel", "sdp", ()),
        control.Offered(SESSION, "channel", "sdp", (), {}),
        control.Started(SESSION, "channel"),
        control.Failed(SESSION, "channel", control.Failure.NO_STREAM),
        control.Closed(SESSION, "channel", control.CloseReason.LOST),
        Expired(SESSION),
    ],
)
async def test_an_event_about_nothing_we_know_is_dropped(
    context: Context, event: Any
) -> None:
    assert await handle_event(context, event) == []


@pytest.mark.parametrize("role", Role)
async def test_a_live_attempt_does_not_expire(context: Context, role: Role) -> None:
    attempt = Attempt(SESSION, role, "s1", "relay-1", 5000, phase=Phase.LIVE)
    context.session.add(attempt)

    assert await handle_event(context, Expired(SESSION)) == []
    assert context.session.attempts() == [attempt]
