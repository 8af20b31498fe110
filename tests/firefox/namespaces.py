"""Two network namespaces joined by a veth pair: a server's and a browser's.

They have no name. A descriptor of this process keeps each one, so the kernel
removes them, and the pair with them, however this process ends. Nothing in them
reaches another network.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SERVER_ADDRESS = "10.99.0.1"
BROWSER_ADDRESS = "10.99.0.2"
PREFIX_LENGTH = 30
CLONE_NEWNET = 0x4000_0000  # <linux/sched.h>; os has it from Python 3.12 on
OWN_NAMESPACE = "/proc/thread-self/ns/net"

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace, kept by an open descriptor."""

    descriptor: int

    @property
    def path(self) -> str:
        """What `ip` takes in place of a name, while this process lives."""
        return f"/proc/{os.getpid()}/fd/{self.descriptor}"

    @contextmanager
    def entered(self) -> Iterator[None]:
        """This thread, and the processes and sockets that it makes, are in it.

        A socket stays in the namespace that it was made in, whoever uses it later.
        """
        before = os.open(OWN_NAMESPACE, os.O_RDONLY)
        try:
            _enter(self.descriptor)
            try:
                yield
            finally:
                _enter(before)
        finally:
            os.close(before)

    def run(self, command: str) -> None:
        """Done inside, with `command` split at its spaces."""
        with self.entered():
            done = subprocess.run(command.split(), capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stderr.strip()}")


@dataclass(frozen=True, slots=True)
class Network:
    server: Namespace
    browser: Namespace


@contextmanager
def joined_namespaces() -> Iterator[Network]:
    """Two namespaces that see each other and nothing else.

    Raises:
        OSError, RuntimeError: the kernel or the container does not allow it.
    """
    with _new_namespace() as server, _new_namespace() as browser:
        server.run(
            f"ip link add veth0 type veth peer name veth0 netns {browser.path}",
        )
        for namespace, address in (
            (server, SERVER_ADDRESS),
            (browser, BROWSER_ADDRESS),
        ):
            namespace.run("ip link set lo up")
            namespace.run(f"ip address add {address}/{PREFIX_LENGTH} dev veth0")
            namespace.run("ip link set veth0 up")
        # Without a default route Firefox gathers no candidate at all.
        browser.run(f"ip route add default via {SERVER_ADDRESS}")
        yield Network(server, browser)


def may_make_namespaces() -> bool:
    """Whether this process has the capabilities CAP_SYS_ADMIN and CAP_NET_ADMIN."""
    status = Path("/proc/self/status").read_text()
    effective = int(status.partition("CapEff:")[2].split()[0], 16)
    needed = 1 << 21 | 1 << 12  # <linux/capability.h>
    return effective & needed == needed


@contextmanager
def _new_namespace() -> Iterator[Namespace]:
    before = os.open(OWN_NAMESPACE, os.O_RDONLY)
    try:
        if _libc.unshare(CLONE_NEWNET) != 0:
            _raise_errno("no network namespace can be made")
        try:
            made = os.open(OWN_NAMESPACE, os.O_RDONLY)
        finally:
            _enter(before)
    finally:
        os.close(before)
    try:
        yield Namespace(made)
    finally:
        os.close(made)


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        _raise_errno("the network namespace cannot be entered")


def _raise_errno(what: str) -> None:
    number = ctypes.get_errno()
    raise OSError(number, f"{what}: {os.strerror(number)}")
