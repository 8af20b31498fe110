"""coturn, the TURN server of Debian, on loopback for one test."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.server_process import free_port

HOST = "127.0.0.1"
REALM = "tests"
START_TIMEOUT_S = 20
STOP_TIMEOUT_S = 10


@dataclass(frozen=True, slots=True)
class Coturn:
    port: int
    log_path: Path

    @property
    def uri(self) -> str:
        return f"turn:{HOST}:{self.port}"

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")


@contextmanager
def running_coturn(directory: Path, secret: str) -> Iterator[Coturn]:
    """A TURN server whose clients need a credential made with `secret`.

    It relays to loopback, which no TURN server may do outside of a test.
    """
    executable = shutil.which("turnserver")
    assert executable, "no turnserver: run tests/setup.sh"
    started = Coturn(free_port(socket.SOCK_DGRAM), directory / "coturn.log")
    with started.log_path.open("wb") as log:
        process = subprocess.Popen(
            [
                executable,
                "-n",  # no configuration file
                f"--listening-ip={HOST}",
                f"--listening-port={started.port}",
                f"--relay-ip={HOST}",
                "--allow-loopback-peers",
                # As docs/networks.md has it: our server and nobody else.
                "--denied-peer-ip=0.0.0.0-255.255.255.255",
                f"--allowed-peer-ip={HOST}",
                "--use-auth-secret",
                f"--static-auth-secret={secret}",
                f"--realm={REALM}",
                "--fingerprint",
                "--no-tls",
                "--no-dtls",
                "--no-cli",
                f"--userdb={directory / 'turndb'}",
                f"--pidfile={directory / 'coturn.pid'}",
                "--log-file=stdout",
                "--verbose",
            ],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _wait_until_listening(process, started)
        yield started
    finally:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_listening(process: subprocess.Popen[bytes], coturn: Coturn) -> None:
    """It listens on TCP too, after UDP."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            socket.create_connection((HOST, coturn.port), timeout=1).close()
            return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no coturn:\n{coturn.log()[-4000:]}") from error
        time.sleep(0.05)
