"""The sample pages of an application: HTML only, the browser does the rest.

Nothing here decides who may publish or play: the page's WebSocket does that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe
from django.views.generic import TemplateView

from streams.models import Application
from streams.names import NAME_PATTERN
from streams.policy import AccessDenied
from streams.services import application_exists

# Everything comes from this origin, in files: no inline script or style is needed.
# 'self' covers the page's own WebSocket (CSP 3, 6.7.2.8).
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors {}"
)

# The application whose sockets speak the dialect of 2017, on a port of their own.
LEGACY_APPLICATION = "WebRTCApp4"
# What a policy may name as a host; it has no words for an IPv6 address.
POLICY_HOST = re.compile(r"\A[A-Za-z0-9.-]+\Z")


@dataclass(frozen=True, slots=True)
class PageLink:
    """An entry of an application's index."""

    url: str
    title: str
    summary: str
    icon: str


def page_links(application: str) -> list[PageLink]:
    """What the index of `application` lists, in order."""
    return [
        PageLink(
            reverse("pages:publish", args=[application]),
            "Publish",
            "Send this device's camera and microphone to everyone who watches.",
            "camera",
        ),
        PageLink(
            reverse("pages:play", args=[application]),
            "Play",
            "Watch a live stream by its name.",
            "play",
        ),
        PageLink(
            reverse("pages:conference", args=[application]),
            "Meet",
            "Several people see, hear and write to each other in one room.",
            "people",
        ),
        PageLink(
            reverse("pages:peer", args=[application]),
            "Call",
            "Two people, browser to browser: the server only introduces them.",
            "pair",
        ),
        PageLink(
            reverse("pages:data", args=[application]),
            "Data",
            "Send text and files to everybody who listens, and back.",
            "data",
        ),
        PageLink(
            reverse("admin:index"),
            "Admin",
            "Register streams and see who is live. Needs an account.",
            "settings",
        ),
    ]


def require_application(name: str) -> None:
    """Raises Http404 for a name that no application has."""
    if not NAME_PATTERN.match(name) or not application_exists(name):
        raise Http404("no such application")


class ApplicationPage(TemplateView):
    """A page of one existing application; an unknown application is a 404."""

    http_method_names = ["get", "head", "options"]
    embeddable: ClassVar[bool] = False
    permissions: ClassVar[str] = "camera=(), microphone=(), geolocation=()"

    def dispatch(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        try:
            require_application(kwargs["application"])
        except AccessDenied:
            # The one denial there is here: the database is away for the moment.
            return HttpResponse(status=503, headers={"Retry-After": "5"})
        response = super().dispatch(request, *args, **kwargs)
        response["Content-Security-Policy"] = self.content_policy()
        response["Permissions-Policy"] = self.permissions
        if self.embeddable:
            # Read by XFrameOptionsMiddleware; frame-ancestors above says the same.
            response.xframe_options_exempt = True  # type: ignore[attr-defined]
        return response

    def content_policy(self) -> str:
        """What the page may load and who may show it."""
        return CONTENT_SECURITY_POLICY.format("*" if self.embeddable else "'none'")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asked = self.request.GET
        return super().get_context_data(
            # Older embed codes say `name` for the stream's id.
            stream_id=asked.get("id") or asked.get("name") or "",
            **kwargs,
        )


class IndexPage(ApplicationPage):
    template_name = "index.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            links=page_links(kwargs["application"]), **kwargs
        )


class PublishPage(ApplicationPage):
    template_name = "publish.html"
    extra_context = {"page": "publish"}
    permissions = "camera=(self), microphone=(self), geolocation=()"


class PlayPage(ApplicationPage):
    """The player: the one page that other sites may show in a frame."""

    template_name = "play.html"
    extra_context = {"page": "play"}
    embeddable = True


class CallPage(ApplicationPage):
    """Where people meet: `?room=`, `?name=` of the person, `?id=` of the stream."""

    permissions = (
        "camera=(self), microphone=(self), display-capture=(self), geolocation=()"
    )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asked = self.request.GET
        return super().get_context_data(
            room=asked.get("room", ""),
            display_name=asked.get("name", ""),
            participant_id=asked.get("id", ""),
            **kwargs,
        )


class ConferencePage(CallPage):
    template_name = "conference.html"
    extra_context = {"page": "conference"}


class PeerPage(CallPage):
    """Two people. In the application of 2017 it is the sample of that year's SDK."""

    extra_context = {"page": "peer"}

    @property
    def is_legacy(self) -> bool:
        return bool(self.kwargs["application"] == LEGACY_APPLICATION)

    def get_template_names(self) -> list[str]:
        return ["peer_2017.html" if self.is_legacy else "peer.html"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(legacy_port=settings.LEGACY_PORT, **kwargs)

    def content_policy(self) -> str:
        policy = super().content_policy()
        if not self.is_legacy:
            return policy
        # Another port is another origin, which 'self' does not cover.
        name = self.request.get_host().rsplit(":", 1)[0]
        host = name if POLICY_HOST.match(name) else "*"
        return f"{policy}; connect-src 'self' ws://{host}:{settings.LEGACY_PORT}"


class DataPage(ApplicationPage):
    """Text and files over a data channel, without camera and microphone."""

    template_name = "data.html"
    extra_context = {"page": "data"}


@require_safe
def redirect_to_first_application(request: HttpRequest) -> HttpResponse:
    """The index of the application made first; the admin while there is none."""
    name = Application.objects.order_by("pk").values_list("name", flat=True).first()
    if name is None:
        return HttpResponseRedirect(reverse("admin:index"))
    return redirect("pages:index", application=name)
