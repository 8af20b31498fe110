"""Whether this process lives, and whether clients may be sent to it.

No credentials and no details: load balancers ask, and so may anybody.
"""

from __future__ import annotations

from typing import Any

from antmedia_site.database_probe import DatabaseProbe
from antmedia_site.plain_answer import PlainAnswer, json_answer
from signalling import registry
from signalling.link import RelayUnavailable, get_link
from streams.models import Application

DATABASE_TIMEOUT_S = 2.0


def _read_something() -> bool:
    """True: a table can be read, not only a connection be had."""
    Application.objects.order_by().values_list("pk").first()
    return True


database = DatabaseProbe(_read_something, DATABASE_TIMEOUT_S)


async def live(_: Any) -> PlainAnswer:
    """200 as long as the event loop gets round to it."""
    return json_answer(200, {"live": True})


async def ready(_: Any) -> PlainAnswer:
    """503, and what is missing, while newcomers would be better off elsewhere."""
    missing = []
    if registry.is_stopping():
        missing.append("stopping")
    if not relay_is_up():
        missing.append("relay")
    if not await database.ask():
        missing.append("database")
    if missing:
        return json_answer(503, {"ready": False, "missing": missing})
    return json_answer(200, {"ready": True})


def relay_is_up() -> bool:
    try:
        return bool(get_link().relays())
    except RelayUnavailable:
        return False
