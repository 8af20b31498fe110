"""The overview's page: a frame that its script fills from the socket."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from streams.live.access import PERMISSION
from streams.live.routing import SOCKET_PATH

_ANY_BROADCAST = 0  # the script puts a broadcast's key in its place


@require_safe
@permission_required(PERMISSION, raise_exception=True)
def live_overview(request: HttpRequest) -> HttpResponse:
    """The page. Staff status is asked for by the admin around it."""
    context = {
        **admin.site.each_context(request),
        "title": "Live overview",
        "socket_path": f"/{SOCKET_PATH}",
        "broadcast_url": reverse(
            "admin:streams_broadcast_change", args=[_ANY_BROADCAST]
        ),
    }
    return TemplateResponse(request, "admin/live.html", context)
