"""A conference with fewer places than participants, in Firefox."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.firefox.meeting import Meet
from tests.server_process import ROOT, ServerProcess

APPLICATION = "OneSlot"
CREATE = f"""
from streams.models import Application
Application.objects.create(
    name="{APPLICATION}", max_video_track_count=1, max_audio_track_count=1)
"""
PICTURE, SOUND = "ARDAMSvvideoTrack0", "ARDAMSaaudioTrack0"


@pytest.fixture(scope="module")
def one_slot(server: ServerProcess) -> str:
    """An application whose rooms show one picture and one sound at a time."""
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", CREATE],
        cwd=ROOT,
        env=server.environment,
        check=True,
        capture_output=True,
    )
    return APPLICATION


def test_a_slot_changes_what_it_shows_without_a_new_offer(
    meet: Meet, one_slot: str, stream_id: str
) -> None:
    anna, bert, carl = (f"{stream_id}-{name}" for name in "abc")
    first = meet(anna, one_slot)
    for name in (bert, carl):
        meet(name, one_slot)
    first.wait_for(PICTURE, SOUND)
    assert set(first.received()) == {PICTURE, SOUND}
    offer = first.last_offer()

    for name in (bert, carl, bert):
        first.page.call("assignVideoTrack", "videoTrack0", name, True)
        first.wait_for_event("VIDEO_TRACK_ASSIGNMENT_LIST", "trackId", name)
        first.wait_for(PICTURE)

    assert first.last_offer() == offer
    assert first.losses() == 0
