"""Serializer fields that several objects use."""

from __future__ import annotations

from rest_framework import serializers


class NullForEmpty(serializers.CharField):
    """Text that Ant Media has as null where there is none."""

    def __init__(self, *, source: str | None = None, help_text: str = "") -> None:
        super().__init__(
            source=source, help_text=help_text, allow_null=True, read_only=True
        )

    def to_representation(self, value: str) -> str | None:  # type: ignore[override]
        return value or None
