"""Answers to publishers, offers to viewers, and what of them is accepted."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from aiortc import RTCSessionDescription

from relay.negotiation import (
    START_BITRATE,
    OutgoingTrack,
    PublisherAgreement,
    Transport,
    answer_publisher,
    send_codec,
)
from relay.sdp import (
    ABS_SEND_TIME,
    AUDIO_LEVEL,
    REPAIRED_RID,
    RID,
    TRANSPORT_SEQ,
    VIDEO_ORIENTATION,
    Codec,
    RemoteDescription,
    parse_sdp,
)
from relay.viewer_offer import accept_answer, offer_viewer
from tests.relay.clients import CODECS, new_peer
from tests.relay.test_sdp import DATA, OFFER

TRANSPORT = Transport(
    "abcdefgh",
    "p" * 24,
    ":".join(["AB"] * 32),
    ("candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host",),
)
H264_FMTP = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
OPUS = Codec("opus", 111, 48000, 2, "minptime=10;useinbandfec=1")
AUDIO = OutgoingTrack("audio", send_codec(OPUS), 1001, 1002, "name")


def video_track(codec: Codec | None = None) -> OutgoingTrack:
    codec = send_codec(codec or Codec("VP8", 100, 90000))
    return OutgoingTrack("video", codec, 2001, 2002, "name")


H264 = video_track(Codec("H264", 102, 90000, fmtp=H264_FMTP))


def answer(text: str = OFFER, codecs: tuple[str, ...] = CODECS) -> PublisherAgreement:
    return answer_publisher(parse_sdp(text), TRANSPORT, codecs)


def refuse(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        answer(text)


# -- publishers ---------------------------------------------------------------


def test_chromium_gets_one_codec_a_section_and_no_data_channel() -> None:
    agreement = answer()
    audio, video, data = parse_sdp(agreement.answer).media
    assert [codec.name for codec in audio.codecs] == ["opus"]
    assert [codec.name for codec in video.codecs] == ["VP8", "rtx"]
    assert (data.kind, data.port) == ("application", 0)
    assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n" in agreement.answer
    assert [track.kind for track in agreement.tracks] == ["audio", "video"]


def test_bundle_names_only_the_accepted_sections() -> None:
    assert "a=group:BUNDLE 0 1\r\n" in answer().answer


def test_the_answer_has_the_offers_sections_types_and_ids() -> None:
    offered, answered = parse_sdp(OFFER), parse_sdp(answer().answer)
    for theirs, ours in zip(offered.media, answered.media, strict=True):
        assert (theirs.kind, theirs.mid) == (ours.kind, ours.mid)
        assert {c.payload_type for c in ours.codecs} <= {
            c.payload_type for c in theirs.codecs
        }
        assert ours.extensions.items() <= theirs.extensions.items()


def test_the_server_is_ice_lite_and_the_dtls_server() -> None:
    text = answer().answer
    assert "a=ice-lite\r\n" in text
    assert {media.setup for media in parse_sdp(text).media[:2]} == {"passive"}
    assert {media.direction for media in parse_sdp(text).media[:2]} == {"recvonly"}


def test_only_feedback_that_is_used_is_answered() -> None:
    video = parse_sdp(answer().answer).media[1]
    assert set(video.codecs[0].feedback) == {
        "goog-remb",
        "transport-cc",
        "ccm fir",
        "nack",
        "nack pli",
    }


def without_transport_cc(text: str = OFFER) -> str:
    return re.sub("a=rtcp-fb:.* transport-cc\r?\n", "", text)


def test_one_of_the_two_ways_to_know_the_rate_is_agreed() -> None:
    """Send times for our own estimate, or the transport's numbers for the sender's."""
    offered = parse_sdp(OFFER).media[1].extensions
    for text, wanted, other in (
        (OFFER, TRANSPORT_SEQ, ABS_SEND_TIME),
        (without_transport_cc(), ABS_SEND_TIME, TRANSPORT_SEQ),
        (OFFER.replace(TRANSPORT_SEQ, "urn:other"), ABS_SEND_TIME, TRANSPORT_SEQ),
    ):
        agreement = answer(text)
        for track, media in zip(
            agreement.tracks, parse_sdp(agreement.answer).media[:2], strict=True
        ):
            assert media.extensions[wanted] == offered[wanted]
            assert other not in media.extensions
            by_transport = wanted == TRANSPORT_SEQ
            assert track.transport_seq_id == (offered[wanted] if by_transport else None)
            assert track.abs_send_time_id == (None if by_transport else offered[wanted])
            said = "transport-cc" in media.codecs[0].feedback
            assert said is by_transport
        assert agreement.transport_seq_id == agreement.tracks[1].transport_seq_id


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_the_senders_estimate_begins_high(codec: str) -> None:
    agreement = answer(codecs=(codec,))
    audio, video = parse_sdp(agreement.answer).media[:2]
    offered = agreement.tracks[1].codec
    assert video.codecs[0].fmtp.split(";")[-1] == START_BITRATE
    assert video.codecs[0].fmtp.removesuffix(START_BITRATE).rstrip(";") == offered.fmtp
    assert START_BITRATE not in audio.codecs[0].fmtp
    assert START_BITRATE not in offered.fmtp  # viewers are offered this
    assert START_BITRATE not in answer(without_transport_cc(), (codec,)).answer


# -- simulcast ----------------------------------------------------------------

LAYERS = "a=rid:h send\r\na=rid:m send\r\na=rid:l send\r\na=simulcast:send h;m;l\r\n"


def simulcast_offer(lines: str = LAYERS) -> str:
    return OFFER.replace("m=application", f"{lines}m=application")


def test_layers_are_answered_and_agreed() -> None:
    agreement = answer(simulcast_offer())
    video = agreement.tracks[1]
    offered = parse_sdp(OFFER).media[1].extensions
    assert video.rids == ("h", "m", "l")
    assert (video.rid_id, video.repaired_rid_id) == (
        offered[RID],
        offered[REPAIRED_RID],
    )
    assert video.ssrcs == ()
    answered = parse_sdp(agreement.answer).media[1].extensions
    assert answered.items() >= {RID: video.rid_id}.items()
    assert answered.items() >= {REPAIRED_RID: video.repaired_rid_id}.items()
    for line in ("rid:h recv", "rid:m recv", "rid:l recv", "simulcast:recv h;m;l"):
        assert f"a={line}\r\n" in agreement.answer
    section = agreement.answer[agreement.answer.index("m=video") :]
    assert section.index("a=rid:h") < section.index("m=application")


def test_without_layers_nothing_is_said_of_them() -> None:
    agreement = answer()
    assert agreement.tracks[1].rids == ()
    assert "a=rid" not in agreement.answer
    assert "simulcast" not in agreement.answer


def test_layers_that_packets_cannot_name_are_not_taken() -> None:
    agreement = answer(simulcast_offer().replace(RID, "urn:other"))
    assert agreement.tracks[1].rids == ()
    assert "simulcast" not in agreement.answer


def test_layers_in_another_codec_are_left_out() -> None:
    lines = (
        "a=rid:h send pt=96;max-width=1280\r\na=rid:m send pt=98,100\r\n"
        "a=rid:l send max-width=320\r\na=simulcast:send h;m;l\r\n"
    )
    assert answer(simulcast_offer(lines)).tracks[1].rids == ("h", "l")


def test_audio_has_no_layers() -> None:
    text = OFFER.replace("m=video", f"{LAYERS}m=video")
    assert [track.rids for track in answer(text).tracks] == [(), ()]


def test_the_agreement_knows_what_to_expect_of_chromium() -> None:
    audio, video = answer().tracks
    offered = parse_sdp(OFFER).media[1]
    assert video.codec.name == "VP8"
    assert video.rtx_payload_type == 97
    assert video.transport_seq_id == offered.extensions[TRANSPORT_SEQ]
    assert video.orientation_id == offered.extensions[VIDEO_ORIENTATION]
    assert audio.audio_level_id == parse_sdp(OFFER).media[0].extensions[AUDIO_LEVEL]
    assert video.ssrcs == offered.ssrcs
    assert audio.rtx_payload_type is None


@pytest.mark.parametrize(
    ("enabled", "chosen"),
    [
        (CODECS, "VP8"),
        (("H264",), "H264"),
        (("VP9", "AV1"), "AV1"),
        (("vp9",), "VP9"),
        (("H264", "VP8"), "VP8"),  # in the publisher's order
    ],
)
def test_the_publishers_first_enabled_codec_is_taken(
    enabled: tuple[str, ...], chosen: str
) -> None:
    assert answer(codecs=enabled).tracks[1].codec.name == chosen


def test_the_order_is_that_of_the_m_line() -> None:
    offered = parse_sdp(OFFER).media[1].formats
    reordered = ["102", *(f for f in offered if f != "102")]
    text = OFFER.replace(" ".join(offered), " ".join(reordered))
    assert answer(text).tracks[1].codec.name == "H264"


def test_without_an_enabled_video_codec_audio_goes_on_alone() -> None:
    agreement = answer(codecs=())
    assert [track.kind for track in agreement.tracks] == ["audio"]
    assert [m.port for m in parse_sdp(agreement.answer).media] == [9, 0, 0]


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_a_kind_that_is_not_wanted_is_refused(kind: str) -> None:
    agreement = answer_publisher(parse_sdp(OFFER), TRANSPORT, CODECS, (kind,))
    assert [track.kind for track in agreement.tracks] == [kind]


def test_only_the_first_section_of_a_kind_is_taken() -> None:
    head, _, sections = OFFER.partition("m=audio")
    second = ("m=audio" + sections).replace("a=mid:", "a=mid:x")
    head = head.replace("BUNDLE 0 1 2", "BUNDLE 0 1 2 x0 x1 x2")
    agreement = answer(head + "m=audio" + sections + second)
    assert [track.mid for track in agreement.tracks] == ["0", "1"]
    assert [m.port for m in parse_sdp(agreement.answer).media] == [9, 9, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a=sendrecv", "a=recvonly"),
        ("a=sendrecv", "a=inactive"),
        ("a=rtcp-mux\n", ""),
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        ("BUNDLE 0 1 2", "BUNDLE 2"),
        (r"(m=\w+) \d+", r"\1 0"),
        ("VP8/90000|opus/48000/2", "odd/90000"),
    ],
)
def test_it_rejects_an_offer_without_a_usable_section(old: str, new: str) -> None:
    text = re.sub(old, new, OFFER)
    assert text != OFFER
    with pytest.raises(ValueError, match=r"."):
        answer(text, ("VP8",))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a=ice-ufrag:.*\n", ""),
        ("a=ice-pwd:.*\n", ""),
        ("a=fingerprint:.*\n", ""),
        ("a=setup:actpass", "a=setup:passive"),
        ("a=setup:actpass\n", ""),
    ],
)
def test_it_rejects_an_offer_without_ice_or_dtls_client(old: str, new: str) -> None:
    refuse(re.sub(old, new, OFFER))


def test_an_active_publisher_is_accepted() -> None:
    assert answer(OFFER.replace("a=setup:actpass", "a=setup:active")).tracks


@pytest.mark.parametrize(
    ("old", "new"),
    [("VP8/90000", "VP8/0"), ("VP8/90000", "VP8/-1"), ("VP8/90000", "VP8/8000")],
)
def test_a_codec_with_another_clock_is_not_taken(old: str, new: str) -> None:
    agreement = answer(OFFER.replace(old, new), ("VP8",))
    assert [track.kind for track in agreement.tracks] == ["audio"]


@pytest.mark.parametrize("rtpmap", ["opus/0/2", "opus/48000/7", "opus/48000"])
def test_opus_has_one_clock_and_two_channels(rtpmap: str) -> None:
    agreement = answer(OFFER.replace("opus/48000/2", rtpmap))
    assert [track.kind for track in agreement.tracks] == ["video"]


async def test_aiortc_takes_the_answer() -> None:
    peer = new_peer()
    peer.addTransceiver("audio", "sendonly")
    peer.addTransceiver("video", "sendonly")
    await peer.setLocalDescription(await peer.createOffer())
    text = answer(peer.localDescription.sdp).answer
    await peer.setRemoteDescription(RTCSessionDescription(text, "answer"))
    assert {t.currentDirection for t in peer.getTransceivers()} == {"sendonly"}
    await peer.close()


# -- viewers ------------------------------------------------------------------


def test_viewers_are_offered_our_own_numbers() -> None:
    text, id_mapping = offer_viewer("one", (AUDIO, H264), TRANSPORT)
    audio, video = parse_sdp(text).media
    assert id_mapping == {"0": "ARDAMSaone", "1": "ARDAMSvone"}
    assert [c.payload_type for c in audio.codecs] == [111]
    assert [c.payload_type for c in video.codecs] == [106, 107]
    assert video.codecs[0].fmtp == H264_FMTP
    assert video.codecs[1].fmtp == "apt=106"
    assert (audio.ssrcs, video.ssrcs) == ((1001,), (2001, 2002))
    assert {media.setup for media in (audio, video)} == {"actpass"}
    assert {media.direction for media in (audio, video)} == {"sendonly"}
    assert "a=ssrc-group:FID 2001 2002\r\n" in text
    assert "a=msid:one ARDAMSvone\r\n" in text


def chromium_answer(codec: str = "vp8") -> str:
    return (DATA / f"chromium-156-viewer-answer-{codec}.sdp").read_text()


@pytest.mark.parametrize(("codec", "video"), [("vp8", video_track()), ("h264", H264)])
def test_chromiums_answer_takes_all(codec: str, video: OutgoingTrack) -> None:
    agreement = accept_answer(parse_sdp(chromium_answer(codec)), (AUDIO, video))
    types = frozenset({video.codec.payload_type})
    assert [(t.kind, t.payload_types, t.rtx) for t in agreement.tracks] == [
        ("audio", frozenset({111}), frozenset()),
        ("video", types, types),
    ]


VP9 = Codec("VP9", 98, 90000, fmtp="profile-id=0")
WITH_VP8 = replace(video_track(VP9), alternatives=(Codec("VP8", 96, 90000),))


def test_the_ladders_codec_is_offered_behind_the_streams_own() -> None:
    text, _ = offer_viewer("one", (WITH_VP8,), TRANSPORT)
    (video,) = parse_sdp(text).media
    assert [(c.name, c.payload_type) for c in video.codecs] == [
        ("VP9", 98),
        ("rtx", 99),
        ("VP8", 96),
        ("rtx", 97),
    ]


@pytest.mark.parametrize(
    ("refused", "types", "rtx"),
    [
        ((), {96, 98}, {96, 98}),
        ((97,), {96, 98}, {98}),
        ((96, 97), {98}, {98}),
        ((98, 99), {96}, {96}),
        ((96, 97, 98, 99), set(), set()),
    ],
)
def test_a_viewer_may_take_one_codec_of_two(
    refused: tuple[int, ...], types: set[int], rtx: set[int]
) -> None:
    offer, _ = offer_viewer("one", (AUDIO, WITH_VP8), TRANSPORT)
    text = offer.replace("a=setup:actpass", "a=setup:active")
    text = text.replace("a=sendonly", "a=recvonly")
    for number in refused:
        text = re.sub(f"a=(rtpmap|fmtp|rtcp-fb):{number} .*\r\n", "", text)
    taken = accept_answer(parse_sdp(text), (AUDIO, WITH_VP8)).tracks[1]
    assert (set(taken.payload_types), set(taken.rtx)) == (types, rtx)
    assert taken.accepted is bool(types)


def accepts(text: str, video: OutgoingTrack) -> list[bool]:
    agreement = accept_answer(parse_sdp(text), (AUDIO, video))
    return [track.accepted for track in agreement.tracks]


@pytest.mark.parametrize(
    ("old", "new", "accepted"),
    [
        ("42e01f", "42E034", True),  # another level
        ("42e01f", "640c1f", False),  # another profile
        ("packetization-mode=1", "packetization-mode=0", False),
        ("packetization-mode=1;", "", False),  # 0 is the default
        ("H264/90000", "h264/90000", True),
        ("H264/90000", "VP8/90000", False),
    ],
)
def test_h264_needs_the_same_profile_and_mode(
    old: str, new: str, accepted: bool
) -> None:
    text = chromium_answer("h264").replace(old, new)
    assert accepts(text, H264) == [True, accepted]


def test_a_rejected_section_is_not_accepted() -> None:
    text = chromium_answer().replace("m=video 9", "m=video 0")
    assert accepts(text, video_track()) == [True, False]


def test_an_inactive_section_is_not_accepted() -> None:
    head, _, video = chromium_answer().partition("m=video")
    text = head + "m=video" + video.replace("a=recvonly", "a=inactive")
    assert accepts(text, video_track()) == [True, False]


def test_rtx_is_used_only_where_it_is_answered() -> None:
    text = re.sub("a=(rtpmap|fmtp):97.*\n", "", chromium_answer())
    agreement = accept_answer(parse_sdp(text), (AUDIO, video_track()))
    assert [track.rtx for track in agreement.tracks] == [frozenset(), frozenset()]


def test_rtx_that_was_not_offered_is_not_used() -> None:
    added = "a=rtpmap:98 rtx/48000\na=fmtp:98 apt=111\na=fmtp:111"
    text = chromium_answer().replace("a=fmtp:111", added)
    agreement = accept_answer(parse_sdp(text), (AUDIO, video_track()))
    assert not agreement.tracks[0].rtx


def sections_of(text: str) -> list[str]:
    head, *sections = re.split("(?=m=)", text)
    return [head, *sections]


@pytest.mark.parametrize("order", [(1,), (2,), (2, 1), (1, 2, 2), ()])
def test_it_rejects_other_sections_than_the_offers(order: tuple[int, ...]) -> None:
    parts = sections_of(chromium_answer())
    text = parts[0] + "".join(parts[index] for index in order)
    with pytest.raises(ValueError, match=r"."):
        accepts(text, video_track())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a=setup:active", "a=setup:passive"),
        ("a=setup:active", "a=setup:actpass"),
        ("a=fingerprint:.*\n", ""),
        ("a=ice-pwd:.*\n", ""),
        (r"m=(\w+) \d+", r"m=\1 0"),
    ],
)
def test_it_rejects_an_unusable_answer(old: str, new: str) -> None:
    text = re.sub(old, new, chromium_answer())
    with pytest.raises(ValueError, match=r"."):
        accept_answer(parse_sdp(text), (AUDIO, video_track()))


def test_it_rejects_an_empty_answer() -> None:
    with pytest.raises(ValueError, match="number"):
        accept_answer(RemoteDescription((), ()), (AUDIO,))
