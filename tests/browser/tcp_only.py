"""A network that lets TCP through and swallows UDP, between clients and the server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

PUBLIC_ADDRESS = "127.0.0.3"  # what the server tells its clients
SERVER_ADDRESS = "127.0.0.1"
CHUNK_BYTES = 64 * 1024


class TcpOnly:
    """`connections` counts those of all clients so far."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.connections = 0
        self._server = server
        self._open: set[asyncio.StreamWriter] = set()

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        onward = await asyncio.open_connection(*self._server)
        self._open |= {writer, onward[1]}
        await asyncio.gather(_copy(reader, onward[1]), _copy(onward[0], writer))
        self._open -= {writer, onward[1]}

    def cut(self) -> None:
        """All connections end without a word."""
        for writer in self._open:
            writer.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def tcp_only_network(
    port: int, public: str = PUBLIC_ADDRESS, server: str = SERVER_ADDRESS
) -> AsyncIterator[TcpOnly]:
    """In front of the media port of `server`, whose PUBLIC_IP is `public`."""
    network = TcpOnly((server, port))
    front = await asyncio.start_server(network.serve, public, port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as swallowed:
        swallowed.bind((public, port))  # and never read
        try:
            yield network
        finally:
            front.close()
            network.cut()
            await front.wait_closed()
