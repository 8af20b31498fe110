"""Who may read the metrics: addresses that the operator names, or a key's bearer.

The first are METRICS_ALLOWED, this machine alone unless set. A key must be good for
every application, for the metrics are of all.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import Error
from django.utils import timezone
from rest_framework.exceptions import Throttled

from antmedia_site.plain_answer import PlainAnswer, text_answer
from streams.client_address import address_of_scope, client_address
from streams.networks import is_in_networks
from streams.rest.authentication import MAX_CREDENTIAL_CHARS
from streams.rest.throttles import check_failures, count_failure
from streams.services.api_keys import find_api_key

KEY_TIMEOUT_S = 2.0
_BEARER = re.compile(r"\Abearer +", re.IGNORECASE)
_FORWARDED = (b"x-forwarded-", b"forwarded", b"via", b"x-real-ip")  # begin so
_executor = ThreadPoolExecutor(1, "keys for metrics")


async def refusal(scope: Any) -> PlainAnswer | None:
    """Nothing, or why this request gets no metrics."""
    address = address_of_scope(scope)
    if is_allowed_address(scope, address):
        return None
    text = _BEARER.sub("", _header(scope, b"authorization"))[:MAX_CREDENTIAL_CHARS]
    if not text:
        return text_answer(403, "Not from this address, without a key.")
    check = database_sync_to_async(
        key_refusal, thread_sensitive=False, executor=_executor
    )
    try:
        answer: PlainAnswer | None = await asyncio.wait_for(
            check(text, address), KEY_TIMEOUT_S
        )
    except (Error, TimeoutError):
        return text_answer(503, "The key cannot be checked now.")
    return answer


def is_allowed_address(scope: Any, address: str) -> bool:
    """Whether METRICS_ALLOWED has the client, and it is the client.

    A request that came through a proxy nobody has told us of has that one's address,
    often this machine's, whoever sent it; its headers give it away, unless it adds
    none. And who is on this machine does not come
    from another: whoever says so there has made up the header.
    """
    if not is_in_networks(address, settings.METRICS_ALLOWED):
        return False
    if not settings.TRUSTED_PROXIES:
        headers: Iterable[tuple[bytes, bytes]] = scope.get("headers") or ()
        return not any(name.lower().startswith(_FORWARDED) for name, _ in headers)
    client = scope.get("client") or ("",)
    remote = client_address(str(client[0] or ""), "", 0)
    return not _is_loopback(address) or _is_loopback(remote)


def key_refusal(text: str, address: str) -> PlainAnswer | None:
    """Of a request with a key. Raises Django's DatabaseError."""
    key = find_api_key(text, timezone.now())
    if key is not None:
        if key.application_id is None:
            return None
        return text_answer(403, "This key is for one application.")
    try:
        check_failures(address)
    except Throttled:
        return text_answer(429, "Too many failed attempts.")
    count_failure(address)
    bearer = (b"www-authenticate", b"Bearer")
    return text_answer(401, "Invalid API key.", bearer)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _header(scope: Any, wanted: bytes) -> str:
    headers: Iterable[tuple[bytes, bytes]] = scope.get("headers") or ()
    found = [value for name, value in headers if name.lower() == wanted]
    return b",".join(found).decode("latin-1").strip()
