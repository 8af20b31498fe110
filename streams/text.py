"""Text that clients send, made fit for a column."""

from __future__ import annotations


def clean(text: str, limit: int) -> str:
    """`text` as every database takes it: no NUL, no lone surrogate, cut at `limit`."""
    return text[:limit].replace("\x00", "").encode(errors="replace").decode()
