"""How signalling reaches the relays, whatever shape the installation has.

Commands go out by a relay's name. Events come back as channel-layer messages to
the consumer named in `reply_to`:

    {"type": "relay.event", "event": <control.encode(event) as text>}
    {"type": "relay.lost", "sessions": [session, …]}     a relay died; rows closed
"""

from __future__ import annotations

from typing import Protocol

from relay import control


class RelayUnavailable(Exception):
    """The relay is not up, or does not take commands now."""


class RelayLink(Protocol):
    def relays(self) -> tuple[str, ...]:
        """Names of the relays that are up now."""

    async def send(self, relay: str, command: control.Command) -> None:
        """Hand a command over.

        Raises:
            RelayUnavailable: the relay is down or its queue is full.
        """


class _Holder:
    link: RelayLink | None = None


def set_link(link: RelayLink | None) -> None:
    _Holder.link = link


def get_link() -> RelayLink:
    if _Holder.link is None:
        raise RelayUnavailable("no relay link is wired")
    return _Holder.link
