"""Routes of the sample pages, under `/<App>/`.

Ant Media's pages are `/<App>/name.html`; the plain name and a trailing slash
lead to the same page. The named route is the one that links use.
"""

from __future__ import annotations

from django.urls import path

from streams.pages.views import IndexPage, PlayPage, PublishPage

app_name = "pages"

urlpatterns = [
    path("", IndexPage.as_view(), name="index"),
    path("index.html", IndexPage.as_view()),
]
for name, view in (("publish", PublishPage), ("play", PlayPage)):
    urlpatterns += [
        path(name, view.as_view(), name=name),
        path(f"{name}/", view.as_view()),
        path(f"{name}.html", view.as_view()),
    ]
