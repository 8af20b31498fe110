"""The two servers' signalling by name."""

from __future__ import annotations

from bench.ams import AmsSignalling
from bench.janus import JanusSignalling
from bench.signalling import Signalling


def make_signalling(kind: str, url: str) -> Signalling:
    """A client of `kind` "ams" or "janus"; not opened."""
    dialects: dict[str, type[AmsSignalling] | type[JanusSignalling]] = {
        "ams": AmsSignalling,
        "janus": JanusSignalling,
    }
    return dialects[kind](url)
