from __future__ import annotations

import json

from signalling import replies
from signalling.errors import SignallingError
from signalling.protocol import ErrorDefinition, Notification
from signalling.replies import serialize


def test_the_2017_dialect_gets_its_id_under_both_names() -> None:
    text = serialize(replies.start("s1", ""), legacy=True)

    assert json.loads(text) == {
        "command": "start",
        "streamId": "s1",
        "streamName": "s1",
        "subscriberId": "",
    }


def test_a_reply_without_a_stream_has_no_id_in_any_dialect() -> None:
    reply = replies.notification(Notification.SERVER_WILL_STOP)

    for legacy in (False, True):
        assert json.loads(serialize(reply, legacy=legacy)) == {
            "command": "notification",
            "definition": "server_will_stop",
        }


def test_a_blank_error_has_its_definition_alone() -> None:
    reply = replies.error(SignallingError(ErrorDefinition.NO_STREAM_NAME))

    text = serialize(reply)

    assert text == '{"command":"error","definition":"noStreamNameSpecified"}'


def test_any_text_is_sent_as_ascii() -> None:
    refused = SignallingError(ErrorDefinition.INVALID_STREAM_NAME, "ä\ud800\0")

    text = serialize(replies.error(refused))

    assert text.isascii()
    assert json.loads(text)["streamId"] == "ä\ud800\0"


def test_an_answer_has_no_id_mapping_and_an_offer_has_even_an_empty_one() -> None:
    def fields(mapping: dict[str, str] | None) -> dict[str, object]:
        reply = replies.description(
            "s1", "offer", "sdp", subscriber_id="", link_session="", id_mapping=mapping
        )
        return dict(reply.fields)

    assert "idMapping" not in fields(None)
    assert fields({})["idMapping"] == {}


def test_candidates_belong_to_the_first_media_line() -> None:
    sdp = "v=0\r\nm=audio 9 X 0\r\na=mid:a0\r\nm=video 9 X 0\r\na=mid:v1\r\n"

    made = replies.candidates(
        "s1", sdp, ("c1", "c2"), subscriber_id="", link_session=""
    )

    assert [dict(reply.fields) for reply in made] == [
        {
            "label": 0,
            "id": "a0",
            "candidate": line,
            "subscriberId": "",
            "linkSession": "",
        }
        for line in ("c1", "c2")
    ]
