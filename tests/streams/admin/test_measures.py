"""What the admin shows of measurements."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from streams.models import Broadcast, LiveSession
from tests.streams.admin.conftest import page, url_of
from tests.streams.measures import Measures


@pytest.fixture
def measures(monkeypatch: pytest.MonkeyPatch) -> Measures:
    made = Measures()
    for module in ("broadcast_panels", "sessions"):
        monkeypatch.setattr(f"streams.admin.{module}.measured", made.store)
    return made


def numbers(text: str) -> list[list[str]]:
    """Of each row of the table of sessions."""
    table = text[text.index('<div class="sessions">') :]
    rows = re.findall(r"<tr>(<td>.*?)</tr>", table, re.DOTALL)
    cell = re.compile(r'<td class="number">(.*?)</td>')
    return [[unescape(found) for found in cell.findall(row)] for row in rows]


def sessions(role: str) -> list[str]:
    rows = LiveSession.objects.filter(role=role).order_by("created_at", "pk")
    return list(rows.values_list("pk", flat=True))


def test_a_broadcasts_page_shows_each_sessions_measurements(
    admin_client: Client, on_air: Broadcast, measures: Measures
) -> None:
    (publisher,), viewers = sessions("publish"), sessions("play")
    measures.streams({"LiveApp/cam": 25}, session=publisher)
    measures.viewer(viewers[0], height=360)

    first, *others = numbers(page(admin_client, url_of(on_air)))

    assert first == ["1.2 Mbit/s", "2.0 %", "30 ms", "720p", "9 ms", "-", "8", "2", "-"]
    of_viewer = ["1.4 Mbit/s", "2.0 %", "60 ms", "360p", "5 ms", "1", "6", "3"]
    assert sorted(others) == sorted([[*of_viewer, "120 ms"], ["-"] * 9])


def test_an_earlier_publishers_measurements_are_not_this_ones(
    admin_client: Client, on_air: Broadcast, measures: Measures
) -> None:
    measures.streams({"LiveApp/cam": 25}, session="another")

    first, *_ = numbers(page(admin_client, url_of(on_air)))

    assert first[1:] == ["-"] * 8


@pytest.mark.parametrize(
    ("role", "words"), [("publish", "1.2 Mbit/s"), ("play", "1.4 Mbit/s")]
)
def test_a_sessions_page_shows_its_own(
    admin_client: Client, on_air: Broadcast, measures: Measures, role: str, words: str
) -> None:
    session = sessions(role)[0]
    url = reverse("admin:streams_livesession_change", args=[session])
    assert "Nothing: it has just begun" in page(admin_client, url)

    measures.streams({"LiveApp/cam": 25}, session=session)
    measures.viewer(session, height=720)

    text = page(admin_client, url)
    assert f"<dt>Bitrate</dt><dd>{words}</dd>" in text
    assert "<dt>Loss</dt><dd>2.0 %</dd>" in text
