from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.control import EncoderSetting
from streams.models import Application, Broadcast
from streams.models.rendition import MAX_RENDITIONS
from streams.services import SocketInfo
from streams.services.ladder import complete_ladder, ladder_of, parse_ladder
from tests.streams.conftest import Play, Publish

LOW = {"height": 240, "videoBitrate": 300_000}
HIGH = {
    "height": 720,
    "videoBitrate": 2_000_000,
    "audioBitrate": 96_000,
    "forceEncode": False,
    "forceSameResolutionEncode": True,
}


def application(*entries: dict[str, Any]) -> Application:
    return Application(encoder_settings=list(entries))


def test_an_application_s_ladder_is_told_highest_first() -> None:
    assert ladder_of(application(LOW, HIGH), None) == (
        EncoderSetting(720, 2_000_000, 96_000, False, True),
        EncoderSetting(240, 300_000, 0, True, False),
    )


def test_of_one_height_the_better_is_first() -> None:
    better = LOW | {"videoBitrate": 900_000}

    ladder = ladder_of(application(LOW, better), None)

    assert [rung.video_bitrate for rung in ladder] == [900_000, 300_000]


def test_a_broadcast_s_own_ladder_goes_first() -> None:
    ladder = ladder_of(application(HIGH), Broadcast(encoder_settings=[LOW]))

    assert [rung.height for rung in ladder] == [240]


def test_a_broadcast_without_one_has_the_application_s() -> None:
    ladder = ladder_of(application(HIGH), Broadcast())

    assert [rung.height for rung in ladder] == [720]


def test_a_ladder_is_bounded() -> None:
    entries = [{"height": height} for height in range(1, 40)]

    ladder = ladder_of(application(*entries), None)

    assert len(ladder) == MAX_RENDITIONS
    assert ladder[0].height == 39


def test_a_publisher_is_granted_its_ladder_and_tcp(
    publish: Publish, alice: SocketInfo
) -> None:
    Application.objects.update(encoder_settings=[LOW], tcp_candidates_enabled=False)

    grant = publish(alice)

    assert grant.encoder_settings == (EncoderSetting(240, 300_000),)
    assert not grant.tcp_candidates


def test_a_registered_stream_is_granted_its_own(
    publish: Publish, alice: SocketInfo, application: Application
) -> None:
    Application.objects.update(encoder_settings=[LOW])
    Broadcast.objects.create(
        application=application, stream_id="cam", encoder_settings=[HIGH]
    )

    (rung,) = publish(alice).encoder_settings

    assert rung.height == 720


@pytest.mark.parametrize("enabled", [True, False])
def test_a_viewer_is_granted_what_the_application_says(
    live: Publish, play: Play, alice: SocketInfo, bob: SocketInfo, enabled: bool
) -> None:
    Application.objects.update(adaptive_enabled=enabled, tcp_candidates_enabled=enabled)
    live(alice)

    grant = play(bob)

    assert (grant.adaptive, grant.tcp_candidates) == (enabled, enabled)


# as a text


@pytest.mark.parametrize("text", ["", "  ", "[]", " [] "])
def test_a_text_of_nothing_is_no_ladder(text: str) -> None:
    assert parse_ladder(text) == []


def test_the_old_text_is_three_numbers_a_rendition() -> None:
    assert parse_ladder("360,800000,64000,240,500000,32000") == [
        {"height": 360, "videoBitrate": 800_000, "audioBitrate": 64_000},
        {"height": 240, "videoBitrate": 500_000, "audioBitrate": 32_000},
    ]


@given(st.text())
def test_a_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_ladder(text)
    except ValueError:
        return
    assert isinstance(found, list)


@given(st.lists(st.recursive(st.none() | st.integers() | st.text(), st.lists)))
def test_what_is_no_object_stays_as_it_is(entries: list[Any]) -> None:
    assert complete_ladder(entries) == entries
