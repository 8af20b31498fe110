from __future__ import annotations

from typing import Any

import pytest

from streams.models import Application
from streams.services.app_settings import OLD_NAMES, SETTINGS, WRITE_ONLY, field_of
from streams.services.app_settings import type_of as type_of_setting
from tests.streams.rest.conftest import Caller

PATH = "settings"
RUNG = {
    "height": 240,
    "videoBitrate": 500_000,
    "audioBitrate": 32_000,
    "forceEncode": False,
    "forceSameResolutionEncode": True,
}
SAMPLES = {
    "encoderSettings": [RUNG],
    "stunServerURI": "turn:turn.example.org:3478",
    "webhookAuthenticateURL": "https://example.org/may-publish",
    "webhookPlayAuthUrl": "https://example.org/may-play",
    "listenerHookURL": "https://example.org/events",
    "remoteAllowedCIDR": "127.0.0.1, 192.0.2.0/24",
    "timeTokenPeriod": 30,
    "webRTCClientStartTimeoutMs": 7000,
    "participantVisibilityMatrix": {"default": ["default", "host"], "host": []},
    "audioLevelThreshold": 100,
    "dataChannelPlayerDistribution": "publisher",
}
# What a switch needs to be on.
COMPANIONS = {
    "publishJwtControlEnabled": {"jwtStreamSecretKey": "secret"},
    "playJwtControlEnabled": {"jwtStreamSecretKey": "secret"},
    "hashControlPublishEnabled": {"tokenHashSecret": "secret"},
    "hashControlPlayEnabled": {"tokenHashSecret": "secret"},
    "jwtControlEnabled": {"jwtSecretKey": "secret"},
}


def other_value(name: str) -> Any:
    """One that the setting does not have yet."""
    if name in SAMPLES:
        return SAMPLES[name]
    kind, default = type_of_setting(name), field_of(name).get_default()
    if kind is bool:
        return not default
    return default + 17 if kind is int else "something else"


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_a_put_changes_a_setting_and_a_get_shows_it(writer: Caller, name: str) -> None:
    value = other_value(name)
    answer = writer.put(PATH, {name: value} | COMPANIONS.get(name, {}))
    assert answer.status_code == 200, answer.json()
    row = Application.objects.get(name="LiveApp")
    assert getattr(row, SETTINGS[name]) == value
    shown = writer.get(PATH).json()
    assert shown.get(name) == (None if name in WRITE_ONLY else value)


# Contract 7.3, T19; 12 and the codecs, which cost nothing to pass on, are ours.
DEFAULTS = {
    "publishTokenControlEnabled": False,
    "playTokenControlEnabled": False,
    "publishJwtControlEnabled": False,
    "playJwtControlEnabled": False,
    "enableTimeTokenForPublish": False,
    "enableTimeTokenForPlay": False,
    "timeTokenPeriod": 60,
    "hashControlPublishEnabled": False,
    "hashControlPlayEnabled": False,
    "acceptOnlyStreamsInDataStore": False,
    "acceptOnlyRoomsInDataStore": False,
    "webhookAuthenticateURL": "",
    "webhookPlayAuthUrl": "",
    "listenerHookURL": "",
    "webRTCViewerLimit": -1,
    "ingestingStreamLimit": -1,
    "webRTCClientStartTimeoutMs": 5000,
    "dropWebRTCIngestIfNoPacketReceived": False,
    "playWebRTCStreamOnceForEachSession": True,
    "stunServerURI": "stun:stun1.l.google.com:19302",
    "turnServerUsername": "",
    "webRTCTcpCandidatesEnabled": True,
    "encoderSettings": [],
    "statsBasedABREnabled": True,
    "h264Enabled": True,
    "vp8Enabled": True,
    "vp9Enabled": True,
    "av1Enabled": True,
    "writeSubscriberEventsToDatastore": True,
    "ipFilterEnabled": True,
    "remoteAllowedCIDR": "127.0.0.1,::1",
    "jwtControlEnabled": False,
    "maxVideoTrackCount": -1,
    "maxAudioTrackCount": -1,
    "participantVisibilityMatrix": {
        "default": ["default"],
        "speaker": ["speaker", "active_attendee"],
        "attendee": ["speaker", "active_attendee"],
        "active_attendee": ["active_attendee", "speaker"],
    },
    "sendAudioLevelToViewers": False,
    "audioLevelThreshold": 120,
    "dataChannelEnabled": True,
    "dataChannelPlayerDistribution": "all",
    "suspended": False,
    "returnWindowMs": 10_000,
    "maxPublishBitrate": 0,
    "connectionEventDays": 30,
    "turnCredentialPeriod": 86_400,
}


def test_a_new_application_has_the_contracts_settings(reader: Caller) -> None:
    assert reader.get(PATH).json() == DEFAULTS


def test_ant_medias_whole_document_can_be_put(writer: Caller) -> None:
    """Names that mean nothing here may have values of any kind."""
    body = DEFAULTS | {
        "encoderSettings": None,
        "encoderSettingsString": "",
        "customSettings": {"a": None},
        "hlsPlayListType": None,
        "h265Enabled": False,
        "timeTokenSecretForPublish": None,
        "timeTokenSubscriberOnly": False,
        "webRTCViewerLimit": 7,
    }
    answer = writer.put(PATH, body)
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert writer.get(PATH).json() == DEFAULTS | {"webRTCViewerLimit": 7}


