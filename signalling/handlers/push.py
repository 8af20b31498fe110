"""Push notifications: devices are registered, notifications sent (contract 2.3).

What is refused here is a notification with `success` false, not an error (3.2).
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Any

from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer

from signalling import events, store
from signalling.context import Context
from signalling.information_messages import RegisterPushToken, SendPush
from signalling.limits import LimitedLog, TokenBucket
from signalling.protocol import ErrorDefinition, Reply
from signalling.replies import Outgoing
from streams import push, services
from streams.services import PushRefusal, PushRefusedError

log = LimitedLog(logging.getLogger(__name__))

PUSHES_PER_S = 1.0  # of one subscriber
PUSH_BURST = 30.0
MAX_BUCKETS = 10_000  # the longest untouched goes first
TOO_MANY = "too many push notifications, try again later"

_DEFINITIONS = {
    PushRefusal.PARAMETER: ErrorDefinition.MISSING_PARAMETER,
    PushRefusal.TOKEN: ErrorDefinition.AUTHENTICATION_TOKEN,
    PushRefusal.NOBODY: ErrorDefinition.PUSH_NOT_SENT,
}
_buckets: OrderedDict[tuple[str, str], TokenBucket] = OrderedDict()


async def register_push_token(
    context: Context, message: RegisterPushToken
) -> list[Outgoing]:
    """The subscriber's device is known. Nothing is asked of its push service."""
    registration = services.PushRegistration(
        context.session.application,
        message.subscriber_id,
        message.token,
        message.registration_token,
        message.type,
    )
    try:
        await store.run(services.register_push_token, registration)
    except PushRefusedError as refused:
        return [_refusal(refused)]
    return [_result()]


async def send_push(context: Context, message: SendPush) -> list[Outgoing]:
    """What became of it is said when it is known; other commands do not wait."""
    request = services.PushRequest(
        context.session.application,
        message.subscriber_id,
        message.token,
        message.content,
        message.subscriber_ids,
        message.topic,
    )
    try:
        prepared = await store.run(services.prepare_push, request)
    except PushRefusedError as refused:
        return [_refusal(refused)]
    if not _bucket(prepared).take():
        return [_result(ErrorDefinition.PUSH_NOT_SENT, TOO_MANY)]
    channel = await context.subscribe()
    context.spawn(_send(prepared, channel), "push")
    return []


async def handle_push_done(_: Context, message: dict[str, Any]) -> list[Outgoing]:
    return [_result(message["definition"], message["information"])]


async def _send(prepared: push.Push, channel: str) -> None:
    outcome = await push.send(prepared)
    if outcome.gone:
        await store.run_or_retry(services.forget_push_tokens, prepared, outcome.gone)
    definition = "" if outcome.success else ErrorDefinition.PUSH_NOT_SENT.value
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        await layer.send(channel, events.push_done(definition, outcome.information))
    except ChannelFull:
        log.warning("a socket was not told of its push notification")


def _bucket(prepared: push.Push) -> TokenBucket:
    """Of the subscriber who sends, whichever socket it uses; its token was good."""
    key = prepared.application, prepared.sender_id
    bucket = _buckets.setdefault(key, TokenBucket(PUSHES_PER_S, PUSH_BURST))
    _buckets.move_to_end(key)
    if len(_buckets) > MAX_BUCKETS:
        _buckets.popitem(last=False)
    return bucket


def _refusal(refused: PushRefusedError) -> Outgoing:
    return _result(_DEFINITIONS[refused.reason], str(refused))


def _result(definition: str = "", information: str = "") -> Outgoing:
    """`definition`: what went wrong; "" for success."""
    fields: dict[str, object] = {"success": not definition}
    if definition:
        fields["definition"] = definition
    if information:
        fields["information"] = information
    return Outgoing(Reply.NOTIFICATION, None, fields)
