"""The list and the page of applications, where access is decided."""

from __future__ import annotations

from django.contrib.admin.utils import flatten_fieldsets
from django.test import Client

from streams.admin.applications import FIELDSETS
from streams.forms import APPLICATION_SECRETS
from streams.models import Application
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
