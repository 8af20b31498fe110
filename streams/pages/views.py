"""The sample pages of an application: HTML only, the browser does the rest.

Nothing here decides who may publish or play: the page's WebSocket does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

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
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.format(
            "*" if self.embeddable else "'none'"
        )
        response["Permissions-Policy"] = self.permissions
        if self.embeddable:
            # Read by XFrameOptionsMiddleware; frame-ancestors above says the same.
            response.xframe_options_exempt = True  # type: ignore[attr-defined]
        return response

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


@require_safe
def redirect_to_first_application(request: HttpRequest) -> HttpResponse:
    """The index of the application made first; the admin while there is none."""
    name = Application.objects.order_by("pk").values_list("name", flat=True).first()
    if name is None:
        return HttpResponseRedirect(reverse("admin:index"))
    return redirect("pages:index", application=name)
