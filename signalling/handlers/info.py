"""What a client may ask about the server and a stream (contract 2.2)."""

from __future__ import annotations

import json

from signalling import replies, store
from signalling.context import Context
from signalling.errors import no_stream
from signalling.messages import GetBroadcastObject, GetIceServerConfig, GetStreamInfo
from signalling.protocol import Notification, Reply
from signalling.replies import Outgoing
from streams import services


async def get_ice_server_config(
    context: Context, _: GetIceServerConfig
) -> list[Outgoing]:
    config = await store.run(services.ice_server_config, context.session.application)
    fields = {
        "stunServerUri": config.stun_server_uri,
        "turnServerUsername": config.username,
        "turnServerCredential": config.credential,
    }
    return [Outgoing(Reply.ICE_SERVER_CONFIG, fields=fields)]


async def get_stream_info(context: Context, message: GetStreamInfo) -> list[Outgoing]:
    """One entry for each rendition, highest first. Raises no_stream_exist."""
    found = await store.run(
        services.stream_info, context.session.application, message.stream_id
    )
    if not found:
        raise no_stream(message.stream_id)
    renditions = [
        {
            "streamWidth": info.width,
            "streamHeight": info.height,
            "videoBitrate": info.video_bitrate,
            "audioBitrate": info.audio_bitrate,
            "videoCodec": info.video_codec,
        }
        for info in found
    ]
    fields = {"streamInfo": renditions}
    return [Outgoing(Reply.STREAM_INFORMATION, message.stream_id, fields)]


async def get_broadcast_object(
    context: Context, message: GetBroadcastObject
) -> list[Outgoing]:
    """The broadcast as a JSON string (contract T6). Raises no_stream_exist."""
    broadcast = await store.run(
        services.broadcast_object, context.session.application, message.stream_id
    )
    if broadcast is None:
        raise no_stream(message.stream_id)
    text = json.dumps(broadcast, separators=(",", ":"))
    definition = Notification.BROADCAST_OBJECT
    return [replies.notification(definition, message.stream_id, broadcast=text)]
