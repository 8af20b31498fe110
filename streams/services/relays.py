"""What relays are told from here, past the sockets' consumers."""

from __future__ import annotations

from django.db import transaction

from relay.control import Command
from streams.signals import relay_commands


def relay_key(application: str, stream_id: str) -> str:
    """What relays call a stream, or a room."""
    return f"{application}/{stream_id}"


def tell_relay(relay: str, *commands: Command) -> None:
    """The relay is told, once what this transaction changes holds. It may be down."""
    if not relay:
        return

    def send() -> None:
        for command in commands:
            relay_commands.send(sender=None, relay=relay, command=command)

    transaction.on_commit(send)
