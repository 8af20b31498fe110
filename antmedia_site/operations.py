"""Addresses for whoever runs the server: health and metrics.

They stand in front of Django: whether a process lives must not depend on a database,
a thread that others use, ALLOWED_HOSTS or the redirect to HTTPS.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from antmedia_site import health, metrics_page
from antmedia_site.plain_answer import PlainAnswer, text_answer

logger = logging.getLogger(__name__)

Application = Callable[[Any, Any, Any], Awaitable[None]]
Page = Callable[[Any], Awaitable[PlainAnswer]]

PAGES: dict[str, Page] = {
    "/health/live": health.live,
    "/health/ready": health.ready,
    "/metrics": metrics_page.metrics,
}


class Operations:
    """An ASGI application for HTTP scopes, with another one behind it."""

    def __init__(self, behind: Application) -> None:
        self._behind = behind

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        page = PAGES.get(scope["path"])
        if page is None:
            await self._behind(scope, receive, send)
            return
        answer = await _answer(page, scope)
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": answer.headers(),
            }
        )
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.body", "body": body})


async def _answer(page: Page, scope: Any) -> PlainAnswer:
    if scope["method"] not in ("GET", "HEAD"):
        return text_answer(405, "Only GET and HEAD.", (b"allow", b"GET, HEAD"))
    try:
        return await page(scope)
    except Exception:  # a bug here must not look like a refused connection
        logger.exception("%s failed", scope["path"])
        return text_answer(500, "It failed; the log says why.")
