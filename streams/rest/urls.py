"""Routes of the REST interface, under `/<App>/rest/v2/`."""

from __future__ import annotations

from django.urls import include, path, re_path

from streams.rest.app_settings import SettingsView
from streams.rest.base import UnknownView
from streams.rest.broadcasts.streams import BroadcastsView
from streams.rest.documents import DocumentPage, OpenApiDocument
from streams.rest.events import ConnectionEventListView, SubscriberStatsListView
from streams.rest.subscribers import (
    SubscriberBlockView,
    SubscriberCodeView,
    SubscriberListView,
    SubscribersView,
    SubscriberView,
)
from streams.rest.tokens import (
    NewJwtView,
    NewTokenView,
    TokenListView,
    TokensView,
    TokenValidationView,
)

app_name = "rest"

PAGE = "<int:offset>/<int:size>"

stream_patterns = [
    path("token", NewTokenView.as_view()),
    path("jwt-token", NewJwtView.as_view()),
    path("tokens", TokensView.as_view()),
    path(f"tokens/list/{PAGE}", TokenListView.as_view()),
    path("subscribers", SubscribersView.as_view()),
    path(f"subscribers/list/{PAGE}", SubscriberListView.as_view()),
    path("subscribers/<str:subscriber_id>", SubscriberView.as_view()),
    path("subscribers/<str:subscriber_id>/totp", SubscriberCodeView.as_view()),
    path(
        "subscribers/<str:subscriber_id>/block/<int:seconds>/<str:type>",
        SubscriberBlockView.as_view(),
    ),
    path(f"connection-events/{PAGE}", ConnectionEventListView.as_view()),
    path(f"subscriber-stats/list/{PAGE}", SubscriberStatsListView.as_view()),
]

urlpatterns = [
    path("", DocumentPage.as_view(), name="page"),
    path("openapi.json", OpenApiDocument.as_view(), name="openapi"),
    path("settings", SettingsView.as_view()),
    path("broadcasts/validate-token", TokenValidationView.as_view()),
    path("broadcasts", BroadcastsView.as_view(schema=None)),
    # Before a stream of such an id: "conference-rooms" and the like.
    path("broadcasts/", include("streams.rest.broadcasts.urls")),
    path("broadcasts/<str:stream_id>/", include(stream_patterns)),
    re_path("", UnknownView.as_view()),  # also what has a line feed in it
]
