"""Build and run floor.c, where a compiler and libsrtp2's headers are."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
from pathlib import Path

from bench.clip import OUT
from bench.processes import Cores

SOURCE = Path(__file__).with_suffix(".c")
PACKETS, PASSES = 100_000, 3
SRTP_TAG_BYTES = 16
FRAME_PACKETS, PACED_FRAMES = 6, 45


def build() -> Path | None:
    """The program, or nothing where it cannot be built."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    OUT.mkdir(parents=True, exist_ok=True)
    program = OUT / "floor"
    built = subprocess.run(
        [compiler, "-O2", "-o", str(program), str(SOURCE), "-lsrtp2"],
        capture_output=True,
        check=False,
    )
    return program if built.returncode == 0 else None


def measure(program: Path, packet_bytes: int, cores: Cores) -> float:
    """CPU µs per packet of `packet_bytes` on the wire: the median of some passes."""
    return statistics.median(_run(program, cores, packet_bytes, PACKETS, PASSES))


def measure_paced(
    program: Path, packet_bytes: int, cores: Cores, viewers: int
) -> float:
    """The same in the rhythm of a video for `viewers`, for about three seconds."""
    packets = PACED_FRAMES * FRAME_PACKETS * viewers
    return _run(program, cores, packet_bytes, packets, 1, viewers)[0]


def _run(program: Path, cores: Cores, packet_bytes: int, *words: int) -> list[float]:
    core = min(cores.server)
    done = subprocess.run(
        [program, *map(str, (packet_bytes - SRTP_TAG_BYTES, *words))],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    return [float(line) for line in done.stdout.split()]
