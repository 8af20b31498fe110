"""An encoder process as the relay has it: started, fed, read, ended.

Everything here runs in the relay's loop and never waits: what the process does not
take in time is dropped and counted, and what it says is taken for hostile.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from relay.encoder import link
from relay.encoder.spawn import PASSED_FD, spawn

ROOT = Path(__file__).parents[2]
SEND_BUFFER_BYTES = 1024 * 1024  # the kernel gives about 180 packets of it
READ_BATCH = 64  # messages a wake-up
KILL_AFTER_S = 2.0  # from the end of the socket
_VIDEO, _AUDIO = bytes((link.VIDEO_IN,)), bytes((link.AUDIO_IN,))
# Its thread lives as long as the relay: children of a thread are killed when it ends.
_spawner = ThreadPoolExecutor(1, "spawner")


def command() -> list[str]:
    """What is run, with its end of the link as PASSED_FD."""
    # -P and a path of its own: the directory it is started in says nothing.
    module = (sys.executable, "-P", "-m", "relay.encoder")
    return [*module, str(PASSED_FD), str(os.getpid())]


def environment() -> dict[str, str]:
    """Nothing of the relay's: who decodes strangers' pictures keeps no secrets."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


class Child:
    """One encoder process. `on_messages` gets each batch, `on_end` its end, once.

    One that cannot be started ends at once. `on_end` is not called after `close`.
    """

    def __init__(
        self,
        on_messages: Callable[[list[bytes]], None],
        on_end: Callable[[], None],
    ) -> None:
        self._on_messages = on_messages
        self._on_end = on_end
        self._socket: socket.socket | None = None
        self._spawned: Future[int] | None = None  # its pid
        self._is_reaped = False
        self._kill_at: float | None = None
        self.dropped_packets = 0
        self.received = 0  # messages, since `take_received`

    def start(self) -> None:
        """Have the process started.

        Raises:
            OSError: there is no file descriptor left.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        ours.setblocking(False)
        self._socket = ours
        asyncio.get_running_loop().add_reader(ours, self._readable)
        self._spawned = _spawner.submit(_spawn, theirs)

    @property
    def pid(self) -> int:
        """0 before it is started, and when it cannot be."""
        spawned = self._spawned
        if spawned is None or not spawned.done() or spawned.exception():
            return 0
        return spawned.result()

    def feed_video(self, wire: bytes) -> None:
        """Hand over a packet of the stream, or drop it. Never raises: it is a tap."""
        self._send(_VIDEO + wire)

    def feed_audio(self, wire: bytes) -> None:
        self._send(_AUDIO + wire)

    def tell(self, message: link.Message) -> bool:
        """Whether a control message was taken."""
        return self._send(link.encode(message))

    def _send(self, data: bytes) -> bool:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # full, or its end is about to be read
                self._socket.send(data)
                return True
        self.dropped_packets += 1
        return False

    def _readable(self) -> None:
        messages: list[bytes] = []
        ended = False
        while self._socket is not None and len(messages) < READ_BATCH:
            try:
                data = self._socket.recv(link.MAX_MESSAGE_BYTES)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            if not data:
                ended = True
                break
            messages.append(data)
        self.received += len(messages)
        if messages:
            self._on_messages(messages)
        if ended and self._socket is not None:
            self._drop_socket()
            self._on_end()

    def take_received(self) -> int:
        """Messages since the last time."""
        received, self.received = self.received, 0
        return received

    def kill(self) -> None:
        """End it now; `on_end` follows from the end of its socket."""
        if self.pid and not self._is_reaped:
            os.kill(self.pid, signal.SIGKILL)  # not reaped: the pid is still its own

    def close(self, now: float) -> None:
        """It is to end: by the end of its socket, or killed a little later."""
        self._drop_socket()
        self._kill_at = now + KILL_AFTER_S

    def _drop_socket(self) -> None:
        sock, self._socket = self._socket, None
        if sock is not None:
            asyncio.get_running_loop().remove_reader(sock)
            sock.close()

    def is_gone(self, now: float) -> bool:
        """Whether the process is reaped; called until it is. Kills one that stays."""
        if self._spawned is None or self._is_reaped:
            return True
        if not self._spawned.done():
            return False
        self._is_reaped = not self.pid or _reap(self.pid)
        if not self._is_reaped and self._kill_at is not None and now >= self._kill_at:
            self.kill()
        return self._is_reaped


def _reap(pid: int) -> bool:
    """Whether the process has ended; its pid may be another one's afterwards."""
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:  # SIGCHLD is ignored, as whoever started us left it
        return True


def _spawn(theirs: socket.socket) -> int:
    """In the spawner's thread. When it fails, our end finds the link closed."""
    with theirs:
        return spawn(command(), environment(), theirs.fileno())
