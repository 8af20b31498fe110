from __future__ import annotations

import base64
import json
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from streams.models import ApiKey, Application, Scope
from streams.rest.authentication import Program
from streams.services.api_keys import create_api_key, revoke_api_key
from tests.streams.rest.conftest import Caller

SETTINGS = "settings"
SECRET = "a key of REST tokens, 32 chars at least"


def enable_jwt(application: Application, secret: str = SECRET) -> None:
    application.rest_jwt_enabled = True
    application.rest_jwt_secret = secret
    application.save()


def encode(claims: dict[str, Any] | None = None, secret: str = SECRET) -> str:
    claims = {"exp": int(time.time()) + 60} if claims is None else claims
    return jwt.encode(claims, secret, "HS256")


def test_it_lets_a_key_in(reader: Caller) -> None:
    assert reader.get(SETTINGS).status_code == 200


@pytest.mark.parametrize("scheme", ["", "bearer ", "BEARER  "])
def test_it_takes_a_key_with_any_spelling_of_the_scheme(
    reader: Caller, scheme: str
) -> None:
    text = reader.authorization.removeprefix("Bearer ")
    assert Caller(scheme + text).get(SETTINGS).status_code == 200


def test_it_answers_nobody_with_401_and_a_result(nobody: Caller) -> None:
    answer = nobody.get(SETTINGS)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer.json() == {
        "success": False,
        "message": "Authentication credentials were not provided.",
        "dataId": None,
        "errorId": 401,
    }


def test_it_refuses_an_unknown_key(application: Application) -> None:
    answer = Caller("abcdefghij." + "x" * 43).get(SETTINGS)
    assert answer.status_code == 401
    assert answer.json()["message"] == "Invalid API key"


def test_it_refuses_a_key_with_another_secret(reader: Caller) -> None:
    prefix = reader.authorization.partition(".")[0]
    assert Caller(f"{prefix}.{'x' * 43}").get(SETTINGS).status_code == 401


def test_it_refuses_a_truncated_key(reader: Caller) -> None:
    assert Caller(reader.authorization[:-1]).get(SETTINGS).status_code == 401


def test_it_refuses_a_revoked_key(reader: Caller) -> None:
    revoke_api_key(ApiKey.objects.get())
    assert reader.get(SETTINGS).status_code == 401


def test_it_refuses_an_expired_key(application: Application) -> None:
    past = timezone.now() - timedelta(seconds=1)
    _, text = create_api_key("old", expires_at=past)
    assert Caller(text).get(SETTINGS).status_code == 401


def test_it_refuses_a_text_that_is_no_key(application: Application) -> None:
    answer = Caller("Basic YWRtaW46YWRtaW4=").get(SETTINGS)
    assert answer.status_code == 401
    assert answer.json()["message"] == "Invalid API key"


def test_a_key_of_another_application_may_not_enter(outsider: Caller) -> None:
    assert outsider.get(SETTINGS).status_code == 403
    own = Caller(outsider.authorization, "OtherApp")
    assert own.get(SETTINGS).status_code == 200


def test_a_read_key_may_not_write(reader: Caller) -> None:
    answer = reader.put(SETTINGS, {"suspended": True})
    assert answer.status_code == 403
    assert answer.json()["message"] == "This key may only read"
    assert not Application.objects.get(name="LiveApp").suspended


@pytest.mark.parametrize(
    "path",
    [
        "broadcasts/cam/token?type=play&expireDate=4000000000",
        "broadcasts/cam/jwt-token?type=play&expireDate=4000000000",
        "broadcasts/cam/tokens/list/0/10",
        "broadcasts/cam/subscribers/alice/totp?type=play",
    ],
)
def test_a_read_key_gets_no_credentials(reader: Caller, path: str) -> None:
    assert reader.get(path).status_code == 403


def test_an_unknown_application_is_404(reader: Caller) -> None:
    answer = Caller(reader.authorization, "Nowhere").get(SETTINGS)
    assert answer.status_code == 404
    assert answer.json()["message"] == "No such application"


# The application's JWT (contract 7.3)


@pytest.mark.parametrize("scheme", ["", "Bearer "])
def test_it_lets_the_applications_jwt_read_and_write(
    application: Application, scheme: str
) -> None:
    enable_jwt(application)
    caller = Caller(scheme + encode())
    assert caller.put(SETTINGS, {"suspended": True}).status_code == 200


