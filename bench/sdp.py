"""As much of SDP as a fake viewer and a fake publisher need."""

from __future__ import annotations

from dataclasses import dataclass, field

ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
SDES_MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
ECHOED_EXTENSIONS = (ABS_SEND_TIME, SDES_MID)
ECHOED_FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb")


@dataclass(frozen=True, slots=True)
class Local:
    """What this side says about itself."""

    ufrag: str
    password: str
    fingerprint: str  # "sha-256 AA:BB:…"
    setup: str  # "active" | "passive" | "actpass"
    candidate: str = ""  # "candidate:…", empty: trickled


@dataclass(frozen=True, slots=True)
class Section:
    """One m-line and the attributes under it, without "a="."""

    kind: str
    protocol: str
    formats: tuple[str, ...]
    attributes: tuple[str, ...]

    def value(self, name: str) -> str:
        return _value(self.attributes, name)

    def values(self, name: str) -> list[str]:
        prefix = f"{name}:"
        return [a[len(prefix) :] for a in self.attributes if a.startswith(prefix)]

    def payload_type(self, codec: str) -> str:
        """The first payload type of `codec`, such as "VP8"; "" when not offered."""
        for value in self.values("rtpmap"):
            number, _, name = value.partition(" ")
            if name.upper().startswith(f"{codec}/"):
                return number
        return ""

    def rtx_of(self, payload_type: str) -> str:
        """The payload type that retransmits `payload_type`; "" without one."""
        for value in self.values("fmtp"):
            number, _, parameters = value.partition(" ")
            if parameters.strip() == f"apt={payload_type}":
                return number
        return ""


@dataclass(frozen=True, slots=True)
class Remote:
    """What the peer's description says."""

    ufrag: str
    password: str
    fingerprint: str
    setup: str
    ice_lite: bool
    addresses: tuple[tuple[str, int], ...]  # IPv4 UDP candidates
    sections: tuple[Section, ...] = field(default=())

    def section(self, kind: str) -> Section:
        for section in self.sections:
            if section.kind == kind:
                return section
        raise ValueError(f"no {kind} in the description")


def parse_remote(text: str) -> Remote:
    """The description of a bundled session.

    Raises:
        ValueError: no ICE credentials or no m-line in it.
    """
    session, sections = _split(text)
    everything = [*session, *(a for s in sections for a in s.attributes)]
    candidates = [a for a in everything if a.startswith("candidate:")]
    remote = Remote(
        ufrag=_value(everything, "ice-ufrag"),
        password=_value(everything, "ice-pwd"),
        fingerprint=_value(everything, "fingerprint"),
        setup=_value(everything, "setup"),
        ice_lite="ice-lite" in session,
        addresses=tuple(filter(None, map(parse_candidate, candidates))),
        sections=tuple(sections),
    )
    if not (remote.ufrag and remote.password and sections):
        raise ValueError("the description lacks ICE credentials or media")
    return remote


def parse_candidate(line: str) -> tuple[str, int] | None:
    """The address of an IPv4 UDP candidate line, else nothing."""
    parts = line.split()
    if len(parts) < 8 or parts[2].lower() != "udp" or ":" in parts[4]:
        return None
    return parts[4], int(parts[5])


def make_answer(remote: Remote, local: Local) -> str:
    """An answer that receives the first VP8 track, and its RTX where it is offered;
    everything else is refused."""
    bundle, bodies = [], []
    for section in remote.sections:
        number = section.payload_type("VP8") if section.kind == "video" else ""
        if not number:
            bodies.append(_refused(section))
            continue
        bundle.append(section.value("mid"))
        bodies.append(_received(section, number, local))
    return _session(bundle) + "".join(bodies)


def make_publish_offer(local: Local, payload_type: int, ssrc: int) -> str:
    """An offer of one VP8 track, as a browser makes it."""
    lines = [
        f"m=video 9 UDP/TLS/RTP/SAVPF {payload_type}",
        "c=IN IP4 0.0.0.0",
        "a=mid:0",
        "a=sendonly",
        "a=msid:bench bench-video",
        f"a=extmap:1 {SDES_MID}",
        f"a=extmap:2 {ABS_SEND_TIME}",
        f"a=rtpmap:{payload_type} VP8/90000",
        *(f"a=rtcp-fb:{payload_type} {feedback}" for feedback in ECHOED_FEEDBACK),
        f"a=ssrc:{ssrc} cname:bench",
        f"a=ssrc:{ssrc} msid:bench bench-video",
        *_transport(local),
    ]
    return _session(["0"]) + _text(lines)


