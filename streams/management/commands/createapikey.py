"""`manage.py createapikey`: a key for a program that uses the REST interface."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from streams.models import Application, Scope
from streams.services.api_keys import create_api_key

MAX_DAYS = 36_500


class Command(BaseCommand):
    help = "Make an API key. Its text is the last line, and is not shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what the key is for")
        parser.add_argument(
            "--scope", choices=Scope.values, default=Scope.WRITE, help="write: both"
        )
        parser.add_argument(
            "--application", default="", help="the only one it is for; default: all"
        )
        parser.add_argument("--days", type=int, default=0, help="0: never expires")

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["days"]
        if not 0 <= days <= MAX_DAYS:
            raise CommandError(f"--days is 0 to {MAX_DAYS}")
        expires_at = timezone.now() + timedelta(days=days) if days else None
        application = find_application(options["application"])
        try:
            key, text = create_api_key(
                options["name"], options["scope"], application, expires_at
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(f"{key.name}: may {key.get_scope_display()}")
        self.stdout.write(text)


def find_application(name: str) -> Application | None:
    """None without a name.

    Raises:
        CommandError: there is no such application.
    """
    if not name:
        return None
    found = Application.objects.filter(name=name).first()
    if found is None:
        raise CommandError(f"there is no application {name!r}")
    return found