def test_a_jwt_without_an_expiry_is_good_as_long_as_its_key(
    application: Application,
) -> None:
    enable_jwt(application)
    assert Caller(encode({"sub": "back end"})).get(SETTINGS).status_code == 200


def test_a_short_rest_secret_works_as_well(application: Application) -> None:
    enable_jwt(application, "short")
    text = jwt.encode(
        {"exp": int(time.time()) + 60}, b"short".ljust(64, b"\0"), "HS256"
    )
    assert Caller(text).get(SETTINGS).status_code == 200


def test_a_jwt_is_of_its_application_only(application: Application) -> None:
    enable_jwt(application)
    Application.objects.create(
        name="OtherApp", rest_jwt_enabled=True, rest_jwt_secret=SECRET + "!"
    )
    assert Caller(encode(), "OtherApp").get(SETTINGS).status_code == 403


def unsigned() -> str:
    parts = ({"alg": "none", "typ": "JWT"}, {"exp": int(time.time()) + 60})
    texts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in parts
    ]
    return ".".join([*texts, ""])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(lambda: encode(secret=SECRET[:-1]), id="another key"),
        pytest.param(lambda: encode({"exp": int(time.time()) - 1}), id="expired"),
        pytest.param(lambda: encode({"exp": None}), id="an expiry of nothing"),
        pytest.param(lambda: encode({"exp": int(time.time()) + 60})[:-2], id="cut"),
        pytest.param(
            lambda: encode(
                {"exp": int(time.time()) + 90, "nbf": int(time.time()) + 60}
            ),
            id="early",
        ),
        pytest.param(
            lambda: jwt.encode(
                {"exp": int(time.time()) + 60}, SECRET.ljust(64, "\0"), "HS512"
            ),
            id="HS512",
        ),
        pytest.param(lambda: encode({"exp": "4000000000"}), id="expiry is a text"),
        pytest.param(unsigned, id="alg none"),
        pytest.param(lambda: "not a token", id="no JWT"),
        pytest.param(lambda: "W1tb" * 1500 + ".W1tb.W1tb", id="deeply nested header"),
        pytest.param(lambda: "ä.ö.ü", id="not ASCII"),
    ],
)
def test_it_refuses_a_bad_jwt(application: Application, text: Any) -> None:
    enable_jwt(application)
    answer = Caller(f"Bearer {text()}").get(SETTINGS)
    assert answer.status_code == 403
    assert answer.json()["message"] == "Invalid App JWT Token"


def test_it_refuses_a_good_jwt_where_they_are_off(application: Application) -> None:
    enable_jwt(application)
    Application.objects.update(rest_jwt_enabled=False)
    assert Caller(encode()).get(SETTINGS).status_code == 401


def test_nobody_is_asked_for_the_applications_jwt(
    application: Application, nobody: Caller
) -> None:
    enable_jwt(application)
    answer = nobody.get(SETTINGS)
    assert (answer.status_code, answer.json()["errorId"]) == (403, 403)
    assert answer.json()["message"] == "Invalid App JWT Token"


# Addresses


def test_nobody_hears_first_that_the_address_is_not_allowed(
    application: Application, nobody: Caller
) -> None:
    enable_jwt(application)
    answer = nobody.get(SETTINGS, REMOTE_ADDR="192.0.2.9")
    assert answer.status_code == 403
    assert answer.json()["message"] == "Not allowed IP"


def test_it_refuses_an_address_that_is_not_allowed(writer: Caller) -> None:
    answer = writer.get(SETTINGS, REMOTE_ADDR="192.0.2.9")
    assert answer.status_code == 403
    assert answer.json()["message"] == "Not allowed IP"


def test_it_refuses_a_jwt_from_an_address_that_is_not_allowed(
    application: Application,
) -> None:
    enable_jwt(application)
    answer = Caller(encode()).get(SETTINGS, REMOTE_ADDR="192.0.2.9")
    assert answer.json()["message"] == "Not allowed IP"


@pytest.mark.parametrize(
    "change",
    [{"rest_allowed_cidr": "192.0.2.0/24"}, {"rest_ip_filter_enabled": False}],
    ids=["allowed", "no filter"],
)
def test_it_takes_an_allowed_address(writer: Caller, change: dict[str, Any]) -> None:
    Application.objects.update(**change)
    assert writer.get(SETTINGS, REMOTE_ADDR="192.0.2.9").status_code == 200


