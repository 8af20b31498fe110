"""The handle of the impairment relay, for tests: see the package's docstring."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.impairment.path import Conditions, Counters

ROOT = Path(__file__).resolve().parent.parent.parent
LISTEN = "127.0.0.2"  # what the server is told to be its public address
SERVER = "127.0.0.1"
ANSWER_TIMEOUT_S = 20
NICENESS = -15  # where it may: a busy test must not delay packets
OUTAGE = Conditions(outage=True)


@dataclass(frozen=True, slots=True)
class LegCounters:
    up: Counters
    down: Counters


@dataclass(frozen=True, slots=True)
class ClientSeen:
    """One local address of one peer connection."""

    leg: str
    ufrag: str  # the server's, for this peer connection
    address: tuple[str, int]  # as the client sends
    outside: tuple[str, int]  # as the server sees it


class Network:
    """Speaks to the relay process, one request and its answer at a time."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._lines = control.makefile("rb")
        self._lock = threading.Lock()

    @classmethod
    @contextmanager
    def started(
        cls,
        media_port: int,
        *,
        seed: int = 1,
        listen: str = LISTEN,
        server: str = SERVER,
    ) -> Iterator[Self]:
        """The relay listens on `listen`, and ends with the block.

        Raises:
            RuntimeError: it could not start; the port is taken there.
        """
        ours, theirs = socket.socketpair()
        ours.settimeout(ANSWER_TIMEOUT_S)
        arguments = [str(theirs.fileno()), listen, server, str(media_port), str(seed)]
        with ours:
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-m", "tests.impairment.process", *arguments],
                    cwd=ROOT,
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                )
            try:
                network = cls(ours)
                network._ask("ready")
                _prefer(process.pid)
                yield network
            finally:
                ours.shutdown(socket.SHUT_RDWR)
                process.wait(ANSWER_TIMEOUT_S)

    def newcomers(self, leg: str) -> None:
        """Peer connections that first appear from now on are of this leg."""
        self._ask("newcomers", leg=leg)

    def assign(self, ufrag: str, leg: str) -> None:
        """The peer connection whose server ufrag this is is of this leg."""
        self._ask("assign", ufrag=ufrag, leg=leg)

    def set(
        self,
        leg: str,
        *,
        both: Conditions | None = None,
        up: Conditions | None = None,
        down: Conditions | None = None,
        for_s: float | None = None,
    ) -> None:
        """The conditions of a leg's directions from now on, or for `for_s`.

        After `for_s` those that were there before come back, unless they were set
        anew meanwhile.
        """
        ways = {"up": up or both, "down": down or both}
        for way, conditions in ways.items():
            if conditions is not None:
                self._ask(
                    "set",
                    leg=leg,
                    way=way,
                    conditions=conditions.to_json(),
                    for_s=for_s,
                )

    def clear(self, leg: str) -> None:
        """A perfect path in both directions."""
        self.set(leg, both=Conditions())

    def rebind(self, leg: str, address: str | None = None) -> None:
        """Each client of the leg has another port (and address) for the server.

        What is on its way to the old port is lost, as at a NAT that forgot.
        """
        self._ask("rebind", leg=leg, address=address)

    def counters(self, leg: str) -> LegCounters:
        answer = self._ask("counters", leg=leg)
        return LegCounters(Counters(**answer["up"]), Counters(**answer["down"]))

    def clients(self, leg: str | None = None) -> list[ClientSeen]:
        """Those that ever sent a check; of one leg, or of all."""
        found = [
            ClientSeen(c["leg"], c["ufrag"], tuple(c["address"]), tuple(c["outside"]))
            for c in self._ask("clients")["clients"]
        ]
        return [client for client in found if leg is None or client.leg == leg]

    def _ask(self, request: str, **fields: Any) -> dict[str, Any]:
        with self._lock:
            line = json.dumps({"request": request, **fields}) + "\n"
            try:
                self._control.sendall(line.encode())
                answer = self._lines.readline()
            except OSError as error:
                raise RuntimeError(f"the impairment relay is gone: {error}") from error
        if not answer:
            raise RuntimeError("the impairment relay is gone")
        found: dict[str, Any] = json.loads(answer)
        if "error" in found:
            raise ValueError(found["error"])
        return found


def _prefer(pid: int) -> None:
    """The scheduler prefers the process, where we may ask for that."""
    try:
        os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
    except PermissionError:
        return  # its timing is then as good as the machine is idle
