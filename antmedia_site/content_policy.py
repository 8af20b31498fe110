"""What a page may load and who may show it (Content-Security-Policy).

Pages that need another policy set their own: it is not replaced.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

HEADER = "Content-Security-Policy"
# The admin and every page that says nothing: all from files of this origin. QR codes
# are data: images.
STRICT = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
# An answer that is data loads nothing, whatever a browser takes it for.
DATA = "default-src 'none'; frame-ancestors 'none'"
PERMISSIONS = "camera=(), microphone=(), geolocation=()"

Answer = HttpResponseBase | Awaitable[HttpResponseBase]


@sync_and_async_middleware
def content_policy(
    get_response: Callable[[HttpRequest], Answer],
) -> Callable[[HttpRequest], Answer]:
    """Every answer that has no policy of its own gets the one of its kind."""
    if iscoroutinefunction(get_response):

        async def on_async_request(request: HttpRequest) -> HttpResponseBase:
            return _with_policy(await get_response(request))

        return on_async_request

    def on_request(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        assert isinstance(response, HttpResponseBase)  # noqa: S101  the sync half
        return _with_policy(response)

    return on_request


def _with_policy(response: HttpResponseBase) -> HttpResponseBase:
    if settings.DEBUG and response.status_code >= 400:
        return response  # Django's debug pages have inline styles and scripts
    is_page = response.get("Content-Type", "").partition(";")[0] == "text/html"
    response.headers.setdefault(HEADER, STRICT if is_page else DATA)
    response.headers.setdefault("Permissions-Policy", PERMISSIONS)
    return response
