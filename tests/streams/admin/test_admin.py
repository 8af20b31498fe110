"""The admin's pages as an operator asks for them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from streams.clock import now_ms
from streams.models import Application, Broadcast, LiveSession
from streams.services import SocketInfo
from tests.streams.admin.conftest import Login, history, page
from tests.streams.conftest import Play, at_most

LIST = "admin:streams_broadcast_changelist"


def change_url(broadcast: Broadcast) -> str:
    return reverse("admin:streams_broadcast_change", args=[broadcast.pk])


# Broadcasts


def test_the_list_shows_who_is_live(admin_client: Client, on_air: Broadcast) -> None:
    text = page(admin_client, reverse(LIST))

    assert '<span class="state state-live">live</span>' in text
    assert "1.6 Mbit/s" in text
    assert "1280 x 720" in text
    assert "192.0.2.1" in text
    assert '<td class="field-viewers">2</td>' in text
    assert '<span class="automatic">automatic</span>' in text


def test_the_list_costs_the_same_for_many_rows(
    admin_client: Client, on_air: Broadcast
) -> None:
    page(admin_client, reverse(LIST))
    with at_most(9):
        page(admin_client, reverse(LIST))
    Broadcast.objects.bulk_create(
        Broadcast(application=on_air.application, stream_id=f"s{number}")
        for number in range(30)
    )
    with at_most(9):
        page(admin_client, reverse(LIST))


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"live": "live"}, {"cam"}),
        ({"live": "parked"}, set()),
        ({"live": "none"}, {"quiet"}),
        ({"live": "nonsense"}, {"cam", "quiet"}),
        ({"automatic": "1"}, {"cam"}),
        ({"automatic": "0"}, {"quiet"}),
        ({"automatic": "nonsense"}, {"cam", "quiet"}),
        ({"q": "Lobby"}, {"cam"}),
    ],
)
def test_the_list_can_be_filtered_and_searched(
    admin_client: Client, on_air: Broadcast, query: dict[str, str], shown: set[str]
) -> None:
    Broadcast.objects.create(application=on_air.application, stream_id="quiet")

    response = admin_client.get(reverse(LIST), query)

    found = {row.stream_id for row in response.context["cl"].result_list}
    assert found == shown


def test_a_stale_broadcast_is_shown_as_ended(
    admin_client: Client, application: Application
) -> None:
    Broadcast.objects.create(
        application=application,
        stream_id="cam",
        status="broadcasting",
        update_time=now_ms() - 60_000,
    )

    assert "terminated unexpectedly" in page(admin_client, reverse(LIST))


def test_the_page_of_a_broadcast_shows_its_sessions_and_links(
    admin_client: Client, on_air: Broadcast
) -> None:
    text = page(admin_client, change_url(on_air))

    assert '<a href="/LiveApp/play?id=cam">Play</a>' in text
    assert '<a href="/LiveApp/publish?id=cam">Publish</a>' in text
    assert text.count("<td>viewer</td>") == 2
    assert text.count("<td>publisher</td>") == 1
    assert "sub-9" in text
    assert "12.3 GB" in text
    assert "VP8, opus" in text


def test_what_clients_say_is_escaped(admin_client: Client, on_air: Broadcast) -> None:
    text = page(admin_client, change_url(on_air))

    assert "<tv>" not in text
    assert "&lt;tv&gt;" in text


def test_the_page_of_a_quiet_broadcast_says_so(
    admin_client: Client, application: Application
) -> None:
    row = Broadcast.objects.create(application=application, stream_id="cam")

    assert "Nobody publishes or plays it now." in page(admin_client, change_url(row))


def test_a_full_house_is_cut(
    admin_client: Client,
    on_air: Broadcast,
    play: Play,
    bob: SocketInfo,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streams.admin.broadcast_panels.MAX_SESSIONS_SHOWN", 2)

    text = page(admin_client, change_url(on_air))

    assert text.count("<td>viewer</td>") == 1
    assert "… and more" in text


def test_an_operator_registers_a_stream(
    admin_client: Client, application: Application
) -> None:
    url = reverse("admin:streams_broadcast_add")
    assert "24 random digits" in page(admin_client, url)

    response = admin_client.post(
        url,
        {
            "application": application.pk,
            "stream_id": "lobby",
            "name": "Lobby",
            "expire_duration_ms": "0",
            "viewer_limit": "-1",
            "subtracks_limit": "-1",
        },
    )

    assert response.status_code == 302
    row = Broadcast.objects.get()
    assert (row.stream_id, row.name, row.zombi) == ("lobby", "Lobby", False)


def test_a_stream_keeps_its_id_and_its_application(
    admin_client: Client, application: Application
) -> None:
    row = Broadcast.objects.create(application=application, stream_id="cam")

    response = admin_client.post(
        change_url(row),
        {
            "application": application.pk + 1,
            "stream_id": "other",
            "name": "New",
            "status": "broadcasting",
            "expire_duration_ms": "0",
            "viewer_limit": "-1",
            "subtracks_limit": "-1",
        },
    )

    assert response.status_code == 302
    row.refresh_from_db()
    assert (row.stream_id, row.application) == ("cam", application)
    assert (row.name, row.status) == ("New", "created")


def test_an_automatic_broadcast_can_be_kept(
    admin_client: Client, on_air: Broadcast
) -> None:
    admin_client.post(
        reverse(LIST),
        {"action": "register_selected", "_selected_action": [on_air.pk]},
    )

    on_air.refresh_from_db()
    assert not on_air.zombi
    assert history(on_air) == ["Kept as a registered one."]


def test_a_live_broadcast_cannot_be_deleted_and_the_reason_is_told(
    admin_client: Client, on_air: Broadcast
) -> None:
    url = reverse("admin:streams_broadcast_delete", args=[on_air.pk])

    assert "Stop the stream first." in page(admin_client, url)
    told = admin_client.post(url, {"post": "yes"}).content.decode()
    assert "Stop the stream first." in told
    told = admin_client.post(
        reverse(LIST),
        {"action": "delete_selected", "_selected_action": [on_air.pk], "post": "yes"},
    ).content.decode()
    assert "Stop the stream first." in told
    assert Broadcast.objects.filter(pk=on_air.pk).exists()


def test_nobody_keeps_a_broadcast_by_joining_a_room_under_its_name(
    admin_client: Client, application: Application
) -> None:
    row = Broadcast.objects.create(application=application, stream_id="cam")
    LiveSession.objects.create(
        id="0" * 32, application=application, stream_id="cam", role="participant"
    )
    url = reverse("admin:streams_broadcast_delete", args=[row.pk])

    admin_client.post(url, {"post": "yes"})

    assert not Broadcast.objects.filter(pk=row.pk).exists()


def test_a_quiet_broadcast_can_be_deleted(
    admin_client: Client, application: Application
) -> None:
    row = Broadcast.objects.create(application=application, stream_id="cam")
    other = Application.objects.get(name="WebRTCAppEE")
    LiveSession.objects.create(  # of another application's stream of that name
        id="1", application=other, stream_id="cam", role="play", state="live"
    )
    url = reverse("admin:streams_broadcast_delete", args=[row.pk])

    admin_client.post(url, {"post": "yes"})

    assert not Broadcast.objects.exists()


# Applications


def test_the_list_of_applications_counts_the_live(
    admin_client: Client, on_air: Broadcast
) -> None:
    text = page(admin_client, reverse("admin:streams_application_changelist"))

    assert '<td class="field-publishers">1</td>' in text
    assert '<td class="field-viewers">2</td>' in text
    assert '<a href="/LiveApp/">/LiveApp/</a>' in text


def test_an_application_with_broadcasts_cannot_be_renamed(
    admin_client: Client, on_air: Broadcast
) -> None:
    application = on_air.application
    url = reverse("admin:streams_application_change", args=[application.pk])

    assert 'name="name"' not in page(admin_client, url)
    empty = Application.objects.get(name="WebRTCAppEE")
    other = reverse("admin:streams_application_change", args=[empty.pk])
    assert 'name="name"' in page(admin_client, other)


def test_an_application_can_be_added(admin_client: Client) -> None:
    text = page(admin_client, reverse("admin:streams_application_add"))

    assert 'value="10000"' in text


# Permissions


def test_strangers_see_nothing(client: Client, on_air: Broadcast) -> None:
    assert client.get(reverse(LIST)).status_code == 302


def test_staff_see_what_they_were_given(client: Client, on_air: Broadcast) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    client.force_login(clerk)
    assert client.get(reverse(LIST)).status_code == 403

    clerk.user_permissions.add(Permission.objects.get(codename="view_broadcast"))
    assert "cam" in page(client, reverse(LIST))
    Broadcast.objects.update(planned_start_date=1_772_366_400)
    assert "2026-03-01 12:00:00 UTC" in page(client, change_url(on_air))
    assert client.post(change_url(on_air), {}).status_code == 403


def test_who_plays_is_for_those_who_may_see_sessions(
    clerk: Login, on_air: Broadcast
) -> None:
    client = clerk("view_broadcast")
    text = page(client, change_url(on_air))
    assert "state-live" in text
    assert "192.0.2.2" not in text
    assert "sub-9" not in text

    client.logout()
    User.objects.all().delete()
    text = page(clerk("view_broadcast", "view_livesession"), change_url(on_air))
    assert "192.0.2.2" in text
