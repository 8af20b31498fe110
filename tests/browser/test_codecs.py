"""Whatever codec the application leaves on is what travels, untouched."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.browser.sdk import SdkBrowser
from tests.server_process import ROOT, ServerProcess

CODECS = ["VP8", "H264", "VP9", "AV1"]
CREATE = """
from streams.models import Application
for codec in {codecs}:
    flags = {{f"{{name.lower()}}_enabled": name == codec for name in {codecs}}}
    Application.objects.get_or_create(name=f"Only{{codec}}", defaults=flags)
"""


@pytest.fixture(scope="session")
def applications(server: ServerProcess) -> None:
    """One application a codec, as an operator makes them while the server runs."""
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", CREATE.format(codecs=CODECS)],
        cwd=ROOT,
        env=server.environment,
        check=True,
        capture_output=True,
    )


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.usefixtures("applications")
async def test_a_browser_publishes_and_plays_in(
    sdk: SdkBrowser, server: ServerProcess, codec: str
) -> None:
    publisher = await sdk.open(server, application=f"Only{codec}")
    await publisher.start()
    await publisher.publish("picture")
    await publisher.wait_for_call("publish_started")
    viewer = await sdk.open(server, application=f"Only{codec}")
    await viewer.start(play_only=True)
    await viewer.play("picture")
    await viewer.wait_for_frames(20)
    assert await viewer.video_codec("picture") == f"video/{codec}"
    assert (await viewer.inbound_video("picture"))["packetsLost"] == 0
