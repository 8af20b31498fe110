"""What the OpenAPI document says of every operation alike."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import status

from streams.rest.results import ResultSerializer, failed

REFUSALS = {
    status.HTTP_400_BAD_REQUEST: "A value is missing, malformed or out of range.",
    status.HTTP_401_UNAUTHORIZED: "No key, or one that is not good.",
    status.HTTP_403_FORBIDDEN: "The key, or the address it comes from, may not do it.",
    status.HTTP_404_NOT_FOUND: "There is no such application.",
    status.HTTP_429_TOO_MANY_REQUESTS: "Too many requests; see Retry-After.",
    status.HTTP_503_SERVICE_UNAVAILABLE: "The database is away; see Retry-After.",
}
REFUSALS_OF_BODIES = {
    413: "The body is too long.",
    status.HTTP_415_UNSUPPORTED_MEDIA_TYPE: "The body is not of a type that is taken.",
}


class ResultSchema(AutoSchema):
    """What is answered is answered with 200, or is a refusal, which is a Result."""

    def _get_response_bodies(self, direction: Any = "response") -> dict[str, Any]:
        respond: Any = self._get_response_for_code
        annotated: Any = self.get_response_serializers()
        if isinstance(annotated, dict):
            bodies: dict[str, Any] = super()._get_response_bodies(direction)
        else:  # a DELETE's and a POST's too
            bodies = {"200": respond(annotated, "200", direction=direction)}
        refusals = dict(REFUSALS)
        if self.method in ("POST", "PUT", "PATCH") and self.get_request_serializer():
            refusals |= REFUSALS_OF_BODIES
        for code, description in refusals.items():
            if str(code) not in bodies:
                body = respond(ResultSerializer, str(code))
                example = failed(description, code)
                body["content"]["application/json"]["example"] = example
                bodies[str(code)] = body | {"description": description}
        return bodies


class ProgramScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "streams.rest.authentication.ProgramAuthentication"
    name = "key"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key, or a JWT of the application's REST key.",
        }
