"""What a description says of simulcast: RFC 8853 (a=simulcast), RFC 8851 (a=rid).

aiortc's parser passes over both lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_LAYERS = 4  # browsers send three
# RFC 8851 4: no bound is given there; this one fits a one-byte header extension.
_RID = re.compile(r"[A-Za-z0-9_-]{1,16}")
_RESTRICTED = re.compile(r"(?:^|;)\s*pt=((?:[0-9]{1,3},?)*)")


@dataclass(frozen=True, slots=True)
class Layer:
    """One encoding that a section's sender offers."""

    rid: str
    payload_types: frozenset[int] = frozenset()  # that it may have; empty = any

    def may_have(self, payload_type: int) -> bool:
        return not self.payload_types or payload_type in self.payload_types


def sent_layers(lines: Iterable[str]) -> tuple[Layer, ...]:
    """The layers that the lines of one m-section offer to send, in their order.

    Of alternatives the first that is described counts. Lines nobody can read, and
    layers beyond `MAX_LAYERS`, are passed over.
    """
    described: dict[str, Layer] = {}
    order = ""
    for line in lines:
        if line.startswith("a=rid:"):
            layer = _layer(line.removeprefix("a=rid:"))
            if layer is not None:
                described.setdefault(layer.rid, layer)
        elif line.startswith("a=simulcast:"):
            order = order or _sent(line.removeprefix("a=simulcast:").split())
    layers: dict[str, Layer] = {}
    for alternatives in order.split(";"):
        rids = (rid.removeprefix("~") for rid in alternatives.split(","))
        found = next((described[rid] for rid in rids if rid in described), None)
        if found is not None and len(layers) < MAX_LAYERS:
            layers[found.rid] = found
    return tuple(layers.values())


def _layer(text: str) -> Layer | None:
    """The layer of "<rid> send [pt=96,97;max-width=640]"."""
    rid, direction, restrictions = [*text.split(None, 2), "", "", ""][:3]
    if direction != "send" or not _RID.fullmatch(rid):
        return None
    found = _RESTRICTED.search(restrictions)
    types = found.group(1).split(",") if found else []
    return Layer(rid, frozenset(int(number) for number in types if number))


def _sent(words: list[str]) -> str:
    """What follows "send" in "send h;m,l recv 1"."""
    for direction, streams in zip(words[::2], words[1::2], strict=False):
        if direction == "send":
            return streams
    return ""


def received_lines(rids: tuple[str, ...]) -> list[str]:
    """The lines by which an answer takes these layers."""
    if not rids:
        return []
    return [
        *(f"a=rid:{rid} recv" for rid in rids),
        f"a=simulcast:recv {';'.join(rids)}",
    ]
