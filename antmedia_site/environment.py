"""Typed readers of environment variables: a wrong value ends the start clearly."""

from __future__ import annotations

import os
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured, ValidationError

from streams.networks import validate_networks


def read_int(name: str, default: int, low: int, high: int) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        value = int(text)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number") from None
    if not low <= value <= high:
        raise ImproperlyConfigured(f"{name} must be from {low} to {high}")
    return value


def read_list(name: str, default: list[str]) -> list[str]:
    """A comma-separated list."""
    items = [item.strip() for item in os.environ.get(name, "").split(",")]
    return [item for item in items if item] or default


def read_networks(name: str, default: list[str]) -> str:
    """Addresses and networks, separated by commas: a wrong one ends the start."""
    networks = ",".join(read_list(name, default))
    try:
        validate_networks(networks)
    except ValidationError as error:
        raise ImproperlyConfigured(f"{name}: {error.messages[0]}") from None
    return networks


def read_text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def read_bool(name: str, *, default: bool) -> bool:
    text = os.environ.get(name, "").strip().lower()
    if text in ("", "1", "true", "yes", "on", "0", "false", "no", "off"):
        return text in ("1", "true", "yes", "on") if text else default
    raise ImproperlyConfigured(f"{name} must be true or false")


def database(url: str, sqlite_path: str) -> dict[str, object]:
    """Django's DATABASES entry for DATABASE_URL, or SQLite in WAL mode."""
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": sqlite_path,
            "CONN_MAX_AGE": None,  # opening one costs more than most queries
            "OPTIONS": {
                # A transaction that will write takes the lock at once: no
                # "database is locked" from an upgrade in the middle.
                "transaction_mode": "IMMEDIATE",
                "timeout": 5,
                "init_command": ("PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"),
            },
        }
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured("DATABASE_URL must be postgresql://…")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
