"""Tokens and JWT of streams by REST (contract 8)."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from streams.models import CredentialType
from streams.names import MAX_NAME_LENGTH
from streams.rest.base import ApplicationView
from streams.rest.fields import NullForEmpty
from streams.rest.paging import read_page
from streams.rest.parsers import read_object
from streams.rest.results import ResultSerializer, failure, ok
from streams.services.tokens import (
    create_jwt,
    create_token,
    delete_tokens,
    list_tokens,
    use_token,
)

TAG = "tokens"
TOKEN_EXAMPLE = {
    "tokenId": "q3v2m5k7tzr4ajx6bnw2hgpd",
    "streamId": "stream1",
    "expireDate": 1893456000,
    "type": "play",
    "roomId": None,
}


class TokenSerializer(serializers.Serializer[Any]):
    tokenId = serializers.CharField(source="token_id")
    streamId = serializers.CharField(source="stream_id")
    expireDate = serializers.IntegerField(
        source="expire_date", help_text="Unix time in seconds; not good from then on."
    )
    type = serializers.ChoiceField(CredentialType.choices)
    roomId = NullForEmpty(source="room_id", help_text="Good for this room.")


class TokenQuery(serializers.Serializer[Any]):
    """What the token is to be good for."""

    expireDate = serializers.IntegerField(
        min_value=1, max_value=2**40, help_text="Unix time in seconds."
    )
    type = serializers.ChoiceField(CredentialType.choices)
    roomId = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=MAX_NAME_LENGTH,
        help_text="A token of a room is not used up.",
    )


def claimed_text(max_length: int) -> Any:
    return serializers.CharField(
        required=False,
        allow_null=True,
        allow_blank=True,
        default="",
        max_length=max_length,
    )


class TokenClaim(serializers.Serializer[Any]):
    """A token as somebody presents it. Who leaves out something is not let in by it."""

    tokenId = claimed_text(4096)
    streamId = claimed_text(255)
    type = claimed_text(32)
    roomId = claimed_text(255)


class NewTokenView(ApplicationView):
    reveals_credentials = True

    @extend_schema(
        operation_id="createToken",
        summary="Make a token",
        description="Good for one publisher or viewer, or for a room until it expires. "
        "Needs a key that may write.",
        tags=[TAG],
        parameters=[TokenQuery],
        responses={200: TokenSerializer},
        examples=[OpenApiExample("Token", TOKEN_EXAMPLE, response_only=True)],
    )
    def get(self, request: Request, application: str, stream_id: str) -> Response:
        query = read_token_query(request)
        try:
            token = create_token(
                self.application,
                stream_id,
                query["type"],
                query["expireDate"],
                query["roomId"],
            )
        except ValueError as error:
            return failure(str(error), status.HTTP_400_BAD_REQUEST)
        return Response(TokenSerializer(token).data)


class NewJwtView(ApplicationView):
    reveals_credentials = True

    @extend_schema(
        operation_id="createJwt",
        summary="Make a JWT",
        description="Signed with jwtStreamSecretKey, which needs 32 characters; good "
        "until it expires. Needs a key that may write.",
        tags=[TAG],
        parameters=[TokenQuery],
        responses={200: TokenSerializer},
        examples=[
            OpenApiExample(
                "JWT",
                TOKEN_EXAMPLE | {"tokenId": "eyJhbGciOiJIUzI1NiIs…"},
                response_only=True,
            )
        ],
    )
    def get(self, request: Request, application: str, stream_id: str) -> Response:
        query = read_token_query(request)
        try:
            token = create_jwt(
                self.application,
                stream_id,
                query["type"],
                query["expireDate"],
                query["roomId"],
            )
        except ValueError as error:
            return failure(str(error), status.HTTP_400_BAD_REQUEST)
        return Response(TokenSerializer(token).data)


class TokenValidationView(ApplicationView):
    @extend_schema(
        operation_id="validateToken",
        summary="Use a token",
        description="Says whether the token is good, and uses it up if it is one for "
        "one use.",
        tags=[TAG],
        request=TokenClaim,
        responses={200: ResultSerializer},
        examples=[
            OpenApiExample(
                "Token",
                {key: TOKEN_EXAMPLE[key] for key in ("tokenId", "streamId", "type")},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, application: str) -> Response:
        claim = TokenClaim(data=read_object(request))
        if not claim.is_valid():
            return failure("The token is not valid")
        given = {name: text or "" for name, text in claim.validated_data.items()}
        good = use_token(
            self.application,
            given["tokenId"],
            given["streamId"],
            given["type"],
            given["roomId"],
            timezone.now(),
        )
        return ok() if good else failure("The token is not valid")


class TokensView(ApplicationView):
    @extend_schema(
        operation_id="deleteTokens",
        summary="Delete a stream's tokens",
        description="success is false when it has none.",
        tags=[TAG],
        responses={200: ResultSerializer},
    )
    def delete(self, request: Request, application: str, stream_id: str) -> Response:
        deleted = delete_tokens(self.application, stream_id)
        return ok() if deleted else failure("This stream has no tokens")


class TokenListView(ApplicationView):
    reveals_credentials = True

    @extend_schema(
        operation_id="listTokens",
        summary="A stream's tokens",
        description="The newest first. Needs a key that may write: with what it "
        "shows one can publish and play.",
        tags=[TAG],
        responses={200: TokenSerializer(many=True)},
        examples=[OpenApiExample("Token", TOKEN_EXAMPLE, response_only=True)],
    )
    def get(
        self,
        request: Request,
        application: str,
        stream_id: str,
        offset: int,
        size: int,
    ) -> Response:
        rows = list_tokens(self.application, stream_id, read_page(offset, size))
        return Response(TokenSerializer(rows, many=True).data)


def read_token_query(request: Request) -> dict[str, Any]:
    query = TokenQuery(data=request.query_params)
    query.is_valid(raise_exception=True)
    values: dict[str, Any] = query.validated_data
    return values
