"""django-axes under a heading that says what it is."""

from __future__ import annotations

from axes.apps import AppConfig


class LoginsConfig(AppConfig):  # type: ignore[misc]  # axes is untyped
    verbose_name = "Logins"
