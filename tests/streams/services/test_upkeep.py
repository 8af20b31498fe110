from __future__ import annotations

from datetime import timedelta

from streams.models import Admission, Application, Token
from streams.services import tidy
from tests.streams.conftest import TurnableClock


def test_tokens_that_expired_long_ago_go(
    application: Application, clock: TurnableClock
) -> None:
    for days in (-1, 0.9, 1.1):
        Token.objects.create(
            application=application,
            stream_id=f"s{days}",
            type="play",
            expire_date=int((clock() - timedelta(days=days)).timestamp()),
        )

    tidy(clock)

    assert set(Token.objects.values_list("stream_id", flat=True)) == {"s-1", "s0.9"}


def test_admissions_go_when_nobody_can_return_by_them(
    application: Application, clock: TurnableClock
) -> None:
    for number, good_until in enumerate(
        [None, clock() + timedelta(seconds=1), clock() - timedelta(seconds=1)]
    ):
        Admission.objects.create(
            application=application,
            stream_id="cam",
            role="play",
            digest="d",
            session=str(number),
            good_until=good_until,
        )

    tidy(clock)

    assert sorted(Admission.objects.values_list("session", flat=True)) == ["0", "1"]
