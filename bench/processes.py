"""Child processes: started on their cores, watched, and always ended."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bench.measure import process_tree, start_time

ROOT = Path(__file__).resolve().parent.parent
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1  # linux/prctl.h
STOP_TIMEOUT_S = 10.0
LOGGED_LINES = 12  # of a failed process


class BenchError(Exception):
    """A process did not do its part; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Servers on all cores but the last, clients on the last one."""

    server: frozenset[int]
    client: frozenset[int]


def divide_cores() -> Cores:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return Cores(frozenset(cores), frozenset(cores))
    return Cores(frozenset(cores[:-1]), frozenset(cores[-1:]))


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    cores: frozenset[int],
    log: Path,
    environment: Mapping[str, str] | None = None,
    piped: bool = False,
) -> Iterator[subprocess.Popen[str]]:
    """The process while the block lasts; then it and its descendants are ended.

    Standard error goes to `log`, and standard output too unless `piped`.
    """
    with log.open("a") as out:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE if piped else subprocess.DEVNULL,
            stdout=subprocess.PIPE if piped else out,
            stderr=out,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: _prepare_child(cores),
        )
    try:
        yield process
    except BenchError as error:
        end(process)
        raise BenchError(_with_log(str(error), log)) from error
    finally:
        end(process)


def _prepare_child(cores: frozenset[int]) -> None:
    """In the child before exec: its cores; SIGTERM should this process be killed."""
    os.sched_setaffinity(0, cores)
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _with_log(text: str, log: Path) -> str:
    """The text and the end of the log, unless that is there already."""
    lines = log.read_text(errors="replace").splitlines()[-LOGGED_LINES:]
    tail = "\n".join(f"    {line}" for line in lines)
    return text if not tail or tail in text else f"{text}\n{tail}"


def end(process: subprocess.Popen[str]) -> None:
    """SIGTERM, time to stop, then SIGKILL for it and what it left behind."""
    if process.returncode is not None:
        return
    left = {pid: start_time(pid) for pid in process_tree(process.pid)[1:]}
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_TIMEOUT_S)
    if process.poll() is None:
        process.kill()
        process.wait()
    for pid, started in left.items():
        if start_time(pid) != started:
            continue  # it ended, and perhaps another has its number now
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()


def read_json(process: subprocess.Popen[str], timeout_s: float) -> dict[str, Any]:
    """The next line of JSON that the process prints.

    Raises:
        BenchError: it ended, or printed nothing in time.
    """
    stream: IO[str] = process.stdout  # type: ignore[assignment]  # piped
    ready, _, _ = select.select([stream], [], [], timeout_s)
    line = stream.readline() if ready else ""
    if not line:
        why = "ended" if ready else f"said nothing for {timeout_s:.0f} s"
        raise BenchError(f"{' '.join(map(str, process.args[2:4]))} {why}")  # type: ignore[index]
    return dict(json.loads(line))


def run_json(
    module: str,
    arguments: Mapping[str, Any],
    *,
    cores: Cores,
    log: Path,
    limit_s: float,
) -> dict[str, Any]:
    """What `python -m module JSON` prints as its one line."""
    command = [sys.executable, "-m", module, json.dumps(arguments)]
    with running(command, cores=cores.client, log=log, piped=True) as process:
        return read_json(process, limit_s)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(
    condition: Callable[[], bool], process: subprocess.Popen[str], what: str
) -> None:
    """Return when `condition` holds.

    Raises:
        BenchError: the process ended, or it did not hold within 40 s.
    """
    deadline = time.monotonic() + 40
    while not condition():
        if process.poll() is not None:
            raise BenchError(f"{what}: the process ended with {process.returncode}")
        if time.monotonic() > deadline:
            raise BenchError(f"{what}: not within 40 s")
        time.sleep(0.05)


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def udp_port_is_bound(port: int) -> bool:
    for name in ("udp", "udp6"):
        table = Path("/proc/net") / name
        if table.exists() and f":{port:04X} " in table.read_text():
            return True
    return False
