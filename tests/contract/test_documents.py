"""The documents name what the code has."""

from __future__ import annotations

from pathlib import Path

import pytest

from signalling.protocol import Command, ErrorDefinition, Notification, Reply

ROOT = Path(__file__).resolve().parent.parent.parent
PROTOCOL = (ROOT / "docs" / "protocol.md").read_text()


@pytest.mark.parametrize(
    "name", [*Command, *Reply, *Notification, *ErrorDefinition], ids=str
)
def test_every_name_on_the_wire_is_documented(name: str) -> None:
    assert f"`{name}`" in PROTOCOL


def test_every_environment_variable_is_documented() -> None:
    documented = (ROOT / "docs" / "configuration.md").read_text()
    settings = (ROOT / "antmedia_site" / "settings.py").read_text()
    names = {
        part.split('"')[1]
        for part in settings.split("read_")[1:]
        if '("' in part.split("\n")[0]
    }
    assert len(names) > 10
    assert {name for name in names if f"`{name}`" not in documented} == set()
