"""Descriptions: what Chromium writes is read, what is odd is refused."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.sdp import (
    ABS_SEND_TIME,
    MAX_MEDIA_SECTIONS,
    MAX_SDP_BYTES,
    MAX_SECTION_CODECS,
    MAX_SECTION_LINES,
    Codec,
    LocalDescription,
    LocalMedia,
    parse_sdp,
)

DATA = Path(__file__).parent.parent / "data"
OFFER = (DATA / "chromium-156-publisher-offer.sdp").read_text()
HEAD = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
SECTION = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
VP8 = Codec("VP8", 96, 90000, feedback=("nack", "nack pli"))


def describe(*media: LocalMedia) -> LocalDescription:
    return LocalDescription(
        session_id=1,
        version=2,
        ice_ufrag="ufrag",
        ice_pwd="p" * 24,
        fingerprint=":".join(["AB"] * 32),
        setup="actpass",
        candidates=("candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host",),
        media=media,
    )


def test_chromiums_offer_is_read() -> None:
    offer = parse_sdp(OFFER)
    audio, video, data = offer.media
    assert offer.bundle == ("0", "1", "2")
    assert (audio.kind, video.kind, data.kind) == ("audio", "video", "application")
    assert audio.codecs[0] == Codec(
        "opus", 111, 48000, 2, "minptime=10;useinbandfec=1", ("transport-cc",)
    )
    assert video.codecs[0].name == "VP8"
    assert "nack pli" in video.codecs[0].feedback
    assert video.extensions[ABS_SEND_TIME] == 2
    assert len(video.ssrcs) == 2
    assert video.rtcp_mux
    assert (video.setup, video.direction) == ("actpass", "sendrecv")
    assert (len(video.ice_ufrag), len(video.ice_pwd)) == (4, 24)
    assert video.fingerprints[0][0] == "sha-256"
    assert data.formats == ("webrtc-datachannel",)


def test_ice_and_dtls_of_the_session_are_those_of_its_sections() -> None:
    text = (
        HEAD + "a=ice-ufrag:abcd\r\na=ice-pwd:efgh\r\na=fingerprint:SHA-256 AA:BB\r\n"
    )
    (media,) = parse_sdp(text + "a=setup:active\r\n" + SECTION).media
    assert (media.ice_ufrag, media.ice_pwd) == ("abcd", "efgh")
    assert media.fingerprints == (("sha-256", "AA:BB"),)
    assert media.setup == "active"


def test_an_fmtp_is_looked_up_without_case() -> None:
    codec = Codec(
        "H264", 96, 90000, fmtp="Profile-Level-ID=42e01f; packetization-mode=1"
    )
    assert codec.parameter("profile-level-id") == "42e01f"
    assert codec.parameter("packetization-mode") == "1"
    assert codec.parameter("apt") == ""


# -- writing ------------------------------------------------------------------


def test_a_written_section_is_read_back() -> None:
    written = LocalMedia(
        kind="video",
        mid="v",
        protocol="UDP/TLS/RTP/SAVPF",
        formats=(),
        direction="sendonly",
        codecs=(VP8, Codec("rtx", 97, 90000, fmtp="apt=96")),
        extensions=((3, ABS_SEND_TIME),),
        msid="stream track",
        ssrc=11,
        rtx_ssrc=12,
        cname="name",
    )
    parsed = parse_sdp(str(describe(written)))
    (media,) = parsed.media
    assert parsed.bundle == ("v",)
    assert media.codecs == written.codecs
    assert media.ssrcs == (11, 12)
    assert media.extensions == {ABS_SEND_TIME: 3}
    assert (media.direction, media.setup) == ("sendonly", "actpass")
    assert (media.ice_ufrag, media.ice_pwd) == ("ufrag", "p" * 24)


def test_a_refused_section_has_port_zero_and_is_not_in_the_bundle() -> None:
    taken = LocalMedia("video", "1", "UDP/TLS/RTP/SAVPF", (), codecs=(VP8,))
    refused = LocalMedia("application", "0", "UDP/DTLS/SCTP", ("webrtc-datachannel",))
    text = str(describe(refused, taken))
    assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n" in text
    assert "a=group:BUNDLE 1\r\n" in text
    assert [media.port for media in parse_sdp(text).media] == [0, 9]


def test_every_line_ends_in_carriage_return_and_line_feed() -> None:
    text = str(describe(LocalMedia("video", "1", "RTP/SAVPF", (), codecs=(VP8,))))
    assert text.endswith("\r\n")
    assert all(line and "\n" not in line for line in text[:-2].split("\r\n"))


# -- hostile ------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=0",
        HEAD,
        "nonsense",
        HEAD + "m=\r\n",
        HEAD + "m=video x UDP/TLS/RTP/SAVPF 96\r\n",
        HEAD + "m=video 9 UDP/TLS/RTP/SAVPF VP8\r\n",
        HEAD + SECTION + "a=rtpmap:96\r\n",
        HEAD + SECTION + "a=rtpmap:96 VP8\r\n",
        HEAD + SECTION + "a=fmtp:97 apt=96\r\n",
        HEAD + SECTION + "a=setup:odd\r\n",
        HEAD + SECTION + "a=fingerprint:sha-256\r\n",
        HEAD + SECTION + "a=extmap:x uri\r\n",
        HEAD + SECTION + "a=candidate:1\r\n",
        HEAD + SECTION + "a=ssrc:x\r\n",
        HEAD + "x" * MAX_SDP_BYTES,
        HEAD + SECTION * (MAX_MEDIA_SECTIONS + 1),
        HEAD + SECTION + "a=rtpmap:96 VP8/90000\r\n" * (MAX_SECTION_CODECS + 1),
        HEAD + SECTION + "a=ssrc:1 cname:a\r\n" * MAX_SECTION_LINES,
    ],
)
def test_it_rejects_what_is_no_description(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_sdp(text)


def test_the_longest_section_is_still_read() -> None:
    codecs = "a=rtpmap:96 VP8/90000\r\n" * MAX_SECTION_CODECS
    feedback = "a=rtcp-fb:* nack\r\n" * (MAX_SECTION_LINES - MAX_SECTION_CODECS - 1)
    (media,) = parse_sdp(HEAD + SECTION + codecs + feedback).media
    assert len(media.codecs) == MAX_SECTION_CODECS


def parse_or_refuse(text: str) -> None:
    with suppress(ValueError):
        parse_sdp(text)


@given(st.text(max_size=200))
def test_arbitrary_text_raises_nothing_but_value_error(text: str) -> None:
    parse_or_refuse(text)
    parse_or_refuse(HEAD + SECTION + "a=" + text)


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_offer_raises_nothing_but_value_error(data: st.DataObject) -> None:
    lines = OFFER.splitlines()
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        cut = data.draw(st.integers(0, len(line)))
        insert = data.draw(
            st.sampled_from(["", " ", ":", "/", "=", ";", "-1", "9" * 30])
        )
        action = data.draw(st.sampled_from(["cut", "insert", "drop", "swap"]))
        if action == "cut":
            lines[at] = line[:cut]
        elif action == "insert":
            lines[at] = line[:cut] + insert + line[cut:]
        elif action == "drop" and len(lines) > 1:
            del lines[at]
        else:
            lines.insert(data.draw(st.integers(0, len(lines))), lines.pop(at))
    parse_or_refuse("\r\n".join(lines))
