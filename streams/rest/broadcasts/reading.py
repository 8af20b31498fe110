"""What requests say: flags, and bodies as values of the models' fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import ValidationError as ModelValidationError
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from streams.rest.parsers import read_object

_FLAGS = {"true": True, "false": False}


def read_flag(request: Request, name: str, *, default: bool) -> bool:
    """A query parameter that is true or false.

    Raises:
        ParseError: it is something else.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    flag = _FLAGS.get(text.lower())
    if flag is None:
        raise ParseError(f"{name} must be true or false")
    return flag


def read_fields(request: Request, serializer: type[Serializer[Any]]) -> dict[str, Any]:
    """The body by the names of the model's fields. What is null is not said.

    Raises:
        ParseError: the body is not an object.
        ValidationError: by wire name.
    """
    said = read_object(request).items()
    reader = serializer(data={key: value for key, value in said if value is not None})
    if not reader.is_valid():
        raise ValidationError(
            {name: list(_texts(error)) for name, error in reader.errors.items()}
        )
    return dict(reader.validated_data)


def by_wire_name(
    error: ModelValidationError, serializer: type[Serializer[Any]]
) -> ValidationError:
    """A model's refusal in the words of who asked."""
    names = {
        field.source or name: name
        for name, field in serializer._declared_fields.items()
    }
    return ValidationError(
        {names.get(name, name): texts for name, texts in error.message_dict.items()}
    )


def _texts(error: Any) -> Iterator[str]:
    """What is wrong with one field, however deep inside it."""
    if isinstance(error, Mapping):
        for name, inner in error.items():
            prefix = "" if name == "non_field_errors" else f"{name}: "
            yield from (f"{prefix}{text}" for text in _texts(inner))
    elif isinstance(error, list):
        for inner in error:
            yield from _texts(inner)
    else:
        yield str(error)
