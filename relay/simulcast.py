"""The layers of a publisher's simulcast as renditions of its stream.

All of them are forwarded, none is encoded again. They share one outgoing identity
(SSRC, payload type): a viewer that stays on one layer gets its packets as they are,
whichever it is, and the stream's own track may be any of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from relay.rendition import Rendition
from relay.track import Track

if TYPE_CHECKING:
    from relay.negotiation import IncomingTrack
    from relay.stream import Stream


def place_layers(stream: Stream, agreed: IncomingTrack) -> dict[str, Track]:
    """The track that each rid of the publisher's video feeds, "" where it has none.

    Layers of a publisher before go on under their rids. The stream's own track goes
    on in any case: where no rid is known, with the first one. Renditions of layers
    that come no more end.
    """
    own = stream.tracks["video"]
    layers = {r.name: r for r in stream.renditions if r.is_layer or r.video is own}
    wanted = agreed.rids or ("",)
    tracks = {rid: layers[rid].video for rid in wanted if rid in layers}
    if own not in tracks.values():
        first = next((rid for rid in wanted if rid not in tracks), wanted[0])
        tracks[first] = own
    cname = own.outgoing.cname
    kept = {}
    for rid in wanted:
        track = tracks.get(rid)
        if track is None:
            track = tracks[rid] = Track(agreed, cname)
            track.outgoing, track.clock = own.outgoing, own.clock
        kept[track] = rid
    for rendition in layers.values():
        if rendition.video in kept:
            rendition.name = kept.pop(rendition.video)
            rendition.is_layer = bool(agreed.rids)
        else:
            stream.remove_rendition(rendition)
    for track, rid in kept.items():
        stream.add_rendition(Rendition(track, name=rid, is_layer=True))
    return {rid: tracks[rid] for rid in wanted}


def choose_own(stream: Stream, now: float) -> None:
    """The highest layer that comes becomes the stream's own track.

    Heights are known only once their key frames came, and a publisher whose path
    narrows pauses its highest layers.
    """
    flowing = [r for r in stream.renditions if r.is_layer and r.is_flowing(now)]
    if flowing:
        stream.tracks["video"] = flowing[0].video
