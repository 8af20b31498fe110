"""The relay process: its control socket is its life."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay import control
from relay.worker import ControlChannel
from tests.relay.conftest import WAIT_S, E
from tests.relay.test_sdp import OFFER
from tests.server_process import free_media_port

ROOT = Path(__file__).parents[2]


class Worker:
    def __init__(self, *arguments: str) -> None:
        self.control, theirs = socket.socketpair()
        self.control.settimeout(WAIT_S)
        with theirs:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "relay.worker", "--name=relay-7"),
                    *(f"--control-fd={theirs.fileno()}", "--bind=127.0.0.1"),
                    *arguments,
                ],
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
                stderr=subprocess.PIPE,
                text=True,
            )
        self._lines = self.control.makefile("rb")

    def event(self, kind: type[E]) -> E:
        while line := self._lines.readline():
            event = control.decode(line)
            if isinstance(event, kind):
                return event
        raise AssertionError("the worker ended")

    def send(self, line: bytes) -> None:
        self.control.sendall(line)

    def hang_up(self) -> None:
        self.control.shutdown(socket.SHUT_RDWR)

    def wait(self) -> int:
        return self.process.wait(WAIT_S)

    def close(self) -> None:
        self._lines.close()
        self.control.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def worker() -> Iterator[Worker]:
    port = free_media_port()
    made = Worker(f"--port={port}", "--public-ip=192.0.2.9,2001:db8::9")
    yield made
    made.close()


def test_it_serves_until_its_socket_ends(worker: Worker) -> None:
    ready = worker.event(control.Ready)
    assert (ready.relay, ready.version) == ("relay-7", control.VERSION)
    assert ready.pid == worker.process.pid
    worker.send(b"nonsense\n")
    worker.send(b'{"kind":"AcceptAnswer","session":"s","sdp":5}\n')
    offer = control.AcceptOffer("s", "c", "A/x", OFFER, ("VP8",), 8000, 0)
    worker.send(control.encode(offer))
    answered = worker.event(control.Answered)
    told = [line.split() for line in answered.candidates]
    assert [(words[2], words[4], int(words[5])) for words in told] == [
        ("udp", "192.0.2.9", ready.port),
        ("udp", "2001:db8::9", ready.port),
        ("tcp", "192.0.2.9", ready.port),  # nobody listens on IPv6 here
    ]
    worker.hang_up()
    assert worker.wait() == 0


def test_it_ends_by_sigterm(worker: Worker) -> None:
    worker.event(control.Ready)
    worker.process.send_signal(signal.SIGTERM)
    assert worker.wait() == 0


def test_a_taken_port_is_told_in_one_line() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        worker = Worker(f"--port={taken.getsockname()[1]}")
        try:
            assert worker.wait() == 1
            assert worker.process.stderr is not None
            assert worker.process.stderr.read().startswith("relay relay-7: ")
        finally:
            worker.close()


async def test_what_nobody_reads_any_more_is_not_written() -> None:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    channel = ControlChannel(reader, writer)
    channel.emit(control.StreamEnded("A/x", "s"))
    writer.close()
    channel.emit(control.StreamEnded("A/y", "s"))
    await writer.wait_closed()
    with theirs:
        assert control.decode(theirs.recv(4096)) == control.StreamEnded("A/x", "s")
        assert theirs.recv(4096) == b""
