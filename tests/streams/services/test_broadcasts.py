from __future__ import annotations

import pytest

from streams.clock import to_ms
from streams.models import Application, Broadcast
from streams.services import PublishRequest, SocketInfo
from streams.services.broadcasts import (
    finish_broadcasts,
    prepare_broadcast,
    start_broadcast,
)
from streams.services.store import LostRaceError
from tests.streams.conftest import TurnableClock, at_most

REQUEST = PublishRequest("LiveApp", "cam")


def test_a_restored_broadcast_goes_on_as_it_is(
    application: Application, alice: SocketInfo, clock: TurnableClock
) -> None:
    Broadcast.objects.create(
        application=application,
        stream_id="cam",
        status="broadcasting",
        start_time=5,
        received_bytes=7,
    )

    prepare_broadcast(application, REQUEST, alice, clock.now, restored=True)

    row = Broadcast.objects.get()
    assert (row.status, row.start_time, row.received_bytes) == ("broadcasting", 5, 7)
    assert row.update_time == to_ms(clock.now)


def test_a_broadcast_that_went_away_is_not_made_for_the_unregistered(
    application: Application, alice: SocketInfo, clock: TurnableClock
) -> None:
    application.accept_only_registered_streams = True

    with pytest.raises(LostRaceError):
        prepare_broadcast(application, REQUEST, alice, clock.now, restored=False)
    assert not Broadcast.objects.exists()


def test_a_start_touches_no_other_broadcast(
    application: Application, clock: TurnableClock
) -> None:
    other = Application.objects.get(name="WebRTCAppEE")
    for owner, stream_id in ((application, "cam"), (application, "b"), (other, "cam")):
        Broadcast.objects.create(application=owner, stream_id=stream_id)

    start_broadcast(application.pk, "cam", clock.now, restored=False)

    live = Broadcast.objects.get(status="broadcasting")
    assert (live.application, live.stream_id) == (application, "cam")


def test_many_broadcasts_are_finished_by_two_queries_an_application(
    application: Application, clock: TurnableClock
) -> None:
    for number in range(6):
        Broadcast.objects.create(
            application=application,
            stream_id=f"s{number}",
            status="broadcasting",
            zombi=number % 2 == 0,
        )

    with at_most(2):
        finish_broadcasts(
            [(application.pk, f"s{number}") for number in range(5)], clock.now
        )

    left = dict(Broadcast.objects.values_list("stream_id", "status"))
    assert left == {"s1": "finished", "s3": "finished", "s5": "broadcasting"}
