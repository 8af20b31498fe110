"""Plain HTTP requests to the server process, sent exactly as they are written."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from tests.server_process import ROOT, ServerProcess


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def ask(
    server: ServerProcess,
    method: str,
    path: str,
    body: object = None,
    **headers: str,
) -> Answer:
    """One request, its path sent as it is: nothing tidies up dots and escapes."""
    data = body if body is None or isinstance(body, str) else json.dumps(body)
    sent = {"Content-Type": "application/json"} if data else {}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    with closing(
        http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=20)
    ) as connection:
        connection.request(method, path, data, sent)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, found, answer.read().decode(errors="replace"))


def new_key(server: ServerProcess) -> str:
    """The text of an API key that may write, made as an operator makes one."""
    code = (
        "import django; django.setup(); "
        "from streams.services.api_keys import create_api_key; "
        "import uuid; print(create_api_key(uuid.uuid4().hex)[1])"
    )
    made = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**server.environment, "DJANGO_SETTINGS_MODULE": "antmedia_site.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    return made.stdout.strip()
