"""The shapes a site is installed in, each as Django reads it from its environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SECRET = "k3J-x9_Zr7" * 6
# Nothing listens there: a check that needs the database fails at once.
SCALED = {
    "DATABASE_URL": "postgresql://site:secret@127.0.0.1:1/site",
    "TLS_PROXY": "1",
    "SECRET_KEY": SECRET,
    "ALLOWED_HOSTS": "video.example.org",
}
SHOWN = (
    "SECURE_PROXY_SSL_HEADER",
    "SECURE_SSL_REDIRECT",
    "SECURE_HSTS_SECONDS",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "TRUSTED_PROXIES",
)


def run(data_dir: Path, *arguments: str, **environment: str) -> Any:
    """`python …` as a process of its own, with this environment and nothing else."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(data_dir),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )


def check(data_dir: Path, **environment: str) -> Any:
    command = ("manage.py", "check", "--deploy", "--fail-level", "WARNING")
    return run(data_dir, *command, **environment)


def read_settings(data_dir: Path, **environment: str) -> dict[str, Any]:
    code = (
        "import json; from antmedia_site import settings; "
        f"print(json.dumps({{n: getattr(settings, n, None) for n in {SHOWN!r}}}))"
    )
    done = run(data_dir, "-c", code, **environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"REDIS_URL": "redis://127.0.0.1:1/0"},
        {"TRUSTED_PROXIES": "1", "HSTS_SUBDOMAINS": "1", "HSTS_SECONDS": "31536000"},
    ],
    ids=["database", "redis", "counted"],
)
def test_the_scaled_shape_passes_every_deployment_check(
    tmp_path: Path, more: dict[str, str]
) -> None:
    done = check(tmp_path, **SCALED, **more)
    assert done.returncode == 0, done.stderr
    assert "WARNINGS" not in done.stderr


def test_one_machine_over_http_is_warned_of_the_missing_tls_only(
    tmp_path: Path,
) -> None:
    """docs/configuration says which warnings there are, and why."""
    done = check(tmp_path)
    assert done.returncode == 1
    found = {part.split(")")[0] for part in done.stderr.split("?: (")[1:]}
    assert found == {f"security.W{number}" for number in ("004", "008", "012", "016")}
    documented = (ROOT / "docs" / "configuration.md").read_text()
    assert all(identifier in documented for identifier in found)


@pytest.mark.parametrize(
    ("change", "identifier"),
    [
        ({"ALLOWED_HOSTS": "*"}, "antmedia_site.W001"),
        ({"ALLOWED_HOSTS": "video.example.org,*"}, "antmedia_site.W001"),
        ({"SECRET_KEY": SECRET[:31]}, "antmedia_site.E001"),
        ({"HSTS_SECONDS": "0"}, "security.W004"),
    ],
    ids=["any host", "any host too", "short key", "no HSTS"],
)
def test_a_risk_of_a_public_site_fails_the_check(
    tmp_path: Path, change: dict[str, str], identifier: str
) -> None:
    done = check(tmp_path, **{**SCALED, **change})
    assert done.returncode == 1
    assert identifier in done.stderr


def test_it_mentions_a_proxy_that_is_not_counted(tmp_path: Path) -> None:
    assert "antmedia_site.I001" in check(tmp_path, **SCALED).stderr
    for count in ("0", "1"):
        done = check(tmp_path, **SCALED, TRUSTED_PROXIES=count)
        assert "antmedia_site.I001" not in done.stderr


def test_the_key_that_is_made_passes(tmp_path: Path) -> None:
    done = check(tmp_path, **{**SCALED, "SECRET_KEY": ""})
    assert done.returncode == 0, done.stderr


def test_behind_a_proxy_that_ends_tls_only_https_is_served(tmp_path: Path) -> None:
    assert read_settings(tmp_path, TLS_PROXY="1") == {
        "SECURE_PROXY_SSL_HEADER": ["HTTP_X_FORWARDED_PROTO", "https"],
        "SECURE_SSL_REDIRECT": True,
        "SECURE_HSTS_SECONDS": 30 * 24 * 3600,
        "SECURE_HSTS_INCLUDE_SUBDOMAINS": False,
        "SESSION_COOKIE_SECURE": True,
        "CSRF_COOKIE_SECURE": True,
        "TRUSTED_PROXIES": 0,
    }


def test_without_a_proxy_nothing_that_a_client_says_makes_it_secure(
    tmp_path: Path,
) -> None:
    """The header would be the client's own; and localhost stays without TLS."""
    found = read_settings(tmp_path)
    assert found["SECURE_PROXY_SSL_HEADER"] is None
    assert found["SECURE_SSL_REDIRECT"] is False
    assert found["SECURE_HSTS_SECONDS"] == 0
    assert found["SESSION_COOKIE_SECURE"] is found["CSRF_COOKIE_SECURE"] is False


def test_with_own_tls_cookies_are_for_it_and_http_stays(tmp_path: Path) -> None:
    found = read_settings(tmp_path, TLS_CERT="/x/cert.pem", TLS_KEY="/x/key.pem")
    assert found["SESSION_COOKIE_SECURE"] is found["CSRF_COOKIE_SECURE"] is True
    assert found["SECURE_SSL_REDIRECT"] is False
    assert found["SECURE_HSTS_SECONDS"] == 0
    assert found["SECURE_PROXY_SSL_HEADER"] is None


@pytest.mark.parametrize("name", ["TLS_CERT", "TLS_KEY"])
def test_half_of_a_certificate_ends_the_start_in_words(
    tmp_path: Path, name: str
) -> None:
    done = run(tmp_path, "manage.py", "check", **{name: "/x/file.pem"})
    assert done.returncode != 0
    assert "TLS_CERT and TLS_KEY go together" in done.stderr


def test_what_a_proxy_forwards_is_believed_as_told(tmp_path: Path) -> None:
    assert read_settings(tmp_path, TRUSTED_PROXIES="2")["TRUSTED_PROXIES"] == 2
    done = run(tmp_path, "manage.py", "check", TRUSTED_PROXIES="-1")
    assert done.returncode != 0
    assert "TRUSTED_PROXIES must be from 0 to 16" in done.stderr
