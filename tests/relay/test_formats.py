"""One payload type for one format, whoever sends it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.formats import OPUS, format_of, formats_of
from relay.sdp import Codec

ALL = formats_of(("VP8", "H264", "VP9", "AV1"))


def h264(profile: str, mode: str = "1") -> Codec:
    fmtp = f"profile-level-id={profile};packetization-mode={mode}"
    return Codec("H264", 100, 90000, fmtp=fmtp)


def test_every_format_and_its_rtx_has_a_number_of_its_own() -> None:
    numbers = [n for form in ALL for n in (form.payload_type, form.payload_type + 1)]
    numbers.append(OPUS.payload_type)
    assert len(set(numbers)) == len(numbers)
    assert all(35 <= n <= 63 or 96 <= n <= 127 for n in numbers)


@pytest.mark.parametrize("form", ALL)
def test_a_canonical_codec_is_of_its_own_format(form: object) -> None:
    assert form in ALL
    for known in ALL:
        assert format_of(known.codec()) == known


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (h264("42e01f"), h264("42E034"), True),  # a level
        (h264("42e01f"), h264("42c01f"), True),  # constrained baseline, too
        (h264("42e01f"), h264("42001f"), False),
        (h264("42e01f", "1"), h264("42e01f", "0"), False),
        (Codec("H264", 1, 90000), h264("42001f", "0"), True),  # the defaults
        (Codec("VP8", 1, 90000, fmtp="max-fs=12288"), Codec("vp8", 2, 90000), True),
        (
            Codec("VP9", 1, 90000),
            Codec("VP9", 2, 90000, fmtp="profile-id=0"),
            True,
        ),
        (
            Codec("VP9", 1, 90000),
            Codec("VP9", 2, 90000, fmtp="profile-id=2"),
            False,
        ),
        (
            Codec("AV1", 1, 90000),
            Codec("AV1", 1, 90000, fmtp="level-idx=9;tier=0"),
            True,
        ),
        (
            Codec("opus", 1, 48000, 2),
            Codec("OPUS", 2, 48000, 2, "stereo=1"),
            True,
        ),
    ],
)
def test_levels_and_hints_make_no_other_format(
    one: Codec, other: Codec, same: bool
) -> None:
    assert (format_of(one) == format_of(other)) is same


@given(
    st.sampled_from(["VP9", "AV1", "H264", "H265"]),
    st.text(max_size=30).map(lambda text: f"profile-level-id={text};profile-id={text}"),
)
def test_any_other_format_gets_a_number_that_no_known_one_has(
    name: str, fmtp: str
) -> None:
    form = format_of(Codec(name, 100, 90000, fmtp=fmtp))
    assert format_of(Codec(name, 101, 90000, fmtp=fmtp)) == form
    if form not in ALL:
        taken = {
            n for known in ALL for n in (known.payload_type, known.payload_type + 1)
        }
        assert not {form.payload_type, form.payload_type + 1} & taken
        assert form.payload_type not in range(63, 96)


def test_unknown_codec_names_have_no_formats() -> None:
    assert formats_of(("H265", "")) == ()
