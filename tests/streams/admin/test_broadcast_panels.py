"""Tokens, subscribers and buttons on a broadcast's page."""

from __future__ import annotations

import html
import re
import time

import pytest
from django.test import Client
from django.utils import timezone

from streams.models import (
    Application,
    Broadcast,
    ConnectionEvent,
    Ending,
    LiveSession,
    Subscriber,
    Token,
)
from tests.streams.admin.conftest import Login, history, page, url_of


def make_token(broadcast: Broadcast, **fields: object) -> Token:
    values = {"type": "play", "expire_date": int(time.time()) + 60} | fields
    return Token.objects.create(
        application=broadcast.application, stream_id=broadcast.stream_id, **values
    )


def test_the_page_shows_the_streams_own_tokens_and_subscribers(
    admin_client: Client, broadcast: Broadcast, subscriber: Subscriber
) -> None:
    mine = make_token(broadcast)
    used_up = make_token(broadcast, expire_date=1)
    other = Broadcast(application=broadcast.application, stream_id="other")
    elsewhere = make_token(other)

    text = page(admin_client, url_of(broadcast))

    assert f"/LiveApp/play?id=cam&amp;token={mine.token_id}" in text
    assert used_up.token_id in text
    assert text.count("state-good") == 1
    assert elsewhere.token_id not in text
    assert "<td>anna</td>" in text
    assert "<td>0 of 1</td>" in text
    assert f'href="{url_of(mine, "delete")}"' in text
    assert f'href="{url_of(subscriber)}"' in text
    assert "/admin/streams/token/add/?application=2&amp;stream_id=cam" in text


def test_many_rows_are_cut_and_the_list_has_them_all(
    admin_client: Client, broadcast: Broadcast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.admin.broadcast_panels.MAX_ROWS_SHOWN", 2)
    for _ in range(3):
        make_token(broadcast)

    text = page(admin_client, url_of(broadcast))

    assert text.count('<code class="token">') == 2
    assert "All of them" in text
    address = "/admin/streams/token/?application__id__exact=2&amp;stream_id=cam"
    assert address in text
    assert page(admin_client, address.replace("&amp;", "&")).count("<code") == 3


def test_a_token_is_made_by_a_button_and_shown(
    admin_client: Client, broadcast: Broadcast
) -> None:
    before = time.time()

    text = admin_client.post(
        url_of(broadcast, "make_token"),
        {"type": "publish", "lifetime_s": "3600", "room": ""},
        follow=True,
    ).content.decode()

    token = Token.objects.get()
    assert (token.stream_id, token.type, token.room_id) == ("cam", "publish", "")
    assert before + 3599 <= token.expire_date <= time.time() + 3600
    assert f"/LiveApp/publish?id=cam&amp;token={token.token_id}" in text
    assert history(token) == ["Made a token for cam."]


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"type": "watch", "lifetime_s": "3600"}, "To: "),
        ({"type": "play", "lifetime_s": "7"}, "Good for: "),
        ({"type": "play", "lifetime_s": "3600", "room": "a b"}, "Room (if any): "),
        ({}, "Good for: "),
    ],
)
def test_a_token_that_makes_no_sense_is_refused_with_a_reason(
    admin_client: Client,
    broadcast: Broadcast,
    typed: dict[str, str],
    complaint: str,
) -> None:
    url = url_of(broadcast, "make_token")

    assert complaint in admin_client.post(url, typed, follow=True).content.decode()
    assert not Token.objects.exists()


def test_a_live_stream_is_stopped_by_a_button(
    admin_client: Client, on_air: Broadcast
) -> None:
    assert "Stop the stream</button>" in page(admin_client, url_of(on_air))

    text = admin_client.post(url_of(on_air, "stop"), follow=True).content.decode()

    publisher = LiveSession.objects.get(role="publish")
    assert publisher.ending == Ending.STOPPED
    assert history(on_air) == ["Stopped the stream."]
    assert "Stop the stream</button>" not in text
    assert '<span class="state state-dead">ending</span>' in text


def test_a_quiet_stream_has_no_button_and_nothing_to_stop(
    admin_client: Client, broadcast: Broadcast
) -> None:
    assert "Stop the stream</button>" not in page(admin_client, url_of(broadcast))

    text = admin_client.post(url_of(broadcast, "stop"), follow=True).content.decode()

    assert "Nobody publishes cam." in text
    assert history(broadcast) == []


def test_a_stopped_stream_can_be_deleted_once_it_is_over(
    admin_client: Client, on_air: Broadcast
) -> None:
    admin_client.post(url_of(on_air, "stop"))
    LiveSession.objects.all().delete()  # what the owner of the sockets does

    admin_client.post(url_of(on_air, "delete"), {"post": "yes"})

    assert not Broadcast.objects.exists()


def test_a_subscriber_is_blocked_and_unblocked_from_its_row(
    admin_client: Client, on_air: Broadcast
) -> None:
    row = Subscriber.objects.create(
        application=on_air.application, stream_id="cam", subscriber_id="sub-9"
    )
    terms = {"subscriber_id": "", "blocked_type": "publish", "seconds": "900"}

    text = admin_client.post(
        url_of(on_air, "block"), {**terms, "row": "sub-9"}, follow=True
    ).content.decode()

    row.refresh_from_db()
    assert row.is_blocked("publish", timezone.now())
    assert not row.is_blocked("play", timezone.now())
    assert LiveSession.objects.get(role="publish").ending == Ending.BLOCKED
    assert "Blocked sub-9: publishing, until" in text

    admin_client.post(url_of(on_air, "unblock"), {"row": "sub-9"})

    row.refresh_from_db()
    assert row.blocked_until_ms == 0
    assert history(row)[0].startswith("Blocked: publishing, until 20")
    assert history(row)[1] == "Unblocked."


