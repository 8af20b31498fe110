from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from streams.models import Application, Broadcast


def test_the_default_applications_exist(db: None) -> None:
    assert list(Application.objects.values_list("name", flat=True)) == [
        "WebRTCAppEE",
        "LiveApp",
        "WebRTCApp4",
    ]


def test_every_codec_is_enabled_at_first(application: Application) -> None:
    assert application.video_codecs == ("VP8", "H264", "VP9", "AV1")


def test_only_enabled_codecs_are_named(application: Application) -> None:
    application.vp8_enabled = application.av1_enabled = False

    assert application.video_codecs == ("H264", "VP9")


def test_an_application_without_broadcasts_can_be_renamed(
    application: Application,
) -> None:
    application.name = "Events"

    application.full_clean()


def test_an_application_with_broadcasts_keeps_its_name(
    application: Application,
) -> None:
    Broadcast.objects.create(application=application, stream_id="cam")
    application.name = "Events"

    with pytest.raises(ValidationError) as refused:
        application.full_clean()
    assert refused.value.message_dict.keys() == {"name"}


def test_an_application_with_broadcasts_can_be_changed_otherwise(
    application: Application,
) -> None:
    Broadcast.objects.create(application=application, stream_id="cam")
    application.suspended = True

    application.full_clean()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start_timeout_ms", 999),
        ("start_timeout_ms", 60_001),
        ("return_window_ms", 300_001),
        ("return_window_ms", -1),
        ("max_publish_bitrate", -1),
        ("stun_server_uri", "stuns:example.org"),
        ("stun_server_uri", "https://example.org"),
        ("stun_server_uri", "stun:a b"),
        ("name", "admin"),
        ("name", "a/b"),
        ("name", "WebRTCAppEE"),
    ],
)
def test_it_rejects_settings_out_of_range(
    application: Application, field: str, value: object
) -> None:
    setattr(application, field, value)

    with pytest.raises(ValidationError) as refused:
        application.full_clean()
    assert refused.value.message_dict.keys() == {field}


def test_ice_servers_may_be_left_out(application: Application) -> None:
    application.stun_server_uri = ""

    application.full_clean()


def test_every_setting_explains_itself() -> None:
    silent = [
        field.name
        for field in Application._meta.fields
        if not field.help_text and field.name != "id"
    ]

    assert silent == []
