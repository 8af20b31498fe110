"""Settings from the environment: a wrong one is an error in words."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from antmedia_site.environment import (
    database,
    read_bool,
    read_int,
    read_list,
    read_networks,
)


def test_what_is_not_set_has_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("X_TEST", raising=False)
    assert read_int("X_TEST", 7, 1, 9) == 7
    assert read_list("X_TEST", ["a"]) == ["a"]
    assert read_bool("X_TEST", default=True) is True


def test_what_is_set_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_TEST", " 8 ")
    assert read_int("X_TEST", 7, 1, 9) == 8
    monkeypatch.setenv("X_TEST", "192.0.2.1, ,2001:db8::1")
    assert read_list("X_TEST", []) == ["192.0.2.1", "2001:db8::1"]
    monkeypatch.setenv("X_TEST", "Off")
    assert read_bool("X_TEST", default=True) is False


@pytest.mark.parametrize("value", ["ten", "0", "10", "1.5"])
def test_it_rejects_a_wrong_number(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("X_TEST", value)
    with pytest.raises(ImproperlyConfigured, match="X_TEST"):
        read_int("X_TEST", 7, 1, 9)


def test_it_rejects_what_is_neither_true_nor_false(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("X_TEST", "perhaps")
    with pytest.raises(ImproperlyConfigured, match="X_TEST"):
        read_bool("X_TEST", default=False)


def test_a_database_url_names_postgresql() -> None:
    made = database("postgresql://me:p%40ss@db.example:5433/live", "unused")
    assert made["ENGINE"] == "django.db.backends.postgresql"
    assert (made["USER"], made["PASSWORD"]) == ("me", "p@ss")
    assert (made["HOST"], made["PORT"], made["NAME"]) == ("db.example", "5433", "live")


def test_without_a_url_it_is_sqlite() -> None:
    assert database("", "/data/db")["NAME"] == "/data/db"


def test_it_rejects_other_databases() -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        database("mysql://x/y", "unused")


def test_networks_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("X_TEST", raising=False)
    assert read_networks("X_TEST", ["::1", "127.0.0.1"]) == "::1,127.0.0.1"
    monkeypatch.setenv("X_TEST", " 10.0.0.0/8 , 2001:db8::1")
    assert read_networks("X_TEST", []) == "10.0.0.0/8,2001:db8::1"


@pytest.mark.parametrize("value", ["localhost", "10.0.0.0/33", "10.0.0.0/8 ::1"])
def test_it_rejects_what_is_no_network(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("X_TEST", value)
    with pytest.raises(ImproperlyConfigured, match="X_TEST"):
        read_networks("X_TEST", [])
