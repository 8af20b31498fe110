"""Events of relays become rows and messages to consumers."""

from __future__ import annotations

import pytest
from channels.layers import get_channel_layer
from django.db import OperationalError

from relay import control
from signalling.supervisor import Supervisor
from streams import services

# Calls of services run where Django looks after its connections.
pytestmark = pytest.mark.django_db(transaction=True)


def a_loss(session: str, channel: str) -> services.LostSession:
    return services.LostSession(
        session=session,
        channel=channel,
        application="LiveApp",
        stream_id="one",
        role="play",
    )


async def test_each_socket_of_a_lost_relay_hears_of_its_sessions_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = get_channel_layer()
    first, second = await layer.new_channel(), await layer.new_channel()
    lost = [a_loss("a", first), a_loss("b", second), a_loss("c", first)]
    parked = a_loss("d", "")  # nobody's any more
    monkeypatch.setattr(services, "close_relay", lambda relay: [*lost, parked])
    await Supervisor(()).handle_loss("relay-1")
    assert await layer.receive(first) == {"type": "relay.lost", "sessions": ["a", "c"]}
    assert await layer.receive(second) == {"type": "relay.lost", "sessions": ["b"]}


async def test_an_event_goes_to_the_socket_it_names() -> None:
    layer = get_channel_layer()
    channel = await layer.new_channel()
    event = control.Started("a" * 32, channel)
    await Supervisor(()).handle_event("relay-1", event)
    message = await layer.receive(channel)
    assert message["type"] == "relay.event"
    assert control.decode(message["event"].encode()) == event


async def test_a_database_away_costs_a_report_and_a_log_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def record_report(report: control.Report) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(services, "record_report", record_report)
    await Supervisor(()).handle_event("relay-1", control.Report("relay-1", (), 0))
    assert "record_report: database not available" in caplog.text
