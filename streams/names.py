"""What may name a stream or an application, and ids made up here."""

from __future__ import annotations

import re
import secrets

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

MAX_NAME_LENGTH = 128
GENERATED_ID_DIGITS = 24  # contract 7.1
MAX_REGISTRATION_CHARS = 1024  # of a device, at a push service; today up to 300

# \Z: `$` would let a trailing newline through.
NAME_PATTERN = re.compile(rf"\A[A-Za-z0-9_.-]{{1,{MAX_NAME_LENGTH}}}\Z")

# First path segments that are not applications.
RESERVED_APPLICATION_NAMES = frozenset({"admin", "health", "metrics", "static"})

_MESSAGE = (
    f"Use 1 to {MAX_NAME_LENGTH} letters, digits, underscores, dots and hyphens, "
    "without spaces."
)

validate_stream_id = RegexValidator(NAME_PATTERN, _MESSAGE, code="invalid_name")


def is_stream_id(text: str) -> bool:
    """Whether a row can have this id (contract 2.0, and a bound on its length)."""
    return NAME_PATTERN.match(text) is not None


def validate_application_name(name: str) -> None:
    """Raise ValidationError unless `name` can be the first segment of a URL."""
    validate_stream_id(name)
    if not name.strip("."):
        raise ValidationError("A name of dots only cannot be part of a URL.")
    if name.lower() in RESERVED_APPLICATION_NAMES:
        raise ValidationError(f"“{name}” is a part of this site's own URLs.")


def generate_stream_id() -> str:
    """24 random digits, which nobody guesses."""
    return "".join(secrets.choice("0123456789") for _ in range(GENERATED_ID_DIGITS))
