"""What all tests share: the real server, started once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server_process import ServerProcess


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One running server for the tests that do not harm it."""
    running = ServerProcess(tmp_path_factory.mktemp("server"))
    running.start()
    yield running
    assert running.stop() == 0, running.log()[-4000:]


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server for one test alone, which may kill it or its relay."""
    running = ServerProcess(tmp_path)
    running.start()
    yield running
    running.stop()
