"""The secret key is made once and kept for its owner alone."""

from __future__ import annotations

from pathlib import Path

from antmedia_site.secret import load_or_create_secret


def test_the_key_is_kept_and_private(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    key = load_or_create_secret(path)
    assert len(key) >= 48
    assert load_or_create_secret(path) == key
    assert path.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [path]


def test_two_installations_have_two_keys(tmp_path: Path) -> None:
    assert load_or_create_secret(tmp_path / "a") != load_or_create_secret(
        tmp_path / "b"
    )
