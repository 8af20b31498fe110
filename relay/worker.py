"""The relay process: one socket to signalling, one UDP port, one event loop.

    python -m relay.worker --name=relay-1 --control-fd=3 --bind=0.0.0.0 --port=50000

It ends when the control socket does, so it never outlives its parent.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

import uvloop

from relay import control
from relay.ice import candidate_lines, local_addresses, tcp_candidate_lines
from relay.router import Router
from relay.tcp import TcpPort, open_listeners, raise_descriptor_limit
from relay.udp import UdpPort, open_sockets

logger = logging.getLogger("relay")

MAX_UNSENT_BYTES = 16 * 1024 * 1024
ERROR_LOG_INTERVAL_S = 1.0

ExceptionHandler = Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object]


class ControlChannel:
    """Reads commands and writes events, one JSON object a line."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer

    def emit(self, event: control.Event) -> None:
        """Queue an event. A parent that reads nothing any more ends the relay."""
        transport = self._writer.transport
        if transport.is_closing():  # the parent is gone: nobody would read it
            return
        if transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            logger.error("signalling does not read its events: ending")
            transport.abort()
            return
        self._writer.write(control.encode(event))

    async def commands(self, router: Router) -> None:
        """Handle commands until the socket ends."""
        while line := await self._reader.readline():
            try:
                command = control.decode(line)
                router.handle(command)  # type: ignore[arg-type]
            except Exception:  # one bad command must not end the media of all
                logger.exception("command failed")


async def serve(args: argparse.Namespace) -> None:
    sockets = open_sockets(args.bind, args.port)
    port = sockets[0].sock.getsockname()[1]
    listeners = open_listeners(sockets)
    addresses = [ip for ip in args.public_ip.split(",") if ip]
    addresses = addresses or local_addresses(args.bind)
    over_tcp = [ip for ip in addresses if _family(ip) in {x.family for x in listeners}]
    reader, writer = await asyncio.open_connection(
        sock=socket.socket(fileno=args.control_fd), limit=control.MAX_LINE_BYTES
    )
    channel = ControlChannel(reader, writer)
    router = Router(
        args.name,
        channel.emit,
        candidate_lines(addresses, port),
        tcp_candidates=tcp_candidate_lines(over_tcp, port),
    )
    udp, tcp = UdpPort(sockets, router), TcpPort(listeners, router)
    udp.start()
    tcp.start()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_rarely())
    commands = asyncio.create_task(channel.commands(router), name="commands")
    timers = asyncio.create_task(router.run(), name="timers")
    loop.add_signal_handler(signal.SIGTERM, commands.cancel)
    channel.emit(control.Ready(args.name, os.getpid(), port))
    # What exists now lives as long as the process: keep the collector off it.
    gc.collect()
    gc.freeze()
    await asyncio.wait([commands, timers], return_when=asyncio.FIRST_COMPLETED)
    for task in (commands, timers):
        task.cancel()
    await asyncio.gather(commands, timers, return_exceptions=True)
    await router.close()
    tcp.close()
    udp.close()
    writer.close()


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _log_rarely() -> ExceptionHandler:
    """An exception handler that hostile traffic cannot make flood the log."""
    last = [-ERROR_LOG_INTERVAL_S]

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        now = loop.time()
        if now - last[0] >= ERROR_LOG_INTERVAL_S:
            last[0] = now
            loop.default_exception_handler(context)

    return handle


def main() -> None:
    parser = argparse.ArgumentParser(prog="relay")
    parser.add_argument("--name", required=True)
    parser.add_argument("--control-fd", type=int, required=True)
    parser.add_argument("--bind", default="0.0.0.0")  # noqa: S104
    parser.add_argument("--port", type=int, default=50000)
    parser.add_argument("--public-ip", default="")
    args = parser.parse_args()
    logging.basicConfig(
        level=os.environ.get("LOG_LEVEL", "INFO"),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    raise_descriptor_limit()
    try:
        uvloop.run(serve(args))
    except OSError as error:
        sys.exit(f"relay {args.name}: {error}")


if __name__ == "__main__":
    main()
