from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

SENDER = "tests.streams.test_push.Recorder"


@pytest.mark.parametrize("path", ["", SENDER])
def test_a_sender_that_can_be_called_passes_the_check(settings: Any, path: str) -> None:
    settings.PUSH_SENDER = path

    call_command("check")


@pytest.mark.parametrize("path", ["nothing", "no.such.module", f"{SENDER}.missing"])
def test_the_server_does_not_start_with_a_sender_that_is_none(
    settings: Any, path: str
) -> None:
    settings.PUSH_SENDER = path

    with pytest.raises(SystemCheckError, match="PUSH_SENDER"):
        call_command("check")