def test_a_get_shows_no_secret(reader: Caller, application: Application) -> None:
    for name in WRITE_ONLY:
        setattr(application, SETTINGS[name], "a secret that nobody sees")
    application.save()
    answer = reader.get(PATH)
    assert "a secret that nobody sees" not in answer.content.decode()
    assert answer.json().keys() == SETTINGS.keys() - WRITE_ONLY


def test_every_text_with_secret_in_its_name_is_write_only() -> None:
    texts = {name for name in SETTINGS if type_of_setting(name) is str}
    secrets = {
        name
        for name in texts
        if any(word in name.lower() for word in ("secret", "credential", "key"))
    }
    assert secrets == WRITE_ONLY


def test_a_put_keeps_what_it_does_not_name(
    writer: Caller, application: Application
) -> None:
    application.jwt_stream_secret = "kept"
    application.viewer_limit = 5
    application.save()
    writer.put(PATH, {"suspended": True})
    row = Application.objects.get(pk=application.pk)
    assert (row.jwt_stream_secret, row.viewer_limit) == ("kept", 5)


def test_what_is_read_can_be_put_back(writer: Caller) -> None:
    before = writer.get(PATH).json()
    assert writer.put(PATH, before).json()["success"]
    assert writer.get(PATH).json() == before


@pytest.mark.parametrize("old", sorted(OLD_NAMES))
def test_it_takes_an_old_name(writer: Caller, old: str) -> None:
    name = OLD_NAMES[old]
    value = other_value(name)
    assert writer.put(PATH, {old: value}).json() == {
        "success": True,
        "message": None,
        "dataId": None,
        "errorId": -1,
    }
    assert writer.get(PATH).json()[name] == value


def test_it_refuses_an_old_name_that_contradicts_the_new(writer: Caller) -> None:
    body = {"timeTokenSubscriberOnly": True, "enableTimeTokenForPlay": False}
    answer = writer.put(PATH, body)
    assert answer.status_code == 400
    assert "timeTokenSubscriberOnly" in answer.json()["message"]


def test_an_old_switch_that_is_off_says_nothing_beside_the_new(
    writer: Caller,
) -> None:
    """Ant Media's document has both; a back end changes the one that it knows."""
    body = {
        "timeTokenSubscriberOnly": False,
        "enableTimeTokenForPlay": True,
        "timeTokenSecretForPlay": "secret",
    }
    assert writer.put(PATH, body).json()["success"]
    assert Application.objects.get(name="LiveApp").play_totp_enabled


@pytest.mark.parametrize(
    "name", sorted(name for name in SETTINGS if type_of_setting(name) is str)
)
def test_a_text_of_null_says_nothing(
    writer: Caller, application: Application, name: str
) -> None:
    """Ant Media has null for secrets that are not set, in its whole document."""
    before = Application.objects.values().get(pk=application.pk)
    assert writer.put(PATH, {name: None, "suspended": True}).json()["success"]
    after = Application.objects.values().get(pk=application.pk)
    assert after == before | {"suspended": True}


def test_it_ignores_unknown_names_and_says_so(writer: Caller) -> None:
    answer = writer.put(PATH, {"mp4MuxingEnabled": True, "suspended": True})
    assert answer.json()["success"] is True
    assert answer.json()["message"] == "Ignored: 'mp4MuxingEnabled'"
    assert Application.objects.get(name="LiveApp").suspended


def test_it_names_a_bounded_number_of_ignored_names(writer: Caller) -> None:
    answer = writer.put(PATH, {f"x{number}" * 50: 1 for number in range(30)})
    assert answer.json()["message"].endswith("and 10 more")
    assert len(answer.json()["message"]) < 20 * 70 + 40


