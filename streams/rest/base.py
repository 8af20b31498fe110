"""What every view of an application has in common."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import Http404
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import ParseError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from streams.models import Application
from streams.names import NAME_PATTERN
from streams.rest.authentication import ProgramAuthentication
from streams.rest.negotiation import FirstRenderer
from streams.rest.parsers import JsonParser, measure_body
from streams.rest.permissions import MayUseApplication
from streams.rest.schema import ResultSchema
from streams.rest.throttles import CallerThrottle


class ApplicationView(APIView):
    """A view of one existing application, for those who may use it."""

    http_method_names = ["get", "head", "post", "put", "delete"]
    authentication_classes = [ProgramAuthentication, SessionAuthentication]
    permission_classes = [MayUseApplication]
    throttle_classes = [CallerThrottle]
    renderer_classes = [JSONRenderer]
    parser_classes = [JsonParser]
    content_negotiation_class = FirstRenderer
    schema = ResultSchema()

    # Its GET makes or shows something that lets people in: not for a read key.
    reveals_credentials: ClassVar[bool] = False
    application: Application

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """The application is known and the caller may go on.

        Raises:
            Http404, APIException: with the status that it answers.
        """
        refuse_nul(*map(str, kwargs.values()))
        for name, values in request.query_params.lists():
            refuse_nul(name, *values)
        self.application = find_application(kwargs["application"])
        super().initial(request, *args, **kwargs)
        measure_body(request)

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """No cache in between keeps a token or a state."""
        final: Response = super().finalize_response(request, response, *args, **kwargs)
        final["Cache-Control"] = "no-store"
        return final


class UnknownView(ApplicationView):
    """What lies nowhere under `/<App>/rest/v2/`, whoever asks by whatever method."""

    schema = None  # type: ignore[assignment]  # DRF's word for: not in the document

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise Http404("No such address")


def find_application(name: str) -> Application:
    if not NAME_PATTERN.match(name):
        raise Http404("No such application")
    application = Application.objects.filter(name=name).first()
    if application is None:
        raise Http404("No such application")
    return application


def refuse_nul(*texts: str) -> None:
    """Raises ParseError for a character that no database stores."""
    if any("\0" in text for text in texts):
        raise ParseError("A value has a NUL character")