def test_somebody_who_is_not_registered_can_be_blocked(
    admin_client: Client, on_air: Broadcast
) -> None:
    assert '<option value="sub-9">' in page(admin_client, url_of(on_air))

    admin_client.post(
        url_of(on_air, "block"),
        {"subscriber_id": "sub-9", "blocked_type": "publish_play", "seconds": "3600"},
    )

    row = Subscriber.objects.get()
    assert (row.stream_id, row.subscriber_id) == ("cam", "sub-9")
    assert row.is_blocked("play", timezone.now())


def test_a_block_of_nobody_or_for_no_time_is_refused(
    admin_client: Client, broadcast: Broadcast
) -> None:
    url = url_of(broadcast, "block")
    terms = {"blocked_type": "play", "seconds": "3600"}

    nobody = admin_client.post(url, terms, follow=True).content.decode()
    never = admin_client.post(
        url, {"row": "anna", "blocked_type": "play", "seconds": "1"}, follow=True
    ).content.decode()
    admin_client.post(url_of(broadcast, "unblock"), {"row": "nobody"})

    assert "Subscriber: " in nobody
    assert "For: " in never
    assert not Subscriber.objects.exists()


def test_buttons_are_pressed_by_post_with_a_csrf_token_only(
    admin_client: Client, broadcast: Broadcast, admin_user: object
) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin_user)  # type: ignore[arg-type]
    for name in ("stop", "make_token", "block", "unblock"):
        assert admin_client.get(url_of(broadcast, name)).status_code == 405
        assert strict.post(url_of(broadcast, name)).status_code == 403


def test_a_button_of_a_row_that_is_gone_says_so(
    admin_client: Client, broadcast: Broadcast
) -> None:
    url = url_of(broadcast, "stop")
    broadcast.delete()

    text = admin_client.post(url, follow=True).content.decode()

    assert "It is there no longer." in text


# Permissions


def test_who_may_only_look_sees_no_buttons_and_no_tokens(
    clerk: Login, on_air: Broadcast, subscriber: Subscriber
) -> None:
    token = make_token(on_air)
    client = clerk("view_broadcast", "view_token", "view_subscriber")

    text = page(client, url_of(on_air))

    assert token.token_id not in text
    assert f"{token.token_id[:4]}…" in text
    assert "<td>anna</td>" in text
    for word in ("Stop the stream", "Make a token", "Block</button>", "Delete</a>"):
        assert word not in text


def test_panels_are_for_those_who_may_see_their_rows(
    clerk: Login, broadcast: Broadcast, subscriber: Subscriber
) -> None:
    make_token(broadcast)

    text = page(clerk("view_broadcast", "change_broadcast"), url_of(broadcast))

    assert 'id="tokens"' not in text
    assert "anna" not in text


@pytest.mark.parametrize(
    ("button", "permissions", "status"),
    [
        ("stop", ("view_broadcast", "change_token", "change_subscriber"), 403),
        ("stop", ("change_livesession",), 403),
        ("stop", ("change_broadcast",), 302),
        ("make_token", ("change_broadcast", "change_token"), 403),
        ("make_token", ("add_token",), 403),
        ("make_token", ("view_broadcast", "add_token"), 302),
        ("block", ("change_broadcast", "add_subscriber"), 403),
        ("block", ("view_broadcast", "change_subscriber"), 403),
        ("block", ("view_broadcast", "change_subscriber", "add_subscriber"), 302),
        ("unblock", ("change_broadcast", "view_subscriber"), 403),
        ("unblock", ("view_broadcast", "change_subscriber"), 302),
    ],
)
def test_a_button_needs_the_permission_of_what_it_changes(
    clerk: Login,
    broadcast: Broadcast,
    button: str,
    permissions: tuple[str, ...],
    status: int,
) -> None:
    client = clerk(*permissions)
    typed = {
        "type": "play",
        "lifetime_s": "3600",
        "subscriber_id": "new-one",
        "blocked_type": "play",
        "seconds": "3600",
    }

    assert client.post(url_of(broadcast, button), typed).status_code == status

    changed = Token.objects.exists() or Subscriber.objects.exists()
    assert changed == (status == 302 and button in ("make_token", "block"))


def test_strangers_are_sent_to_the_login(
    client: Client, broadcast: Broadcast, application: Application
) -> None:
    response = client.post(url_of(broadcast, "make_token"), {})

    assert response.status_code == 302
    assert response.headers["Location"].startswith("/admin/login/")


def test_the_page_leads_to_the_streams_own_events(
    admin_client: Client, clerk: Login, broadcast: Broadcast
) -> None:
    for stream_id in ("cam", "other"):
        ConnectionEvent.objects.create(
            application=broadcast.application,
            stream_id=stream_id,
            event_type="refused",
            type="play",
            timestamp=1,
        )

    link = re.search(
        r'href="([^"]*/connectionevent/[^"]*)"', _tools(admin_client, broadcast)
    )
    assert link is not None
    response = admin_client.get(html.unescape(link[1]))
    shown = [event.stream_id for event in response.context["cl"].result_list]
    assert shown == ["cam"]

    assert "connectionevent" not in _tools(clerk("view_broadcast"), broadcast)


def _tools(client: Client, broadcast: Broadcast) -> str:
    """The buttons at the head of its page."""
    return (
        page(client, url_of(broadcast))
        .partition('class="object-tools"')[2]
        .partition("</ul>")[0]
    )
