"""A relay process by itself, driven over its control link."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

from bench.processes import (
    LIBC,
    PR_SET_PDEATHSIG,
    ROOT,
    STOP_TIMEOUT_S,
    BenchError,
)
from relay import control

EVENT_TIMEOUT_S = 20.0
E = TypeVar("E", bound=control.Event)


class RelayLink:
    """Commands to the relay, and its events by session."""

    def __init__(
        self,
        pid: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.pid = pid
        self._reader = reader
        self._writer = writer
        self._events: dict[str, asyncio.Queue[control.Event]] = {}

    def send(self, command: control.Command) -> None:
        self._writer.write(control.encode(command))

    async def event(self, kind: type[E], session: str = "") -> E:
        """The next event of that kind; others of the session are dropped.

        Raises:
            BenchError: the session failed, or nothing came in time.
        """
        queue = self._events.setdefault(session, asyncio.Queue())
        while True:
            try:
                event = await asyncio.wait_for(queue.get(), EVENT_TIMEOUT_S)
            except TimeoutError as error:
                raise BenchError(f"no {kind.__name__} of the relay") from error
            if isinstance(event, kind):
                return event
            if isinstance(event, control.Failed | control.Closed):
                raise BenchError(f"the relay said {event}")

    async def read(self) -> None:
        """Sort events until the relay ends."""
        while line := await self._reader.readline():
            event = control.decode(line)
            session = getattr(event, "session", "")
            queue = self._events.setdefault(session, asyncio.Queue())
            queue.put_nowait(event)  # type: ignore[arg-type]  # a relay sends events


@contextlib.asynccontextmanager
async def relay_process(cores: Sequence[int]) -> AsyncIterator[RelayLink]:
    """A relay on `cores`, ready; it is ended with the block."""
    ours, theirs = socket.socketpair()

    def prepare() -> None:
        os.sched_setaffinity(0, cores)
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    words = ["--name=bench", f"--control-fd={theirs.fileno()}", "--bind=127.0.0.1"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "relay.worker",
        *words,
        "--port=0",
        cwd=ROOT,
        pass_fds=[theirs.fileno()],
        preexec_fn=prepare,
    )
    theirs.close()
    reader, writer = await asyncio.open_connection(
        sock=ours, limit=control.MAX_LINE_BYTES
    )
    link = RelayLink(process.pid, reader, writer)
    reading = asyncio.create_task(link.read(), name="relay link")
    try:
        await link.event(control.Ready)
        yield link
    finally:
        reading.cancel()
        writer.close()  # the relay ends with its control socket
        await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
