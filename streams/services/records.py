"""What goes into and comes out of the services: no model leaves this package."""

from __future__ import annotations

from dataclasses import dataclass

from relay.control import Distribution, EncoderSetting
from streams.policy import Approval


@dataclass(frozen=True, slots=True)
class SocketInfo:
    """The socket a command came on. `node` is the name of its ASGI process."""

    channel: str
    node: str
    remote_ip: str
    user_agent: str
    query: str = ""  # of its address, without the question mark
    origin: str = ""  # of the page that opened it


@dataclass(frozen=True, slots=True)
class Load:
    """Of the machine, sampled by the ASGI process, and of its relays."""

    cpu_percent: float
    free_ram_mb: float
    busy_relays: frozenset[str] = frozenset()  # that take no newcomers


@dataclass(frozen=True, slots=True)
class PublishRequest:
    application: str
    stream_id: str
    video: bool = True
    audio: bool = True
    name: str = ""
    main_track: str = ""
    meta_data: str = ""
    role: str = ""
    token: str = ""
    subscriber_id: str = ""
    subscriber_code: str = ""
    approval: Approval = Approval.UNASKED  # what the webhook said, once asked
    room: str = ""  # that the socket had joined with this id; main_track goes first


@dataclass(frozen=True, slots=True)
class PublishGrant:
    """`restored`: the stream waited for this return; its relay is the same."""

    session: str
    room: str  # that the stream is in; "" for none
    role: str  # that it has there
    relay: str
    restored: bool
    video_codecs: tuple[str, ...]
    start_timeout_ms: int
    return_window_ms: int
    max_bitrate_bps: int  # 0 = no bound
    data_channels: bool
    distribution: Distribution
    encoder_settings: tuple[EncoderSetting, ...]  # highest first
    tcp_candidates: bool


@dataclass(frozen=True, slots=True)
class PlayRequest:
    application: str
    stream_id: str
    viewer_info: str = ""
    role: str = ""
    token: str = ""
    room: str = ""
    subscriber_id: str = ""
    subscriber_code: str = ""
    subscriber_name: str = ""
    user_publish_id: str = ""
    approval: Approval = Approval.UNASKED


@dataclass(frozen=True, slots=True)
class RoomView:
    """What a viewer of a room is shown of it; -1: a track for each participant."""

    sees_roles: tuple[str, ...]
    video_codecs: tuple[str, ...]
    max_video_tracks: int
    max_audio_tracks: int
    audio_levels: bool
    audio_level_threshold: int


@dataclass(frozen=True, slots=True)
class PlayGrant:
    """`view` is there when what is played is a room."""

    session: str
    relay: str
    start_timeout_ms: int
    return_window_ms: int
    data_channels: bool
    distribution: Distribution
    adaptive: bool
    tcp_candidates: bool
    view: RoomView | None = None


@dataclass(frozen=True, slots=True)
class PeerRequest:
    application: str
    stream_id: str  # the room
    mode: str = "both"  # or "play": it sends nothing
    subscriber_id: str = ""


@dataclass(frozen=True, slots=True)
class PeerSeat:
    """Who sits in a peer-to-peer room, and where it hears of the other."""

    session: str
    channel: str


@dataclass(frozen=True, slots=True)
class PeerGrant:
    """`other` is there already; `offers`: this one makes the offer, not the other."""

    session: str
    other: PeerSeat | None
    offers: bool


@dataclass(frozen=True, slots=True)
class RoomRequest:
    application: str
    room: str
    stream_id: str  # of the participant; "" for one of ours
    subscriber_id: str = ""


@dataclass(frozen=True, slots=True)
class RoomStream:
    """What somebody publishes in a room."""

    stream_id: str
    name: str
    meta_data: str


@dataclass(frozen=True, slots=True)
class RoomState:
    """`streams`: of the others, in the order of their ids."""

    empty: bool  # nobody is there at all
    streams: tuple[RoomStream, ...]


@dataclass(frozen=True, slots=True)
class RoomGrant:
    session: str
    stream_id: str
    streams: tuple[RoomStream, ...]
    max_video_tracks: int  # a member sees at once; -1: no limit


@dataclass(frozen=True, slots=True)
class StartedSession:
    """A session whose media flows since now."""

    session: str
    application: str
    stream_id: str
    role: str  # "publish" or "play"
    restored: bool
    channel: str
    subscriber_id: str


@dataclass(frozen=True, slots=True)
class SocketSession:
    """What became of one session of a lost socket."""

    session: str
    relay: str
    application: str
    stream_id: str
    role: str
    parked: bool  # its stream waits for a return; otherwise it is closed


@dataclass(frozen=True, slots=True)
class LostSession:
    """A session that was closed because a process behind it died."""

    session: str
    channel: str  # "" when no socket was left
    application: str
    stream_id: str
    role: str
    room: str = ""  # that a publisher had taken its stream to


@dataclass(frozen=True, slots=True)
class IceServerConfig:
    stun_server_uri: str
    username: str
    credential: str


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """One rendition of a live stream. Bitrates in bit/s; 0 and "" while unknown."""

    width: int
    height: int
    video_bitrate: int
    audio_bitrate: int
    video_codec: str