@pytest.mark.parametrize("name", ["id", "pk", "name", "publish_token_enabled"])
def test_a_name_of_ours_inside_is_not_a_setting(writer: Caller, name: str) -> None:
    assert writer.put(PATH, {name: True}).json()["success"]
    row = Application.objects.get(name="LiveApp")
    assert row.publish_token_enabled is False


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("suspended", "true"),
        ("suspended", 1),
        ("suspended", None),
        ("suspended", []),
        ("webRTCViewerLimit", "5"),
        ("webRTCViewerLimit", 5.0),
        ("webRTCViewerLimit", True),
        ("webRTCViewerLimit", None),
        ("webRTCViewerLimit", -2),
        ("webRTCViewerLimit", 2**80),
        ("timeTokenPeriod", 9),
        ("timeTokenPeriod", 2**31),
        ("webRTCClientStartTimeoutMs", 999),
        ("returnWindowMs", 300_001),
        ("maxPublishBitrate", -1),
        ("connectionEventDays", 0),
        ("stunServerURI", "http://example.org"),
        ("stunServerURI", 5),
        ("jwtStreamSecretKey", "x" * 256),
        ("jwtStreamSecretKey", "a\0b"),
        ("turnServerUsername", "\ud800"),
        ("webhookAuthenticateURL", "ftp://example.org"),
        ("remoteAllowedCIDR", "everywhere"),
        ("turnCredentialPeriod", 59),
        ("encoderSettings", {}),
        ("encoderSettings", 5),
        ("encoderSettings", "240"),
        ("encoderSettings", "[" * 5000),
        ("encoderSettings", [240]),
        ("encoderSettings", [RUNG | {"height": 0}]),
        ("encoderSettings", [RUNG, RUNG | {"videoBitrate": "500000"}]),
        ("encoderSettings", [RUNG | {"forceEncode": 1}]),
        ("encoderSettings", [RUNG | {"crf": 1}]),
        ("encoderSettings", [RUNG] * 11),
        ("encoderSettingsString", "240,500000"),
        ("encoderSettingsString", "240,high,low"),
        ("encoderSettingsString", "[,]"),
    ],
    ids=str,
)
def test_it_refuses_a_wrong_value_and_applies_nothing(
    writer: Caller, name: str, value: Any
) -> None:
    before = writer.get(PATH).json()
    answer = writer.put(PATH, {"h264Enabled": False, name: value, "vp8Enabled": False})
    assert answer.status_code == 400
    assert answer.json()["success"] is False
    assert answer.json()["message"].startswith(f"{name}: ")
    assert writer.get(PATH).json() == before


@pytest.mark.parametrize(
    "said",
    [
        {"encoderSettings": [{"height": 240, "videoBitrate": 500_000}]},
        {"encoderSettings": '[{"height": 240, "videoBitrate": 500000}]'},
        {"encoderSettingsString": '[{"height": 240, "videoBitrate": 500000}]'},
        {"encoderSettingsString": "240,500000,0", "encoderSettings": None},
        {
            "encoderSettingsString": "1080,1,1",
            "encoderSettings": [{"height": 240, "videoBitrate": 500_000}],
        },
    ],
    ids=lambda said: "+".join(said),
)
def test_a_ladder_is_read_in_all_of_ant_medias_forms(
    writer: Caller, said: dict[str, Any]
) -> None:
    answer = writer.put(PATH, said)
    assert (answer.status_code, answer.json()["message"]) == (200, None)
    assert writer.get(PATH).json()["encoderSettings"] == [
        {
            "height": 240,
            "videoBitrate": 500_000,
            "audioBitrate": 0,
            "forceEncode": True,
            "forceSameResolutionEncode": False,
        }
    ]


def test_a_ladder_is_taken_away(writer: Caller) -> None:
    writer.put(PATH, {"encoderSettings": [RUNG]})
    assert writer.put(PATH, {"encoderSettings": []}).json()["success"]
    assert writer.get(PATH).json()["encoderSettings"] == []


KINDS = {
    "publish": (
        "publishTokenControlEnabled",
        "publishJwtControlEnabled",
        "enableTimeTokenForPublish",
    ),
    "play": (
        "playTokenControlEnabled",
        "playJwtControlEnabled",
        "enableTimeTokenForPlay",
    ),
}


@pytest.mark.parametrize("direction", KINDS)
@pytest.mark.parametrize("left_out", range(3))
def test_it_refuses_two_kinds_of_token_for_a_direction(
    writer: Caller, direction: str, left_out: int
) -> None:
    two = [name for index, name in enumerate(KINDS[direction]) if index != left_out]
    body = {"jwtStreamSecretKey": "secret"} | dict.fromkeys(two, True)
    answer = writer.put(PATH, body)
    assert answer.status_code == 400
    assert all(name in answer.json()["message"] for name in two)
    shown = writer.get(PATH).json()
    assert not any(shown[name] for name in two)


def test_a_second_kind_is_refused_when_the_first_was_on_before(writer: Caller) -> None:
    assert writer.put(PATH, {"playTokenControlEnabled": True}).json()["success"]
    assert writer.put(PATH, {"enableTimeTokenForPlay": True}).status_code == 400


def test_hashes_go_with_any_kind(writer: Caller) -> None:
    body = {
        "playTokenControlEnabled": True,
        "hashControlPlayEnabled": True,
        "tokenHashSecret": "secret",
    }
    assert writer.put(PATH, body).json()["success"]


@pytest.mark.parametrize(("switch", "secret"), COMPANIONS.items())
def test_it_refuses_a_switch_without_its_secret(
    writer: Caller, switch: str, secret: dict[str, str]
) -> None:
    answer = writer.put(PATH, {switch: True})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(*secret)


@pytest.mark.parametrize(
    "body", [[], "text", 5, b"", b"{", b"[" * 100_000], ids=lambda body: repr(body)[:20]
)
def test_it_refuses_a_body_that_is_no_object(writer: Caller, body: Any) -> None:
    wanted = 200 if body == b"" else 400  # none at all names nothing
    assert writer.put(PATH, body).status_code == wanted


def test_it_changes_its_own_application_only(writer: Caller) -> None:
    Application.objects.create(name="OtherApp")
    writer.put(PATH, {"suspended": True})
    assert not Application.objects.get(name="OtherApp").suspended