def test_a_forwarded_address_counts_behind_a_trusted_proxy_only(
    writer: Caller, settings: Any
) -> None:
    headers = {"HTTP_X_FORWARDED_FOR": "127.0.0.1", "REMOTE_ADDR": "192.0.2.9"}
    settings.TRUSTED_PROXIES = 0
    assert writer.get(SETTINGS, **headers).status_code == 403
    settings.TRUSTED_PROXIES = 1
    assert writer.get(SETTINGS, **headers).status_code == 200


# People


def sign_in(*, staff: bool, permission: bool = False, checks: bool = False) -> Client:
    user = User.objects.create_user("person", is_staff=staff)
    if permission:
        user.user_permissions.add(Permission.objects.get(codename="change_application"))
    client = Client(enforce_csrf_checks=checks)
    client.force_login(user)
    return client


URL = "/LiveApp/rest/v2/settings"


def test_staff_that_may_change_applications_may_use_it_from_anywhere(
    application: Application,
) -> None:
    client = sign_in(staff=True, permission=True)
    assert client.get(URL, REMOTE_ADDR="192.0.2.9").status_code == 200


@pytest.mark.parametrize(
    ("staff", "permission"), [(True, False), (False, True), (False, False)]
)
def test_other_people_may_not(
    application: Application, *, staff: bool, permission: bool
) -> None:
    client = sign_in(staff=staff, permission=permission)
    answer = client.get(URL)
    assert answer.status_code == 403
    assert answer.json()["success"] is False


def test_a_person_needs_the_csrf_token_to_write(application: Application) -> None:
    client = sign_in(staff=True, permission=True, checks=True)
    answer = client.put(URL, '{"suspended": true}', content_type="application/json")
    assert answer.status_code == 403
    assert not Application.objects.get(pk=application.pk).suspended


# Throttles


def test_it_stops_an_address_that_fails_too_often(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.rest.throttles.limit_of", lambda kind: 2)
    guesser = Caller("abcdefghij." + "x" * 43)
    assert [guesser.get(SETTINGS).status_code for _ in range(3)] == [401, 401, 429]
    late = guesser.get(SETTINGS)
    assert 1 <= int(late["Retry-After"]) <= 60
    assert late.json()["errorId"] == 429


def test_failures_of_others_at_its_address_do_not_lock_a_key_out(
    reader: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.rest.throttles.limit_of", lambda kind: 2)
    for _ in range(3):
        Caller("abcdefghij." + "x" * 43).get(SETTINGS)
    assert reader.get(SETTINGS).status_code == 200


def test_a_jwt_is_not_looked_at_beyond_the_failures(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its key may be one that can be guessed."""
    enable_jwt(application)
    monkeypatch.setattr("streams.rest.throttles.limit_of", lambda kind: 2)
    for _ in range(2):
        Caller("not a token").get(SETTINGS)
    assert Caller(encode()).get(SETTINGS).status_code == 429


def test_it_bounds_the_requests_of_a_key(
    reader: Caller, writer: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.rest.throttles.limit_of", lambda kind: 2)
    assert [reader.get(SETTINGS).status_code for _ in range(3)] == [200, 200, 429]
    assert writer.get(SETTINGS).status_code == 200


def test_a_key_of_one_application_says_nothing_of_its_scope_in_another(
    outsider: Caller,
) -> None:
    answer = outsider.get(SETTINGS)
    assert answer.json()["message"] == "This key is for another application"


def test_a_use_is_noted(reader: Caller) -> None:
    ApiKey.objects.update(last_used_at=None)
    reader.get(SETTINGS)
    assert ApiKey.objects.get(scope=Scope.READ).last_used_at is not None


def test_a_full_cache_lets_requests_through(
    reader: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The count is dropped between its two steps."""

    def dropped(*args: object) -> int:
        raise ValueError

    reader.get(SETTINGS)
    monkeypatch.setattr(cache, "incr", dropped)
    assert reader.get(SETTINGS).status_code == 200


def test_middleware_takes_a_program_for_somebody_signed_in() -> None:
    assert Program("key-1", True, None).is_authenticated
