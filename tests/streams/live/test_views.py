from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from tests.streams.live.conftest import LogIn

PAGE = "/admin/live/"


@pytest.fixture
def staff(log_in: LogIn, client: Client) -> Client:
    log_in()
    client.force_login(
        User.objects.get(username="op"), "django.contrib.auth.backends.ModelBackend"
    )
    return client


def text_of(client: Client, url: str = PAGE) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


def test_staff_with_the_permission_get_the_page(staff: Client) -> None:
    text = text_of(staff)

    assert reverse("live-overview") == PAGE
    assert 'data-socket="/admin/live/socket"' in text
    assert 'id="logout-form"' in text  # it is a page of the admin


def test_others_are_asked_to_log_in(db: None, client: Client, log_in: LogIn) -> None:
    assert client.get(PAGE).headers["Location"] == f"/admin/login/?next={PAGE}"
    log_in(is_staff=False)
    client.force_login(User.objects.get(), "django.contrib.auth.backends.ModelBackend")
    assert client.get(PAGE).headers["Location"].startswith("/admin/login/")


def test_staff_without_the_permission_get_neither_page_nor_link(
    staff: Client,
) -> None:
    User.objects.get().user_permissions.clear()

    assert staff.get(PAGE).status_code == 403
    assert PAGE not in text_of(staff, "/admin/")


def test_it_only_shows(staff: Client) -> None:
    assert staff.post(PAGE).status_code == 405


def test_broadcasts_are_linked_for_those_who_may_see_them(staff: Client) -> None:
    assert "data-broadcast=" not in text_of(staff)
    User.objects.get().user_permissions.add(
        Permission.objects.get(codename="view_broadcast")
    )

    assert 'data-broadcast="/admin/streams/broadcast/0/change/"' in text_of(staff)


def test_the_index_and_every_header_link_to_it(staff: Client) -> None:
    index = text_of(staff, "/admin/")
    assert index.count(f'href="{PAGE}"') == 2
    assert "Recent actions" in index  # the rest is Django's own
    assert text_of(staff, "/admin/streams/livesession/").count(f'href="{PAGE}"') == 1


def test_nothing_of_it_is_inline_or_from_elsewhere(staff: Client) -> None:
    text = text_of(staff)

    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son\w+=", text)
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", text)
