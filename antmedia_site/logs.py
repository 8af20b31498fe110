"""What log records look like."""

from __future__ import annotations

import logging


class OneLine(logging.Filter):
    """No traceback: of a wrong request it says nothing, and anyone can send many."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        return True
