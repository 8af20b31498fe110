"""The list and the page of applications, where access is decided."""

from __future__ import annotations

from dataclasses import asdict

from django.contrib.admin.utils import flatten_fieldsets
from django.test import Client

from relay.control import RenditionReport
from streams.admin.applications import FIELDSETS
from streams.forms import APPLICATION_SECRETS
from streams.models import Application, Broadcast
from tests.streams.admin.conftest import Login, history, list_url, page, url_of


def test_every_setting_is_on_the_page() -> None:
    columns = {
        field.name for field in Application._meta.concrete_fields if field.editable
    }

    assert columns - {"id"} == set(flatten_fieldsets(FIELDSETS)) - {"pages"}


def test_the_switch_of_the_list_suspends_and_resumes(
    admin_client: Client, application: Application
) -> None:
    suspend, resume = (url_of(application, name) for name in ("suspend", "resume"))
    assert f'formaction="{suspend}"' in page(admin_client, list_url(Application))

    admin_client.post(suspend)
    assert Application.objects.filter(suspended=True).get() == application
    assert f'formaction="{resume}"' in page(admin_client, list_url(Application))

    admin_client.post(resume)
    assert not Application.objects.filter(suspended=True).exists()
    assert history(application) == ["Suspended.", "No longer suspended."]


def test_a_switch_that_another_has_pressed_already_does_not_turn_back(
    admin_client: Client, application: Application
) -> None:
    for _ in range(2):
        admin_client.post(url_of(application, "suspend"))

    application.refresh_from_db()
    assert application.suspended
    assert history(application) == ["Suspended."]


def test_an_address_cannot_ask_for_the_letters_of_a_secret(
    admin_client: Client, application: Application
) -> None:
    for name in APPLICATION_SECRETS:
        response = admin_client.get(list_url(Application), {f"{name}__startswith": "a"})
        assert response.status_code == 400


def test_who_may_only_look_sees_no_secret_and_no_switch(
    clerk: Login, application: Application
) -> None:
    for name in APPLICATION_SECRETS:
        setattr(application, name, f"hidden-{name}")
    application.save()
    client = clerk("view_application")

    text = page(client, url_of(application))

    assert "hidden-" not in text
    assert "key of stream JWTs, secret for unknown publishers" in text
    assert "Suspend</button>" not in page(client, list_url(Application))
    for name in ("suspend", "resume"):
        assert client.post(url_of(application, name)).status_code == 403
    application.refresh_from_db()
    assert not application.suspended


LADDER = [{"height": 240, "videoBitrate": 300_000}, {"height": 720}]


def test_who_may_only_look_reads_the_ladder_in_words(
    clerk: Login, application: Application
) -> None:
    application.encoder_settings = LADDER
    application.save()
    words = "720p at ? kbit/s, 240p at 300 kbit/s"
    row = Broadcast.objects.create(
        application=application, stream_id="cam", encoder_settings=LADDER
    )

    client = clerk("view_application", "view_broadcast")

    for text in (page(client, url_of(application)), page(client, url_of(row))):
        assert words in text
        assert "videoBitrate" not in text


def test_a_broadcast_shows_what_viewers_may_get_now(
    admin_client: Client, application: Application
) -> None:
    high = RenditionReport(1280, 720, 1_500_000, 64_000, "VP8")
    low = RenditionReport(426, 240, 300_000, 64_000, "VP8")
    row = Broadcast.objects.create(
        application=application,
        stream_id="cam",
        renditions=[asdict(high), asdict(low)],
    )

    text = page(admin_client, url_of(row))

    assert "720p 1.5 Mbit/s, 240p 300 kbit/s" in text
