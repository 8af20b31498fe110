"""`manage.py serve`: migrate, make the first admin account, serve every port."""

from __future__ import annotations

import os
import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Serve HTTP, WebSocket and media until Ctrl-C or SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        self.make_first_admin()
        self.stdout.write(
            f"http://localhost:{settings.HTTP_PORT}/ (admin: /admin/), "
            f"media on UDP {settings.MEDIA_PORT}"
        )
        self.stdout.flush()
        # daphne installs its reactor on import: not before we mean to serve.
        from antmedia_site.server import run

        try:
            run()
        except OSError as error:
            raise CommandError(str(error)) from error

    def make_first_admin(self) -> None:
        """An account when there is none at all; a random password is shown once."""
        users = get_user_model()
        if users.objects.exists():
            return
        name = os.environ.get("DJANGO_SUPERUSER_USERNAME") or "admin"
        given = os.environ.get("DJANGO_SUPERUSER_PASSWORD")
        password = given or secrets.token_urlsafe(12)
        users.objects.create_superuser(username=name, password=password)
        if not given:
            self.stdout.write(f"admin account: {name}   password: {password}")
