"""Keys of programs: made, found again and revoked."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from streams.clock import Clock
from streams.models import ApiKey, Application, Scope

PREFIX_CHARS = 10
SECRET_BYTES = 32
USE_IS_NOTED_EVERY = timedelta(minutes=1)

_ALPHABET = string.ascii_letters + string.digits
_KEY = re.compile(r"\A([A-Za-z0-9]{8,12})\.([A-Za-z0-9_-]{16,128})\Z")
_NO_DIGEST = "0" * 64


def create_api_key(
    name: str,
    scope: str = Scope.WRITE,
    application: Application | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A stored key and its text, which cannot be had again.

    Raises:
        ValidationError: the name is taken, or something does not fit its field.
    """
    prefix = "".join(secrets.choice(_ALPHABET) for _ in range(PREFIX_CHARS))
    text = f"{prefix}.{secrets.token_urlsafe(SECRET_BYTES)}"
    key = ApiKey(
        name=name,
        prefix=prefix,
        digest=_digest(text),
        scope=scope,
        application=application,
        expires_at=expires_at,
    )
    key.full_clean()
    key.save(force_insert=True)
    return key, text


def looks_like_api_key(text: str) -> bool:
    """Whether `text` has the form of a key; a JWT has not."""
    return _KEY.match(text) is not None


def find_api_key(text: str, now: datetime) -> ApiKey | None:
    """The key with this text that is good at `now`; its use is noted.

    An unknown prefix costs the same comparison as a wrong secret.
    """
    matched = _KEY.match(text)
    if matched is None:
        return None
    key = ApiKey.objects.filter(prefix=matched[1]).first()
    stored = _NO_DIGEST if key is None else key.digest
    if not hmac.compare_digest(_digest(text), stored) or key is None:
        return None
    if key.revoked_at is not None or not (
        key.expires_at is None or now < key.expires_at
    ):
        return None
    _note_use(key, now)
    return key


def revoke_api_key(key: ApiKey, clock: Clock = timezone.now) -> bool:
    """The key is good for nothing from now on; False when it was not before."""
    return bool(
        ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=clock())
    )


def _digest(text: str) -> str:
    """A plain digest will do: 256 random bits cannot be tried out."""
    return hashlib.sha256(text.encode()).hexdigest()


def _note_use(key: ApiKey, now: datetime) -> None:
    """Once a minute: a busy key is not a write a request."""
    due = now - USE_IS_NOTED_EVERY
    if key.last_used_at is None or key.last_used_at <= due:
        stale = Q(last_used_at=None) | Q(last_used_at__lte=due)
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
