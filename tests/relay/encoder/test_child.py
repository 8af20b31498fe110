"""What an encoder process has, and has not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from relay.encoder import link
from relay.encoder.__main__ import NICE
from relay.encoder.child import ROOT, Child
from relay.encoder.confine import MAX_MEMORY_BYTES
from tests.relay.encoder.studio import is_alive, kill, until


@asynccontextmanager
async def started() -> AsyncIterator[tuple[Child, list[bytes]]]:
    """A child that is ready, and what it says."""
    said: list[bytes] = []
    child = Child(said.extend, lambda: said.append(b"ended"))
    child.start()
    try:
        await until(lambda: link.encode(link.Ready()) in said)
        yield child, said
    finally:
        child.close(time.monotonic())
        await until(lambda: child.is_gone(time.monotonic()))


async def test_it_has_nothing_of_the_relays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "secret")
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    try:
        async with started() as (child, _):
            process = psutil.Process(child.pid)
            proc = Path(f"/proc/{child.pid}")
            assert b"secret" not in (proc / "environ").read_bytes()
            kinds = [os.readlink(fd) for fd in (proc / "fd").iterdir()]
            pipe = os.readlink(f"/proc/self/fd/{writer}")
            assert pipe not in kinds
            assert {kind.partition(":")[0] for kind in kinds} <= {
                "/dev/null",
                "socket",
                "anon_inode",  # of its own event loop
            }
            assert process.nice() == NICE
            assert os.getpgid(child.pid) == child.pid
            assert process.rlimit(psutil.RLIMIT_AS) == (MAX_MEMORY_BYTES,) * 2
            assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
            status = (proc / "status").read_text()
            assert "NoNewPrivs:\t1" in status
    finally:
        os.close(reader)
        os.close(writer)


async def test_it_ends_with_its_socket() -> None:
    async with started() as (child, said):
        pid = child.pid
        child.close(time.monotonic())
        await until(lambda: child.is_gone(0.0))
        assert not is_alive(pid)
        assert b"ended" not in said


async def test_one_that_the_kernel_reaps_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As all are where SIGCHLD is ignored."""

    def none(pid: int, options: int) -> tuple[int, int]:
        raise ChildProcessError

    async with started() as (child, _):
        with monkeypatch.context() as reaped:
            reaped.setattr(os, "waitpid", none)
            assert child.is_gone(time.monotonic())
        child._is_reaped = False  # it is, here


async def test_its_end_is_said_once() -> None:
    async with started() as (child, said):
        child.kill()
        await until(lambda: b"ended" in said)
        child.feed_video(b"packet")
        assert not child.tell(link.KeyFrame(0))
        assert child.dropped_packets == 2
    assert said.count(b"ended") == 1


async def test_what_it_has_no_room_for_is_dropped_and_counted() -> None:
    async with started() as (child, _):
        kill(child.pid, signal.SIGSTOP)
        for _ in range(2000):
            child.feed_video(bytes(1200))
        assert child.dropped_packets > 1000
        kill(child.pid, signal.SIGCONT)


async def test_it_does_not_outlive_a_relay_that_is_killed() -> None:
    """Not even one that hangs."""
    code = (
        "import asyncio\n"
        "from relay.encoder.child import Child\n"
        "async def main():\n"
        "    ready = asyncio.Event()\n"
        "    child = Child(lambda said: ready.set(), lambda: None)\n"
        "    child.start()\n"
        "    await ready.wait()\n"
        "    print(child.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    relay = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=ROOT, stdout=subprocess.PIPE
    )
    assert relay.stdout is not None
    pid = int(await relay.stdout.readline())
    try:
        assert is_alive(pid)
        kill(pid, signal.SIGSTOP)
    finally:
        relay.kill()
        await relay.wait()
    await until(lambda: not is_alive(pid))
