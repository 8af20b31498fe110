from __future__ import annotations

from typing import Any

import pytest

from relay import control
from tests.signalling.conftest import SDP, Client, FakeLink, rows, send_event

CANDIDATES = ("candidate:1 1 udp 1 192.0.2.1 50000 typ host", "candidate:2")


async def test_the_answer_comes_before_its_candidates(client: Client) -> None:
    await client.prepare_publish(subscriberId="alice", linkSession="link")
    offer = await client.offer()
    await send_event(control.Answered(offer.session, offer.reply_to, SDP, CANDIDATES))

    common = {"streamId": "s1", "subscriberId": "alice", "linkSession": "link"}
    assert await client.hear() == {
        "command": "takeConfiguration",
        "type": "answer",
        "sdp": SDP,
        **common,
    }
    for line in CANDIDATES:
        assert await client.hear() == {
            "command": "takeCandidate",
            "label": 0,
            "id": "first",
            "candidate": line,
            **common,
        }
    await client.expect_silence()


async def test_the_offer_to_a_viewer_has_its_id_mapping(client: Client) -> None:
    await client.publish()
    asked = await client.prepare_play()
    mapping = {"0": "ARDAMSas1", "1": "ARDAMSvs1"}
    event = control.Offered(asked.session, asked.reply_to, "sdp", CANDIDATES, mapping)
    await send_event(event)

    offer = await client.hear()
    assert (offer["command"], offer["type"]) == ("takeConfiguration", "offer")
    assert (offer["sdp"], offer["idMapping"]) == ("sdp", mapping)
    candidates = [await client.hear() for _ in CANDIDATES]
    assert [candidate["id"] for candidate in candidates] == ["0", "0"]


async def test_the_viewers_answer_goes_to_the_relay(
    client: Client, link: FakeLink
) -> None:
    await client.publish()
    asked = await client.play()

    assert link.last(control.AcceptAnswer) == control.AcceptAnswer(
        asked.session, "answer"
    )


async def test_an_offer_is_sent_to_a_viewer_once(client: Client) -> None:
    await client.publish()
    asked = await client.play()
    await send_event(control.Offered(asked.session, asked.reply_to, "again", (), {}))

    await client.expect_no_event(asked.reply_to)


async def test_an_answer_is_sent_to_publishers_only(client: Client) -> None:
    await client.publish()
    asked = await client.prepare_play()
    await send_event(control.Answered(asked.session, asked.reply_to, "sdp", ()))

    await client.expect_no_event(asked.reply_to)


@pytest.mark.parametrize("kind", ["offer", "answer", "rollback", "", None, 5])
async def test_a_description_without_a_session_is_ignored(
    client: Client, link: FakeLink, kind: Any
) -> None:
    await client.say("takeConfiguration", "s1", type=kind, sdp=SDP)

    await client.expect_silence()
    assert link.commands == []


async def test_a_second_offer_of_an_attempt_is_ignored(
    client: Client, link: FakeLink
) -> None:
    await client.prepare_publish()
    first = await client.offer()

    await client.offer()

    assert link.commands == [first]


async def test_an_answer_from_a_publisher_is_ignored(
    client: Client, link: FakeLink
) -> None:
    await client.prepare_publish()

    await client.say("takeConfiguration", "s1", type="answer", sdp=SDP)

    await client.expect_silence()
    assert link.commands == []


@pytest.mark.parametrize("offered", [False, True])
async def test_an_answer_that_was_not_asked_for_is_ignored(
    client: Client, link: FakeLink, offered: bool
) -> None:
    await client.publish()
    if offered:
        await client.play()
    else:
        await client.prepare_play()
    before = list(link.commands)

    await client.say("takeConfiguration", "s1", type="answer", sdp="another")

    await client.expect_silence()
    assert link.commands == before


async def test_candidates_cost_neither_a_row_nor_a_command(
    client: Client, link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.prepare_publish()
    offer = await client.offer()
    monkeypatch.setattr("signalling.store.run", None)

    for candidate in ("candidate:1 1 udp 1 192.0.2.9 4000 typ host", ""):
        await client.say("takeCandidate", "s1", label="0", candidate=candidate)
    await client.expect_silence()
    monkeypatch.undo()

    assert link.commands == [offer]


async def test_many_candidates_leave_room_for_an_answer(
    client: Client, link: FakeLink
) -> None:
    await client.prepare_publish()
    for index in range(300):
        await client.say("takeCandidate", "s1", label=0, candidate=f"candidate:{index}")

    await client.offer()

    assert len(link.commands) == 1


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (
            control.Failure.REMOTE_DESCRIPTION,
            {"definition": "notSetRemoteDescription", "subscriberId": "alice"},
        ),
        (
            control.Failure.LOCAL_DESCRIPTION,
            {"definition": "notSetLocalDescription", "subscriberId": "alice"},
        ),
        (control.Failure.OVERLOADED, {"definition": "highResourceUsage"}),
    ],
)
async def test_a_relays_refusal_is_answered_and_frees_the_id(
    client: Client, link: FakeLink, failure: control.Failure, error: dict[str, Any]
) -> None:
    await client.prepare_publish(subscriberId="alice")
    offer = await client.offer()
    await send_event(control.Failed(offer.session, offer.reply_to, failure))

    assert await client.hear() == {"command": "error", "streamId": "s1", **error}
    assert await rows() == []
    assert link.closed() == []
    assert (await client.ask("publish", "s1"))["command"] == "start"
