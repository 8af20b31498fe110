"""A room with the unmodified SDKs: everybody on one peer connection."""

from __future__ import annotations

import json

import pytest

from tests.browser.conference import Participant
from tests.browser.sdk import SdkBrowser
from tests.browser.test_sdk import VERSIONS
from tests.server_process import ServerProcess


async def entering(
    sdk: SdkBrowser,
    server: ServerProcess,
    room: str,
    who: str,
    version: str = "2.16.2",
    role: str = "",
) -> Participant:
    """A participant that publishes, and plays the room."""
    page = await sdk.open(server, version)
    participant = Participant(page, room, f"{room}-{who}")
    await participant.enter(role)
    return participant


async def see_each_other(participants: list[Participant]) -> None:
    """Each decodes each other one, and nobody itself."""
    for participant in participants:
        others = [other.name for other in participants if other is not participant]
        await participant.wait_for_tiles(*others)
        for other in others:
            await participant.decode(other)


@pytest.mark.parametrize("version", VERSIONS)
async def test_participants_come_and_go(
    sdk: SdkBrowser, server: ServerProcess, version: str
) -> None:
    room = f"conf-{version}"
    anna = await entering(sdk, server, room, "anna", version)
    bert = await entering(sdk, server, room, "bert", version)
    cleo = await entering(sdk, server, room, "cleo", version)
    await see_each_other([anna, bert, cleo])

    await bert.leave()
    await see_each_other([anna, cleo])

    dora = await entering(sdk, server, room, "dora", version)
    await see_each_other([anna, cleo, dora])

    await anna.say("getTracks", "")
    await anna.sdk.wait_for_call("trackList")
    (listed,) = await anna.calls("trackList")
    assert sorted(listed["trackList"]) == [anna.name, cleo.name, dora.name]
    removed = await cleo.calls("subtrackRemoved")
    assert [call["trackId"] for call in removed] == [bert.name]
    for participant in (anna, bert, cleo, dora):
        assert await participant.failures() == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("command", ["enableTrack", "toggleVideo"])
async def test_a_track_stops_and_goes_on_without_a_loss(
    sdk: SdkBrowser, server: ServerProcess, version: str, command: str
) -> None:
    room = f"conf-{command}-{version}"
    anna = await entering(sdk, server, room, "anna", version)
    bert = await entering(sdk, server, room, "bert", version)
    cleo = await entering(sdk, server, room, "cleo", version)
    await see_each_other([anna, bert, cleo])
    lost = (await anna.inbound(bert.name))["packetsLost"]

    await anna.say(command, bert.name, False)
    still = await anna.wait_until_still(bert.name, moving=cleo.name)
    await cleo.decode(bert.name)  # for others it goes on
    if command == "toggleVideo":
        await anna.hear(bert.name)
    assert (await anna.inbound(bert.name))["framesDecoded"] == still

    await anna.say(command, bert.name, True)
    await anna.decode(bert.name, 20)
    assert (await anna.inbound(bert.name))["packetsLost"] == lost
    for participant in (anna, bert, cleo):
        assert await participant.failures() == []


async def test_sound_stops_and_goes_on(sdk: SdkBrowser, server: ServerProcess) -> None:
    room = "conf-sound"
    anna = await entering(sdk, server, room, "anna")
    bert = await entering(sdk, server, room, "bert")
    await anna.hear(bert.name)

    await anna.say("toggleAudio", bert.name, False)
    await anna.wait_until_silent(bert.name, moving=bert.name)
    await anna.say("toggleAudio", bert.name, True)
    await anna.hear(bert.name)

    assert (await anna.inbound(bert.name, "audio"))["packetsLost"] == 0


async def test_roles_say_who_sees_whom(sdk: SdkBrowser, server: ServerProcess) -> None:
    room = "conf-roles"
    speaker = await entering(sdk, server, room, "anna", role="speaker")
    attendee = await entering(sdk, server, room, "bert", role="attendee")
    other = await entering(sdk, server, room, "cleo")

    await attendee.wait_for_tiles(speaker.name)
    await attendee.decode(speaker.name)
    await speaker.wait_for_tiles()
    await other.wait_for_tiles()
    for participant in (speaker, attendee, other):
        assert await participant.failures() == []


async def test_metadata_is_told_to_the_room(
    sdk: SdkBrowser, server: ServerProcess
) -> None:
    room = "conf-data"
    anna = await entering(sdk, server, room, "anna")
    bert = await entering(sdk, server, room, "bert")
    await anna.wait_for_tiles(bert.name)
    await bert.wait_for_tiles(anna.name)

    await anna.sdk.page.evaluate(
        "([name, said]) => window.adaptor.updateStreamMetaData(name, said)",
        [anna.name, "muted"],
    )
    await bert.sdk.page.wait_for_function(
        """() => window.calls.some(({info, obj}) => info === "data_received"
            && JSON.parse(obj.data).eventType === "TRACK_LIST_UPDATED")"""
    )
    await bert.sdk.page.evaluate(
        "name => window.adaptor.getBroadcastObject(name)", anna.name
    )
    await bert.sdk.wait_for_call("broadcastObject")
    (told,) = await bert.calls("broadcastObject")
    assert json.loads(told["broadcast"])["metaData"] == "muted"
