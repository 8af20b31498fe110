"""The application's settings by REST (contract 7.3)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from streams.rest.base import ApplicationView
from streams.rest.broadcasts.serializers import EncoderSettingsSerializer
from streams.rest.parsers import read_object
from streams.rest.results import ResultSerializer, failure, ok
from streams.services.app_settings import (
    SETTINGS,
    WRITE_ONLY,
    change_settings,
    field_of,
    read_settings,
    type_of,
)

TAG = "settings"
NAMED_AT_MOST = 20  # ignored names in an answer


def serializer_field(name: str) -> serializers.Field[Any, Any, Any, Any]:
    """The setting as the document describes it."""
    field, kind = field_of(name), type_of(name)
    common: dict[str, Any] = {
        "required": False,
        "help_text": str(field.help_text),
        "write_only": name in WRITE_ONLY,
    }
    if kind is bool:
        return serializers.BooleanField(**common)
    if kind is dict:
        return serializers.DictField(child=serializers.ListField(), **common)
    if kind is list:
        return EncoderSettingsSerializer(many=True, **common)
    if kind is str:
        return serializers.CharField(
            allow_blank=bool(field.blank), max_length=field.max_length, **common
        )
    return serializers.IntegerField(
        min_value=max(limits(field.validators, MinValueValidator), default=None),
        max_value=min(limits(field.validators, MaxValueValidator), default=None),
        **common,
    )


def limits(
    validators: list[Any], kind: type[MinValueValidator | MaxValueValidator]
) -> list[int]:
    """Those of that kind: the model's and the column's."""
    return [int(found.limit_value) for found in validators if type(found) is kind]


SettingsSerializer = type(
    "SettingsSerializer",
    (serializers.Serializer,),
    {
        "__doc__": "Ant Media's names. A PUT changes what it names.",
        **{name: serializer_field(name) for name in SETTINGS},
    },
)


class SettingsView(ApplicationView):
    @extend_schema(
        operation_id="readSettings",
        summary="The application's settings",
        description="All but the secrets.",
        tags=[TAG],
        responses={200: SettingsSerializer},
    )
    def get(self, request: Request, application: str) -> Response:
        return Response(read_settings(self.application))

    @extend_schema(
        operation_id="changeSettings",
        summary="Change settings",
        description="What is named is changed, all of it or nothing. Names that mean "
        "nothing here are ignored; message says which.",
        tags=[TAG],
        request=SettingsSerializer,
        responses={200: ResultSerializer},
        examples=[
            OpenApiExample(
                "One-time tokens to publish",
                {"publishTokenControlEnabled": True, "ingestingStreamLimit": 20},
                request_only=True,
            )
        ],
    )
    def put(self, request: Request, application: str) -> Response:
        try:
            ignored = change_settings(self.application, read_object(request))
        except ValidationError as error:
            return failure(sentence_of(error), status.HTTP_400_BAD_REQUEST)
        return ok(ignored_names(ignored))


def ignored_names(names: list[str]) -> str:
    if not names:
        return ""
    shown = ", ".join(repr(name[:64]) for name in names[:NAMED_AT_MOST])
    more = len(names) - NAMED_AT_MOST
    return f"Ignored: {shown}" + (f" and {more} more" if more > 0 else "")


def sentence_of(error: ValidationError) -> str:
    return " ".join(
        f"{name}: {' '.join(messages)}" for name, messages in error.message_dict.items()
    )
