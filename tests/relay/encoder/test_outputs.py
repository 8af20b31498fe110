"""What an encoder sends, where it is not what it should be."""

from __future__ import annotations

from relay.encoder.link import Rung
from relay.encoder.outputs import Outputs
from relay.packet import build_packet
from relay.stream import Stream
from tests.relay.encoder.media import Camera
from tests.relay.encoder.studio import CODECS, incoming

NOW = 5.0


def idr(seq: int) -> bytes:
    """A key frame whose parameter sets are missing."""
    return b"\0" + build_packet(
        payload_type=0,
        marker=True,
        seq=seq,
        timestamp=seq * 3000,
        ssrc=0,
        extensions=b"",
        payload=b"\x65\x80picture",
    )


def test_what_has_no_size_yet_ends_with_its_rung() -> None:
    stream = Stream("A/x", (incoming(CODECS["H264"]),))
    outputs = Outputs(stream, "H264")
    outputs.expect((Rung(0, 240, 1), Rung(1, 120, 1)), ())
    outputs.receive([idr(1)], NOW)
    assert list(outputs.tracks()) == [0]
    assert not outputs.expect((Rung(1, 120, 1),), ())
    assert not outputs.tracks()
    camera = Camera("H264", (320, 240))
    outputs.receive([b"\0" + wire for wire in camera.frame(key=True)], NOW)
    assert len(stream.renditions) == 1
