"""The page of threats names what exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "threats.md").read_text()


def test_every_file_that_it_names_is_there() -> None:
    named = set(re.findall(r"`((?:tests|antmedia_site)/[\w/.]+)`", PAGE))
    assert len(named) > 15
    assert {name for name in named if not (ROOT / name).is_file()} == set()


def test_every_threat_has_an_answer_and_a_place() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 15
    for row in rows:
        threat, answer, place = (cell.strip() for cell in row.strip("|").split("|"))
        assert threat
        assert answer
        assert "`" in place, threat
