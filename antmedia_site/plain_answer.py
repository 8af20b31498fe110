"""An HTTP answer without Django."""

from __future__ import annotations

import json
from dataclasses import dataclass

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class PlainAnswer:
    status: int
    body: bytes
    content_type: bytes
    more_headers: tuple[Header, ...] = ()

    def headers(self) -> list[Header]:
        """Nobody in between may keep what is true at one moment only."""
        return [
            (b"content-type", self.content_type),
            (b"content-length", str(len(self.body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            *self.more_headers,
        ]


def text_answer(status: int, text: str, *headers: Header) -> PlainAnswer:
    body = f"{text}\n".encode()
    return PlainAnswer(status, body, b"text/plain; charset=utf-8", headers)


def json_answer(status: int, content: dict[str, object]) -> PlainAnswer:
    return PlainAnswer(status, json.dumps(content).encode(), b"application/json")
