"""HTTP routes."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from antmedia_site.login import login
from streams.live.views import live_overview
from streams.pages.views import redirect_to_first_application

urlpatterns = [
    path("", redirect_to_first_application, name="home"),
    path("admin/login/", login),  # before the admin's own, which it calls
    path("admin/live/", admin.site.admin_view(live_overview), name="live-overview"),
    path("admin/", admin.site.urls),
    path("<str:application>/rest/v2/", include("streams.rest.urls")),
    path("<str:application>/", include("streams.pages.urls")),
]
