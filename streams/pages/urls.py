"""Routes of the sample pages, under `/<App>/`.

Ant Media's pages are `/<App>/name.html`; the plain name and a trailing slash
lead to the same page. The named route is the one that links use.
"""

from __future__ import annotations

from django.templatetags.static import static
from django.urls import path
from django.views.generic import RedirectView

from streams.pages.views import (
    ConferencePage,
    DataPage,
    IndexPage,
    PeerPage,
    PlayPage,
    PublishPage,
)

app_name = "pages"

PAGES = {
    "publish": PublishPage,
    "play": PlayPage,
    "conference": ConferencePage,
    "peer": PeerPage,
    "data": DataPage,
}


class SdkFile(RedirectView):
    """The SDK where pages of Ant Media look for it: beside them, in `js/`."""

    def get_redirect_url(self, *args: object, **kwargs: object) -> str:
        return static("js/webrtc_adaptor.js")


urlpatterns = [
    path("", IndexPage.as_view(), name="index"),
    path("index.html", IndexPage.as_view()),
    path("js/webrtc_adaptor.js", SdkFile.as_view()),
]
for name, view in PAGES.items():
    urlpatterns += [
        path(name, view.as_view(), name=name),
        path(f"{name}/", view.as_view()),
        path(f"{name}.html", view.as_view()),
    ]
