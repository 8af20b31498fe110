"""Requests made up from the OpenAPI document, the way strangers make them up.

None may end in a fault of the server, and every answer is as the document says.
"""

from __future__ import annotations

from functools import cache

import pytest
import schemathesis
from django.core.handlers.wsgi import WSGIHandler
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, assume, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from streams.models import Application
from streams.rest.documents import openapi_document
from streams.services.api_keys import create_api_key

EXAMPLES = 5  # of each operation: the suite is to stay short
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    ignored_auth,
    unsupported_method,
]


@pytest.fixture
def program(application: Application, monkeypatch: pytest.MonkeyPatch) -> str:
    """A key that may do everything, as often as it likes."""
    Application.objects.update(rest_ip_filter_enabled=False)  # it has no address
    monkeypatch.setattr("streams.rest.throttles.limit_of", lambda kind: 10**9)
    _, text = create_api_key("the made up requests")
    return f"Bearer {text}"


@cache
def wsgi_application() -> WSGIHandler:
    """Not before there are settings for tests."""
    return get_wsgi_application()


schema = schemathesis.openapi.from_dict(
    openapi_document() | {"servers": [{"url": "/LiveApp/rest/v2"}]}
)
schema.app = lambda environ, start: wsgi_application()(environ, start)
PATHS = openapi_document()["paths"]

# Ant Media's paths have these where a stream id may stand: /broadcasts/count is no
# stream.
NAMES = {path.split("/")[2] for path in PATHS if path.startswith("/broadcasts/")}


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_ends_in_a_fault(case: schemathesis.Case, program: str) -> None:
    assume(case.path_parameters.get("stream_id") not in NAMES)
    case.call_and_validate(headers={"Authorization": program}, checks=CHECKS)
