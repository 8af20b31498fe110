"""The servers that are measured, as processes of their own on loopback."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.janus import ROOM
from bench.measure import find_in_tree, process_tree
from bench.processes import (
    ROOT,
    Cores,
    accepts,
    free_port,
    running,
    udp_port_is_bound,
    wait_until,
)

JANUS = Path("/usr/bin/janus")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `pids`: its whole tree; `parts`: some of it by name."""

    kind: str  # "ams" | "janus" | "echo"
    url: str
    pids: tuple[int, ...]
    parts: dict[str, int]


def has_janus() -> bool:
    return JANUS.exists()


def has_ours() -> bool:
    return (ROOT / "manage.py").exists()


def janus_version() -> str:
    """Such as "1.1.2"; empty when it is not installed."""
    query = shutil.which("dpkg-query")
    if not has_janus() or query is None:
        return ""
    found = subprocess.run(
        [query, "-W", "-f=${Version}", "janus"],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip()


@contextlib.contextmanager
def serve(kind: str, directory: Path, cores: Cores) -> Iterator[Server]:
    """The server `kind` in its default shape, ready for clients."""
    start = {"ams": _serve_ours, "janus": _serve_janus, "echo": _serve_echo}[kind]
    directory.mkdir(parents=True, exist_ok=True)
    with start(directory, cores) as server:
        yield server


@contextlib.contextmanager
def _serve_ours(directory: Path, cores: Cores) -> Iterator[Server]:
    http, legacy, media = free_port(), free_port(), free_port(socket.SOCK_DGRAM)
    environment = {
        "HTTP_PORT": str(http),
        "LEGACY_PORT": str(legacy),
        "MEDIA_PORT": str(media),
        "DATA_DIR": str(directory / "data"),
        "BIND": "127.0.0.1",
        "PUBLIC_IP": "127.0.0.1",
        "CPU_LIMIT": "100",  # the load must not be refused as too much
        "RELAYS": "1",
        "DATABASE_URL": "",
        "REDIS_URL": "",
    }
    with running(
        [sys.executable, "manage.py", "serve"],
        cores=cores.server,
        log=directory / "server.log",
        environment=environment,
    ) as process:
        wait_until(lambda: accepts(http), process, "our server's HTTP port")
        wait_until(lambda: udp_port_is_bound(media), process, "our relay's port")
        relay = find_in_tree(process.pid, "relay") or process.pid
        yield Server(
            kind="ams",
            url=f"ws://127.0.0.1:{http}/WebRTCAppEE/websocket",
            pids=tuple(process_tree(process.pid)),
            parts={"asgi": process.pid, "relay": relay},
        )


@contextlib.contextmanager
def _serve_janus(directory: Path, cores: Cores) -> Iterator[Server]:
    port = free_port()
    _write_janus_configuration(directory, port)
    with running(
        [str(JANUS), "-F", str(directory)],
        cores=cores.server,
        log=directory / "server.log",
    ) as process:
        wait_until(lambda: accepts(port), process, "Janus's WebSocket port")
        yield Server(
            kind="janus",
            url=f"ws://127.0.0.1:{port}",
            pids=tuple(process_tree(process.pid)),
            parts={},
        )


@contextlib.contextmanager
def _serve_echo(directory: Path, cores: Cores) -> Iterator[Server]:
    port = free_port()
    with running(
        [sys.executable, "-m", "bench.echo_asgi", str(port)],
        cores=cores.server,
        log=directory / "server.log",
        environment={"DATA_DIR": str(directory / "data")},
    ) as process:
        wait_until(lambda: accepts(port), process, "the echo server's port")
        yield Server(
            kind="echo",
            url=f"ws://127.0.0.1:{port}/",
            pids=(process.pid,),
            parts={"asgi": process.pid},
        )


def _write_janus_configuration(directory: Path, port: int) -> None:
    """Its defaults, but only what is needed, on loopback, and without a room's cap."""
    plugins = sorted(p.name for p in JANUS_LIB.glob("plugins/*.so"))
    transports = sorted(p.name for p in JANUS_LIB.glob("transports/*.so"))
    others = [p for p in plugins if "videoroom" not in p]
    other_transports = [t for t in transports if "websockets" not in t]
    (directory / "janus.jcfg").write_text(
        f"""general: {{
  configs_folder = "{directory}"
  debug_level = 2
  session_timeout = 0
}}
media: {{ ipv6 = false }}
plugins: {{ disable = "{",".join(others)}" }}
transports: {{ disable = "{",".join(other_transports)}" }}
"""
    )
    (directory / "janus.transport.websockets.jcfg").write_text(
        f"""general: {{ ws = true, ws_port = {port}, ws_ip = "127.0.0.1", wss = false }}
admin: {{ admin_ws = false, admin_wss = false }}
"""
    )
    (directory / "janus.plugin.videoroom.jcfg").write_text(
        f"""room-{ROOM}: {{
  description = "bench"
  publishers = 10
  bitrate = 10000000
  fir_freq = 0
  videocodec = "vp8"
  record = false
  notify_joining = false
}}
"""
    )


def _find_janus_lib() -> Path:
    found = sorted(Path("/usr/lib").glob("*/janus"))
    return found[0] if found else Path("/usr/lib/janus")


JANUS_LIB = _find_janus_lib()