def make_conference_offer(
    local: Local, *, video: tuple[int, int], audio: tuple[int, int], level_id: int
) -> str:
    """An offer of VP8 and Opus; `video` and `audio`: payload type and SSRC."""
    lines = [
        f"m=audio 9 UDP/TLS/RTP/SAVPF {audio[0]}",
        "c=IN IP4 0.0.0.0",
        "a=mid:0",
        "a=sendonly",
        f"a=extmap:{level_id} {AUDIO_LEVEL}",
        f"a=rtpmap:{audio[0]} opus/48000/2",
        f"a=ssrc:{audio[1]} cname:bench",
        *_transport(local),
        f"m=video 9 UDP/TLS/RTP/SAVPF {video[0]}",
        "c=IN IP4 0.0.0.0",
        "a=mid:1",
        "a=sendonly",
        f"a=rtpmap:{video[0]} VP8/90000",
        *(f"a=rtcp-fb:{video[0]} {feedback}" for feedback in ECHOED_FEEDBACK),
        f"a=ssrc:{video[1]} cname:bench",
        *_transport(local),
    ]
    return _session(["0", "1"]) + _text(lines)


def make_slots_answer(remote: Remote, local: Local) -> str:
    """An answer that receives VP8 or Opus in every section."""
    bodies = []
    for section in remote.sections:
        codec = "VP8/90000" if section.kind == "video" else "opus/48000/2"
        number = section.payload_type(codec.partition("/")[0].upper())
        lines = [
            f"m={section.kind} 9 {section.protocol} {number}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{section.value('mid')}",
            "a=recvonly",
            f"a=rtpmap:{number} {codec}",
            *_transport(local),
        ]
        bodies.append(_text(lines))
    return _session([s.value("mid") for s in remote.sections]) + "".join(bodies)


def _session(bundle: list[str]) -> str:
    return _text(
        [
            "v=0",
            "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            f"a=group:BUNDLE {' '.join(bundle)}",
            "a=msid-semantic: WMS *",
        ]
    )


def _transport(local: Local) -> list[str]:
    lines = [
        "a=rtcp-mux",
        "a=rtcp-rsize",
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.password}",
        "a=ice-options:trickle",
        f"a=fingerprint:{local.fingerprint}",
        f"a=setup:{local.setup}",
    ]
    if local.candidate:
        lines += [f"a={local.candidate}", "a=end-of-candidates"]
    return lines


def _received(section: Section, number: str, local: Local) -> str:
    rtx = section.rtx_of(number)
    lines = [
        f"m=video 9 {section.protocol} {number} {rtx}".rstrip(),
        "c=IN IP4 0.0.0.0",
        f"a=mid:{section.value('mid')}",
        "a=recvonly",
        f"a=rtpmap:{number} VP8/90000",
    ]
    if rtx:
        lines += [f"a=rtpmap:{rtx} rtx/90000", f"a=fmtp:{rtx} apt={number}"]
    for value in section.values("extmap"):
        if value.split()[-1] in ECHOED_EXTENSIONS:
            lines.append(f"a=extmap:{value}")
    for value in section.values("rtcp-fb"):
        owner, _, feedback = value.partition(" ")
        if owner in (number, "*") and feedback.strip() in ECHOED_FEEDBACK:
            lines.append(f"a=rtcp-fb:{number} {feedback.strip()}")
    return _text(lines + _transport(local))


def _refused(section: Section) -> str:
    return _text(
        [
            f"m={section.kind} 0 {section.protocol} {' '.join(section.formats)}",
            "c=IN IP4 0.0.0.0",
            f"a=mid:{section.value('mid')}",
            "a=inactive",
        ]
    )


def _split(text: str) -> tuple[list[str], list[Section]]:
    session: list[str] = []
    sections: list[Section] = []
    heads: list[tuple[list[str], list[str]]] = []
    for line in text.splitlines():
        if line.startswith("m="):
            heads.append((line[2:].split(), []))
        elif line.startswith("a="):
            (heads[-1][1] if heads else session).append(line[2:])
    for words, attributes in heads:
        sections.append(
            Section(words[0], words[2], tuple(words[3:]), tuple(attributes))
        )
    return session, sections


def _value(attributes: list[str] | tuple[str, ...], name: str) -> str:
    prefix = f"{name}:"
    for attribute in attributes:
        if attribute.startswith(prefix):
            return attribute[len(prefix) :].strip()
    return ""


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\r\n" for line in lines)
