"""The JavaScript SDK without a browser: its behaviour in node, its types in tsc."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from signalling.protocol import ErrorDefinition

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TSC = ROOT / "tests/browser/node_modules/.bin/tsc"
RUN_S = 150


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=HERE, capture_output=True, text=True, timeout=RUN_S, check=False
    )


@pytest.mark.parametrize("path", sorted(HERE.glob("*.test.mjs")), ids=lambda p: p.name)
def test_node_finds_no_fault(path: Path) -> None:
    done = run("node", "--test", "--test-reporter=tap", path)

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) > 0


@pytest.mark.parametrize("project", ["tsconfig.json", "tsconfig.source.json"])
def test_typescript_finds_no_fault(project: str) -> None:
    done = run(TSC, "--project", HERE / "types" / project)

    assert done.returncode == 0, done.stdout[-6000:]


def test_typescript_would_find_one(tmp_path: Path) -> None:
    """The checks above look at the declarations at all."""
    declarations = ROOT / "static/js/webrtc_adaptor.d.ts"
    wrong = tmp_path / "wrong.ts"
    wrong.write_text(
        f'/// <reference path="{declarations}" />\n'
        'new WebRTCAdaptor({ websocket_url: "ws://x" }).fly();\n'
    )

    done = run(TSC, "--noEmit", "--lib", "es2022,dom", wrong)

    assert done.returncode != 0
    assert "'fly' does not exist" in done.stdout


def test_the_manual_says_what_becomes_of_every_error() -> None:
    manual = (ROOT / "docs/javascript.md").read_text()

    missing = [name for name in ErrorDefinition if f"`{name}`" not in manual]
    assert missing == []
