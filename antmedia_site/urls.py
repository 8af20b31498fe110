"""HTTP routes."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from streams.pages.views import redirect_to_first_application

urlpatterns = [
    path("", redirect_to_first_application, name="home"),
    path("admin/", admin.site.urls),
    path("<str:application>/", include("streams.pages.urls")),
]
