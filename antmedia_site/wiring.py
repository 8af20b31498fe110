"""Joins the parts that do not know each other: the one link of this process."""

from __future__ import annotations

from functools import cache

from django.conf import settings

from signalling.link import set_link
from signalling.local_link import RelayConfig
from signalling.supervisor import NODE_NAME, Supervisor


def relay_configs() -> tuple[RelayConfig, ...]:
    """One child for each of RELAYS, on MEDIA_PORT, +1, …"""
    return tuple(
        RelayConfig(
            name=f"relay-{index + 1}@{NODE_NAME}",
            bind=settings.BIND,
            port=settings.MEDIA_PORT + index,
            public_ips=tuple(settings.PUBLIC_IP),
        )
        for index in range(settings.RELAYS)
    )


@cache
def supervisor() -> Supervisor:
    """This process's supervisor, wired as its relay link. Not started here."""
    made = Supervisor(relay_configs())
    set_link(made.link)
    return made
