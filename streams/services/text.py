"""Text that clients send, as services know it."""

from streams.text import clean

__all__ = ["clean"]
