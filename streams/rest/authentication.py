"""Who asks: a program with a key or a JWT, or a person signed in to the admin."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import jwt
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import (
    AuthenticationFailed,
    PermissionDenied,
)
from rest_framework.request import Request

from streams.client_address import address_of_request
from streams.models import ApiKey, Application, Scope
from streams.networks import is_in_networks
from streams.rest.throttles import check_failures, count_failure
from streams.services.api_keys import find_api_key, looks_like_api_key

if TYPE_CHECKING:
    from streams.rest.base import ApplicationView

_SCHEME = re.compile(r"\Abearer +", re.IGNORECASE)
MAX_CREDENTIAL_CHARS = 8192
BAD_JWT = "Invalid App JWT Token"
_HMAC_BLOCK_BYTES = 64
# The clock is looked at here; what a token says of itself else is not asked for.
_SIGNATURE_ONLY: Any = {
    f"verify_{name}": False
    for name in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
}


@dataclass(frozen=True, slots=True)
class Program:
    """A key or a JWT that was accepted; `request.user` of its requests."""

    name: str  # unique among programs: requests are counted by it
    can_write: bool
    application_id: int | None  # None: every application

    @property
    def is_authenticated(self) -> bool:
        return True


class ProgramAuthentication(BaseAuthentication):
    """`Authorization: [Bearer ]KEY`, where KEY is an API key or the application's JWT.

    Ant Media's clients send the JWT without a scheme too (contract 7.3).
    """

    def authenticate(self, request: Request) -> tuple[Program, None] | None:
        header = str(request.META.get("HTTP_AUTHORIZATION", "")).strip()
        if not header:
            return None
        application = application_of(request)
        address = address_of_request(request._request)
        require_allowed_address(application, address)
        text = _SCHEME.sub("", header)[:MAX_CREDENTIAL_CHARS]
        if looks_like_api_key(text):
            return self.by_key(text, address), None
        return self.by_jwt(text, application, address), None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def by_key(self, text: str, address: str) -> Program:
        """A key has 256 random bits: who is over the limit may still have a good one.

        So an address that others use as well cannot be locked out by them.
        """
        key = find_api_key(text, timezone.now())
        if key is None:
            check_failures(address)
            count_failure(address)
            raise AuthenticationFailed("Invalid API key")
        return program_of(key)

    def by_jwt(self, text: str, application: Application, address: str) -> Program:
        check_failures(address)
        if is_application_jwt(text, application):
            return Program(f"jwt-{application.pk}", True, application.pk)
        count_failure(address)
        if application.rest_jwt_enabled:
            raise PermissionDenied(BAD_JWT)
        raise AuthenticationFailed("Invalid API key")


def application_of(request: Request) -> Application:
    """The one in the request's address, which its view has looked up before."""
    view = cast("ApplicationView", request.parser_context["view"])
    return view.application


def require_allowed_address(application: Application, address: str) -> None:
    """Raises PermissionDenied for an address that the application's filter refuses."""
    allowed = application.rest_allowed_cidr
    if application.rest_ip_filter_enabled and not is_in_networks(address, allowed):
        raise PermissionDenied("Not allowed IP")


def program_of(key: ApiKey) -> Program:
    return Program(f"key-{key.pk}", key.scope == Scope.WRITE, key.application_id)


def is_application_jwt(text: str, application: Application) -> bool:
    """Whether `text` is an HS256 JWT of the application's REST key, not yet expired.

    One without an expiry is good as long as the key: Ant Media's clients make such.
    """
    if not application.rest_jwt_enabled or not application.rest_jwt_secret:
        return False
    # HMAC fills a short key up like this itself, and PyJWT does not warn each time.
    key = application.rest_jwt_secret.encode().ljust(_HMAC_BLOCK_BYTES, b"\0")
    try:
        claims = jwt.decode(text, key, algorithms=["HS256"], options=_SIGNATURE_ONLY)
    except jwt.PyJWTError:
        return False
    return _is_in_time(claims, time.time())


def _is_in_time(claims: dict[str, Any], now_s: float) -> bool:
    moments = {"nbf": 0, "exp": math.inf} | claims
    begins_s, expires_s = moments["nbf"], moments["exp"]
    if not all(type(moment) in (int, float) for moment in (begins_s, expires_s)):
        return False
    return bool(begins_s <= now_s < expires_s)
