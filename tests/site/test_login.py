"""Guessing passwords of the admin is bounded, and nobody is kept out for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from antmedia_site import login as login_module

PASSWORD = "correct horse battery"
WRONG_PASSWORD = "wrong"
HOME = "192.0.2.1"
ELSEWHERE = "198.51.100.7"
LOGGED_IN = HTTPStatus.FOUND
WRONG = HTTPStatus.OK  # the form again
LOCKED = HTTPStatus.TOO_MANY_REQUESTS


@pytest.fixture(autouse=True)
def alice(db: None, settings: Settings) -> User:
    # The real hasher takes half a second for each of some hundred attempts.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return User.objects.create_superuser("alice", password=PASSWORD)


def attempt(
    password: str = WRONG_PASSWORD,
    *,
    name: str = "alice",
    address: str = HOME,
    client: Client | None = None,
    headers: dict[str, str] | None = None,
) -> Any:
    return (client or Client()).post(
        reverse("admin:login"),
        {"username": name, "password": password},
        headers=headers,
        REMOTE_ADDR=address,
    )


def fail(times: int, **values: Any) -> None:
    for _ in range(times):
        attempt(**values)


def let_time_pass(minutes: int) -> None:
    AccessAttempt.objects.update(
        attempt_time=F("attempt_time") - timedelta(minutes=minutes)
    )


def test_the_right_password_logs_in() -> None:
    client = Client()
    assert attempt(PASSWORD, client=client).status_code == LOGGED_IN
    assert client.get(reverse("admin:index")).status_code == HTTPStatus.OK


def test_the_sixth_attempt_is_refused_with_the_right_password_too() -> None:
    statuses = [attempt().status_code for _ in range(5)]
    assert statuses == [WRONG, WRONG, WRONG, WRONG, LOCKED]
    client = Client()
    assert attempt(PASSWORD, client=client).status_code == LOCKED
    assert client.get(reverse("admin:index")).status_code == HTTPStatus.FOUND


def test_four_failures_lock_nothing() -> None:
    fail(4)
    assert attempt(PASSWORD).status_code == LOGGED_IN


def test_a_success_starts_the_count_anew() -> None:
    fail(4)
    attempt(PASSWORD)
    fail(4)
    assert attempt(PASSWORD).status_code == LOGGED_IN


def test_another_address_is_not_locked_with_it() -> None:
    fail(5)
    assert attempt(PASSWORD, address=ELSEWHERE).status_code == LOGGED_IN


def test_another_name_of_that_address_is_not_locked_with_it() -> None:
    fail(5, name="bob")
    assert attempt(PASSWORD).status_code == LOGGED_IN


def test_another_browser_of_that_address_is_locked_with_it() -> None:
    fail(5, headers={"user-agent": "One"})
    assert attempt(PASSWORD, headers={"user-agent": "Two"}).status_code == LOCKED


def test_an_ipv6_network_is_locked_as_one_client() -> None:
    for last in range(5):
        attempt(address=f"2001:db8:1:2::{last:x}")
    assert attempt(PASSWORD, address="2001:db8:1:2:ffff::1").status_code == LOCKED
    assert attempt(PASSWORD, address="2001:db8:1:3::1").status_code == LOGGED_IN


def test_the_lock_ends() -> None:
    fail(5)
    let_time_pass(14)
    assert attempt(PASSWORD).status_code == LOCKED
    let_time_pass(2)
    assert attempt(PASSWORD).status_code == LOGGED_IN


def test_trying_on_does_not_lengthen_the_lock() -> None:
    fail(5)
    let_time_pass(10)
    fail(3)
    let_time_pass(6)
    assert attempt(PASSWORD).status_code == LOGGED_IN


def test_an_old_lock_is_not_half_of_the_next() -> None:
    fail(5)
    let_time_pass(16)
    assert attempt().status_code == WRONG


def test_an_address_that_tries_many_names_is_locked_for_all() -> None:
    for number in range(49):
        assert attempt(name=f"name-{number}").status_code == WRONG
    assert attempt(name="name-49").status_code == LOCKED
    assert attempt(PASSWORD).status_code == LOCKED
    assert attempt(PASSWORD, address=ELSEWHERE).status_code == LOGGED_IN
    let_time_pass(16)
    assert attempt(PASSWORD).status_code == LOGGED_IN


def test_an_own_account_does_not_buy_guesses_at_others() -> None:
    User.objects.create_superuser("mallory", password=PASSWORD)
    fail(5)
    attempt(PASSWORD, name="mallory")
    assert attempt(PASSWORD).status_code == LOCKED


def test_a_header_that_anyone_can_send_buys_no_attempt(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 0
    for number in range(5):
        attempt(headers={"x-forwarded-for": f"203.0.113.{number}"})
    answer = attempt(PASSWORD, headers={"x-forwarded-for": "203.0.113.99"})
    assert answer.status_code == LOCKED


def test_behind_a_proxy_its_clients_are_told_apart(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 1
    guesser = {"x-forwarded-for": f"{ELSEWHERE}, 203.0.113.1"}
    fail(5, headers=guesser)
    assert attempt(PASSWORD, headers=guesser).status_code == LOCKED
    assert (
        attempt(PASSWORD, headers={"x-forwarded-for": ELSEWHERE}).status_code
        == LOGGED_IN
    )


@pytest.mark.parametrize("address", ["", "unix:/run/site.sock"])
def test_a_connection_without_an_address_is_counted_too(address: str) -> None:
    fail(5, address=address)
    assert attempt(PASSWORD, address=address).status_code == LOCKED


def test_an_unknown_name_is_locked_like_a_known_one() -> None:
    """Otherwise the lock would tell which accounts there are."""
    pages = {}
    for name in ("alice", "nobody-at-all"):
        fail(5, name=name)
        pages[name] = attempt(name=name)
    assert {page.status_code for page in pages.values()} == {LOCKED}
    assert len({page.content for page in pages.values()}) == 1


def test_the_page_of_a_lock_says_what_to_do() -> None:
    fail(5)
    answer = attempt(PASSWORD)
    text = answer.content.decode()
    assert "Too many failed logins" in text
    assert "15 minutes" in text
    assert "alice" not in text
    assert answer["Retry-After"] == "900"
    assert "Access-Control-Allow-Origin" not in answer


def test_a_script_is_told_no_more_than_a_person() -> None:
    fail(5)
    answer = attempt(PASSWORD, headers={"x-requested-with": "XMLHttpRequest"})
    assert answer.status_code == LOCKED
    assert "Access-Control-Allow-Origin" not in answer
    assert b"alice" not in answer.content


def test_an_operator_can_end_a_lock() -> None:
    fail(5)
    call_command("axes_reset", verbosity=0)
    assert attempt(PASSWORD).status_code == LOGGED_IN


def test_no_password_is_kept_of_an_attempt() -> None:
    attempt("hunter2-wrong", name="alice")
    kept = AccessAttempt.objects.values().get()
    assert kept["username"] == "alice"
    assert "hunter2-wrong" not in str(kept)


@pytest.mark.parametrize("name", ["alice\x00", "a" * 5000, "", "<script>"])
def test_an_odd_name_is_a_failure_like_any_other(name: str) -> None:
    assert attempt(name=name).status_code == WRONG


def test_two_spellings_of_a_name_share_its_attempts() -> None:
    """Django takes full-width letters and blanks around a name for the plain one."""
    fail(3)
    fail(1, name="\uff41lice")
    fail(1, name=" alice ")
    assert attempt(PASSWORD).status_code == LOCKED


def request_of(address: str) -> HttpRequest:
    return RequestFactory().post(reverse("admin:login"), REMOTE_ADDR=address)


def run_in_turns(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[HttpRequest], HttpResponse]
) -> None:
    monkeypatch.setattr(admin.site, "login", answer)


def test_attempts_of_one_address_are_taken_one_after_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Otherwise all of a hundred at once are checked before one is counted."""
    inside = threading.Semaphore(1)
    overlaps = []

    def check(request: HttpRequest) -> HttpResponse:
        free = inside.acquire(blocking=False)
        overlaps.append(not free)
        threading.Event().wait(0.01)
        if free:
            inside.release()
        return HttpResponse()

    run_in_turns(monkeypatch, check)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(login_module.login, [request_of(HOME)] * 16))
    assert overlaps == [False] * 16


def test_a_turn_that_does_not_come_is_a_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(login_module, "TURN_TIMEOUT_S", 0.01)
    busy, done = threading.Event(), threading.Event()

    def check(request: HttpRequest) -> HttpResponse:
        busy.set()
        done.wait()
        return HttpResponse()

    run_in_turns(monkeypatch, check)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(login_module.login, request_of(HOME))
        busy.wait()
        assert login_module.login(request_of(HOME)).status_code == LOCKED
        done.set()
        assert first.result().status_code == HTTPStatus.OK
    assert login_module.login(request_of(HOME)).status_code == HTTPStatus.OK


def test_a_turn_is_given_back_by_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_module, "TURN_TIMEOUT_S", 0.01)

    def check(request: HttpRequest) -> HttpResponse:
        raise RuntimeError

    run_in_turns(monkeypatch, check)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            login_module.login(request_of(HOME))
