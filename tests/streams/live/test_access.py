from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone

from streams.live.access import Access, check_access
from tests.streams.live.conftest import LogIn


def test_staff_with_the_permission_may_watch(log_in: LogIn) -> None:
    assert check_access(log_in()) is Access.ALLOWED


def test_a_superuser_may_watch(log_in: LogIn) -> None:
    key = log_in(permitted=False, is_superuser=True)

    assert check_access(key) is Access.ALLOWED


def test_staff_without_the_permission_may_not(log_in: LogIn) -> None:
    assert check_access(log_in(permitted=False)) is Access.FORBIDDEN


def test_the_permission_without_staff_is_not_enough(log_in: LogIn) -> None:
    assert check_access(log_in(is_staff=False)) is Access.FORBIDDEN


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "unknown", "x" * 5000, "abcdefgh\x00"])
def test_without_a_session_nobody_is_logged_in(key: str) -> None:
    assert check_access(key) is Access.LOGGED_OUT
    assert not Session.objects.exists()


def _log_out(user: User) -> None:
    Session.objects.all().delete()


def _expire(user: User) -> None:
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))


def _deactivate(user: User) -> None:
    User.objects.update(is_active=False)


def _change_password(user: User) -> None:
    user.set_password("another one")
    user.save()


def _remove(user: User) -> None:
    user.delete()


def _take_staff(user: User) -> None:
    User.objects.update(is_staff=False)


def _take_permission(user: User) -> None:
    user.user_permissions.clear()


@pytest.mark.parametrize(
    ("change", "then"),
    [
        (_log_out, Access.LOGGED_OUT),
        (_expire, Access.LOGGED_OUT),
        (_deactivate, Access.LOGGED_OUT),
        (_change_password, Access.LOGGED_OUT),
        (_remove, Access.LOGGED_OUT),
        (_take_staff, Access.FORBIDDEN),
        (_take_permission, Access.FORBIDDEN),
    ],
)
def test_every_change_counts_from_the_next_call_on(
    log_in: LogIn, change: Callable[[User], None], then: Access
) -> None:
    key = log_in()
    assert check_access(key) is Access.ALLOWED

    change(User.objects.get(username="op"))

    assert check_access(key) is then
