"""The OpenAPI document of an application, and a page to try it on.

Neither holds a secret, so neither needs a key.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer2
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from streams.rest.base import find_application
from streams.rest.negotiation import FirstRenderer

URLCONF = "streams.rest.urls"

# Swagger UI sets styles by script and has its icons as data. Its code is a file.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@cache
def openapi_document() -> dict[str, Any]:
    """Of every application alike, its servers aside."""
    generator: Any = SchemaGenerator(urlconf=URLCONF)  # type: ignore[no-untyped-call]
    document: dict[str, Any] = generator.get_schema(request=None, public=True)
    return document


class OpenApiDocument(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    renderer_classes = [OpenApiJsonRenderer2]
    content_negotiation_class = FirstRenderer

    @extend_schema(exclude=True)
    def get(self, request: Request, application: str) -> Response:
        server = reverse("rest:page", args=[find_application(application).name])
        return Response(openapi_document() | {"servers": [{"url": server.rstrip("/")}]})


class DocumentPage(SpectacularSwaggerSplitView):
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    renderer_classes = [TemplateHTMLRenderer]
    content_negotiation_class = FirstRenderer

    @extend_schema(exclude=True)
    def get(self, request: Request, application: str) -> Response:
        self.url = reverse("rest:openapi", args=[find_application(application).name])
        response: Response = super().get(request)  # type: ignore[no-untyped-call]
        response["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        return response
