"""The real server as a process of its own, on free ports, with its own data."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def free_media_port() -> int:
    """Free for UDP and for TCP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        port = int(udp.getsockname()[1])
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            try:
                tcp.bind(("127.0.0.1", port))
            except OSError:  # another one's
                return free_media_port()
        return port


class ServerProcess:
    """`manage.py serve`, as an operator starts it."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.data_dir = data_dir
        self.http_port = free_port()
        self.legacy_port = free_port()
        self.media_port = free_media_port()
        self.log_path = data_dir / "server.log"
        self.environment = {
            **os.environ,
            "HTTP_PORT": str(self.http_port),
            "LEGACY_PORT": str(self.legacy_port),
            "MEDIA_PORT": str(self.media_port),
            "DATA_DIR": str(data_dir),
            "BIND": "127.0.0.1",
            "PUBLIC_IP": "127.0.0.1",
            "CPU_LIMIT": "100",  # the tests themselves use the whole machine
            "MIN_FREE_RAM_MB": "0",
            "DJANGO_SUPERUSER_USERNAME": "admin",
            "DJANGO_SUPERUSER_PASSWORD": "correct horse battery",
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def websocket_url(self, application: str = "LiveApp") -> str:
        return f"ws://127.0.0.1:{self.http_port}/{application}/websocket"

    def start(self) -> None:
        """Started, its first page answered, its relay ready for media."""
        with self.log_path.open("ab") as log:
            self._log_start = log.tell()
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{self.log()[-4000:]}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        page = urllib.request.Request(  # noqa: S310  http
            # As a proxy would ask: where TLS_PROXY is set, it is a redirect otherwise.
            f"{self.url}/LiveApp/",
            headers={"X-Forwarded-Proto": "https"},
        )
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(page, timeout=5) as answer,  # noqa: S310  http
        ):
            return bool(answer.status == 200) and self._has_relay()
        return False

    def _has_relay(self) -> bool:
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            return b"is up on port" in log.read()

    def relay_pid(self) -> int | None:
        """The process id of the relay child, when there is one."""
        if self.process is None:
            return None
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):
                if "relay.worker" in child.cmdline():
                    return int(child.pid)
        return None

    def stop(self) -> int:
        """Stopped by SIGTERM; its exit status."""
        if self.process is None:
            return 0
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def kill(self) -> None:
        """kill -9, as a crash."""
        if self.process is not None:
            process, self.process = self.process, None
            process.kill()
            process.wait()

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def rows(self, query: str, *arguments: object) -> list[sqlite3.Row]:
        """Rows of the server's database."""
        connection = sqlite3.connect(self.data_dir / "db.sqlite3", timeout=5)
        try:
            connection.row_factory = sqlite3.Row
            return connection.execute(query, arguments).fetchall()
        finally:
            connection.close()
