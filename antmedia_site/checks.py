"""What `manage.py check --deploy` says besides Django's own checks."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register

from antmedia_site.environment import read_text
from streams.push import load_sender

MIN_SECRET_KEY_CHARS = 32  # 128 bits even when it is hexadecimal

ANY_HOST = Warning(
    "ALLOWED_HOSTS is “*” on a public site.",
    hint="Name the hosts: links made from a request would point where it says.",
    id="antmedia_site.W001",
)
SHORT_KEY = Error(
    f"SECRET_KEY has fewer than {MIN_SECRET_KEY_CHARS} characters.",
    hint="Whoever guesses it can make sessions. Leave it out: a good one is made.",
    id="antmedia_site.E001",
)
UNCOUNTED_PROXY = Info(
    "TLS_PROXY is on and TRUSTED_PROXIES is not set.",
    hint=(
        "Every client has the proxy's address then, in limits, in the REST "
        "interface's address filter and in the records. Set it to the number of "
        "proxies that append to X-Forwarded-For, or to 0 when that is meant."
    ),
    id="antmedia_site.I001",
)


@register()
def check_push_sender(**_: Any) -> list[CheckMessage]:
    """PUSH_SENDER is empty or names what can be called: a start ends here otherwise."""
    try:
        load_sender(settings.PUSH_SENDER)
    except Exception as error:  # somebody else's module may raise anything
        return [Error(f"PUSH_SENDER: {error}", id="antmedia_site.E002")]
    return []


@register(Tags.security, deploy=True)
def check_site(**_: Any) -> list[CheckMessage]:
    """What is risky in a public place though it is a fine default for a first try."""
    found: list[CheckMessage] = []
    if settings.TLS_PROXY and "*" in settings.ALLOWED_HOSTS:
        found.append(ANY_HOST)
    if len(settings.SECRET_KEY) < MIN_SECRET_KEY_CHARS:
        found.append(SHORT_KEY)
    if settings.TLS_PROXY and not read_text("TRUSTED_PROXIES"):
        found.append(UNCOUNTED_PROXY)
    return found
