"""The directions of imports (design: packages and import direction)."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("antmedia_site", "signalling", "streams", "relay")
# Who may import what of ours, the package itself apart.
ALLOWED = {
    "antmedia_site": ("signalling", "streams", "relay"),
    "signalling": ("streams", "relay.control"),
    "streams": ("relay.control",),
    "relay": (),
}
MEDIA_PACKAGES = ("aiortc", "av", "aioice", "pylibsrtp")
RELAY_LIBRARIES = {
    "aioice",
    "aiortc",
    "av",
    "cffi",
    "OpenSSL",
    "psutil",
    "pylibsrtp",
    "uvloop",
}


def modules(package: str) -> list[Path]:
    return [
        path
        for path in sorted((ROOT / package).rglob("*.py"))
        if "node_modules" not in path.parts
    ]


def imports(path: Path) -> Iterator[str]:
    """Full names of all that a module imports, at its top or inside functions."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package[: len(package) - node.level + 1]
                base = ".".join((*parents, base)).rstrip(".")
            yield from (f"{base}.{alias.name}" for alias in node.names)


def is_inside(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


OURS = [path for package in PACKAGES for path in modules(package)]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", OURS, ids=relative)
def test_imports_point_in_the_allowed_directions(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    allowed = (package, *ALLOWED[package])
    for name in imports(path):
        if any(is_inside(name, other) for other in PACKAGES):
            assert any(is_inside(name, other) for other in allowed), name


@pytest.mark.parametrize("path", OURS, ids=relative)
def test_only_the_relay_imports_media_packages(path: Path) -> None:
    if path.is_relative_to(ROOT / "relay"):
        return
    for name in imports(path):
        assert not any(is_inside(name, media) for media in MEDIA_PACKAGES), name


@pytest.mark.parametrize("path", OURS, ids=relative)
def test_the_application_imports_no_tests_and_no_bench(path: Path) -> None:
    for name in imports(path):
        assert not is_inside(name, "tests"), name
        assert not is_inside(name, "bench"), name


@pytest.mark.parametrize("path", modules("relay"), ids=relative)
def test_the_relay_knows_neither_django_nor_websockets(path: Path) -> None:
    """Its libraries are few, so a new one is a decision."""
    for name in imports(path):
        top = name.partition(".")[0]
        assert top == "relay" or top in sys.stdlib_module_names | RELAY_LIBRARIES, name


@pytest.mark.parametrize(
    "path", sorted((ROOT / "signalling" / "handlers").glob("*.py")), ids=relative
)
def test_handlers_never_import_the_consumer(path: Path) -> None:
    for name in imports(path):
        assert not is_inside(name, "signalling.consumer"), name


def test_the_vocabulary_is_of_the_standard_library_only() -> None:
    for name in imports(ROOT / "relay" / "control.py"):
        assert name.partition(".")[0] in sys.stdlib_module_names, name


def test_loading_the_vocabulary_loads_no_media_package() -> None:
    code = (
        f"import sys, relay.control\nprint(*set({MEDIA_PACKAGES!r}) & set(sys.modules))"
    )
    loaded = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)
    assert loaded.strip() == ""
