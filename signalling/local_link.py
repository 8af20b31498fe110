"""The one-machine link: relays are child processes on a local socket each.

A child that dies is noticed at once by the end of its socket, its sessions are
closed, and it is started again. A child ends by itself when this process dies,
for the socket ends there too.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from relay import control
from signalling.link import RelayUnavailable

logger = logging.getLogger(__name__)

MAX_UNSENT_BYTES = 4 * 1024 * 1024
RESTART_DELAY_S = 0.1
MAX_RESTART_DELAY_S = 5.0
HEALTHY_AFTER_S = 10.0  # a child that lived this long is restarted at once
STOP_TIMEOUT_S = 3.0
SILENCE_S = 20  # a relay reports every few seconds; one that does not hangs
ROOT = Path(__file__).resolve().parent.parent

EventSink = Callable[[str, control.Event], Awaitable[None]]
LostSink = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class RelayConfig:
    """How to start one relay child."""

    name: str
    bind: str
    port: int
    public_ips: tuple[str, ...]

    def arguments(self, control_fd: int) -> list[str]:
        return [
            sys.executable,
            "-m",
            "relay.worker",
            f"--name={self.name}",
            f"--bind={self.bind}",
            f"--port={self.port}",
            f"--public-ip={','.join(self.public_ips)}",
            f"--control-fd={control_fd}",
        ]


@dataclass(slots=True)
class _Child:
    config: RelayConfig
    process: asyncio.subprocess.Process | None = None
    writer: asyncio.StreamWriter | None = None
    ready: bool = False


@dataclass(slots=True)
class LocalLink:
    """Owns the relay children.

    `on_event` gets every event of a relay, `on_lost` the name of one that died,
    before it is started again.
    """

    configs: tuple[RelayConfig, ...]
    on_event: EventSink
    on_lost: LostSink
    _children: dict[str, _Child] = field(default_factory=dict)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def relays(self) -> tuple[str, ...]:
        return tuple(name for name, child in self._children.items() if child.ready)

    async def send(self, relay: str, command: control.Command) -> None:
        child = self._children.get(relay)
        if child is None or not child.ready or child.writer is None:
            raise RelayUnavailable(relay)
        if child.writer.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            raise RelayUnavailable(relay)
        child.writer.write(control.encode(command))

    def start(self) -> None:
        """Start and supervise the children in the running loop; idempotent."""
        if self._tasks:
            return
        for config in self.configs:
            child = self._children[config.name] = _Child(config)
            self._tasks.append(
                asyncio.create_task(self._supervise(child), name=config.name)
            )

    async def stop(self) -> None:
        """End the children and wait for them; idempotent."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _supervise(self, child: _Child) -> None:
        loop = asyncio.get_running_loop()
        delay = RESTART_DELAY_S
        while True:
            started = loop.time()
            try:
                await self._run(child)
            except OSError as error:
                logger.error("relay %s cannot start: %s", child.config.name, error)
            if loop.time() - started > HEALTHY_AFTER_S:
                delay = RESTART_DELAY_S
            await asyncio.sleep(delay)
            delay = min(delay * 2, MAX_RESTART_DELAY_S)

    async def _run(self, child: _Child) -> None:
        """One life of a child, from its start to its end."""
        ours, theirs = socket.socketpair()
        try:
            child.process = await asyncio.create_subprocess_exec(
                *child.config.arguments(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                cwd=ROOT,
                start_new_session=True,  # Ctrl-C is ours to pass on
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        reader, child.writer = await asyncio.open_connection(
            sock=ours, limit=control.MAX_LINE_BYTES
        )
        try:
            await self._read_events(child, reader)
        finally:
            await self._bury(child)

    async def _read_events(self, child: _Child, reader: asyncio.StreamReader) -> None:
        name = child.config.name
        while line := await _read_line(reader):
            try:
                event = control.decode(line)
            except ValueError:
                logger.error("relay %s sent a malformed event", name)
                continue
            # decode() reads both directions; only events come this way.
            await self.on_event(name, event)  # type: ignore[arg-type]
            if isinstance(event, control.Ready):  # known to the database by now
                child.ready = True
                logger.info("relay %s is up on port %d", name, event.port)

    async def _bury(self, child: _Child) -> None:
        was_ready, child.ready = child.ready, False
        if child.writer is not None:
            child.writer.close()  # the child ends when its socket does
            child.writer = None
        process, child.process = child.process, None
        if process is not None:
            code = await _reap(process)
            report = logger.warning if code else logger.info  # 0: told to stop
            report(
                "relay %s (UDP port %d) %s with status %s",
                child.config.name,
                child.config.port,
                "ended" if was_ready else "could not start and ended",
                code,
            )
        if was_ready:
            await self.on_lost(child.config.name)


async def _read_line(reader: asyncio.StreamReader) -> bytes:
    """The next line, or nothing when the socket is gone or the relay hangs."""
    try:
        return await asyncio.wait_for(reader.readline(), SILENCE_S)
    except TimeoutError:
        logger.error("a relay has not reported for %d s: ending it", SILENCE_S)
    except (ConnectionError, ValueError):  # ValueError: a line over the limit
        pass
    return b""


async def _reap(process: asyncio.subprocess.Process) -> int:
    try:
        return await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        return await process.wait()
