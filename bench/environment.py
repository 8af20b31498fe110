"""Where a run took place, in general words: no names of hosts or people."""

from __future__ import annotations

import platform
import shutil
import ssl
import subprocess
from importlib import metadata
from pathlib import Path

from bench.processes import ROOT, Cores
from bench.servers import janus_version

PACKAGES = (
    "aiortc",
    "av",
    "channels",
    "daphne",
    "Django",
    "pylibsrtp",
    "pyOpenSSL",
    "uvloop",
    "websockets",
)


def read_commit() -> str:
    """Short id of HEAD, with "-dirty" when files differ; "unknown" without git."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    head = _output([git, "rev-parse", "--short", "HEAD"])
    changed = _output([git, "status", "--porcelain", "--untracked-files=no"])
    return (f"{head}-dirty" if changed else head) or "unknown"


def describe_machine(cores: Cores) -> dict[str, str | int]:
    return {
        "processor": _processor(),
        "cores": len(cores.server | cores.client),
        "server_cores": len(cores.server),
        "memory_gb": round(_memory_kb() / 1e6),
        "kernel": f"Linux {'.'.join(platform.release().split('.')[:2])}",
        "python": platform.python_version(),
    }


def describe_versions() -> dict[str, str]:
    found = {"openssl": ssl.OPENSSL_VERSION, "janus": janus_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_kb() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1])
    return 0


def _output(command: list[str]) -> str:
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
