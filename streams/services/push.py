"""Devices of subscribers, and what is sent to them (contract 2.3)."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from django.db import transaction
from django.utils import timezone

from streams.clock import Clock
from streams.credentials import is_good_subscriber_jwt
from streams.models import Application, PushService, PushToken
from streams.names import MAX_REGISTRATION_CHARS
from streams.push import Device, Push
from streams.services.lookups import find_application
from streams.services.store import denies_without_store

MAX_DEVICES = 10  # of a subscriber; the newest are kept
MAX_NOTIFIED = 500  # subscribers, by one command
MAX_CONTENT_CHARS = 8192  # push services take about 4096 bytes
MAX_TOPIC_CHARS = 255
# What topics of Firebase have. A sender puts it into an address or a condition.
_TOPIC = re.compile(rf"[A-Za-z0-9_.~%-]{{1,{MAX_TOPIC_CHARS}}}")
_REGISTRATION = re.compile(rf"[!-~]{{1,{MAX_REGISTRATION_CHARS}}}")


class PushRefusal(Enum):
    PARAMETER = auto()
    TOKEN = auto()
    NOBODY = auto()


class PushRefusedError(Exception):
    """Nothing was stored or sent; the text says why, for the client."""

    def __init__(self, reason: PushRefusal, information: str) -> None:
        super().__init__(information)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class PushRegistration:
    application: str
    subscriber_id: str
    token: str  # a JWT
    registration_token: str
    type: str  # a PushService


@dataclass(frozen=True, slots=True)
class PushRequest:
    """`content`: a JSON object as text. For subscribers, or without any a topic."""

    application: str
    subscriber_id: str
    token: str
    content: str
    subscriber_ids: Collection[str] = ()
    topic: str = ""


@denies_without_store
def register_push_token(
    registration: PushRegistration, clock: Clock = timezone.now
) -> None:
    """The device is this subscriber's and nobody else's, by its latest word.

    Raises:
        PushRefusedError: PARAMETER or TOKEN.
    """
    _require(registration.subscriber_id, "subscriberId")
    _require(registration.token, "token")
    if not _REGISTRATION.fullmatch(registration.registration_token):
        _require("", "pnsRegistrationToken")
    if registration.type not in PushService:
        raise PushRefusedError(PushRefusal.PARAMETER, "pnsType is fcm or apn")
    now = clock()
    application = _authenticate(
        registration.application, registration.subscriber_id, registration.token, now
    )
    with transaction.atomic():
        PushToken.objects.update_or_create(
            application=application,
            type=registration.type,
            token=registration.registration_token,
            defaults={
                "subscriber_id": registration.subscriber_id,
                "registered_at": now,
            },
        )
        rows = PushToken.objects.filter(
            application=application, subscriber_id=registration.subscriber_id
        )
        newest = rows.order_by("-registered_at", "-pk").values_list("pk", flat=True)
        rows.exclude(pk__in=list(newest[:MAX_DEVICES])).delete()


@denies_without_store
def prepare_push(request: PushRequest, clock: Clock = timezone.now) -> Push:
    """What is to be sent, to all devices of those subscribers or to the topic.

    Raises:
        PushRefusedError: PARAMETER, TOKEN, or NOBODY has a device.
    """
    _check_request(request)
    application = _authenticate(
        request.application, request.subscriber_id, request.token, clock()
    )
    devices: tuple[Device, ...] = ()
    if request.subscriber_ids:
        rows = PushToken.objects.filter(
            application=application, subscriber_id__in=list(request.subscriber_ids)
        )
        found = rows.order_by("pk").values_list("subscriber_id", "type", "token")
        devices = tuple(Device(*row) for row in found)
        if not devices:
            raise PushRefusedError(
                PushRefusal.NOBODY, "none of the subscribers has registered a device"
            )
    return Push(
        application=application.name,
        sender_id=request.subscriber_id,
        content=json.loads(request.content),
        devices=devices,
        topic="" if devices else request.topic,
    )


@denies_without_store
def forget_push_tokens(push: Push, gone: Collection[str]) -> int:
    """Those devices of the push are registered no more; how many it were."""
    tokens = {device.token for device in push.devices} & set(gone)
    rows = PushToken.objects.filter(
        application__name=push.application, token__in=tokens
    )
    return rows.delete()[0]


def _check_request(request: PushRequest) -> None:
    _require(request.subscriber_id, "subscriberId")
    _require(request.token, "token")
    if not 0 < len(request.content) <= MAX_CONTENT_CHARS:
        raise PushRefusedError(
            PushRefusal.PARAMETER,
            "pushNotificationContent is an object of at most "
            f"{MAX_CONTENT_CHARS} characters",
        )
    if request.subscriber_ids:
        if len(request.subscriber_ids) > MAX_NOTIFIED or "" in request.subscriber_ids:
            raise PushRefusedError(
                PushRefusal.PARAMETER,
                f"subscriberIdsToNotify is a list of at most {MAX_NOTIFIED} ids",
            )
    elif not _TOPIC.fullmatch(request.topic):
        raise PushRefusedError(
            PushRefusal.PARAMETER,
            "subscriberIdsToNotify or topic (letters, digits and -_.~%) is needed",
        )


def _require(value: str, name: str) -> None:
    if not value:
        raise PushRefusedError(
            PushRefusal.PARAMETER, f"{name} is missing or cannot be read"
        )


def _authenticate(
    name: str, subscriber_id: str, token: str, now: datetime
) -> Application:
    application = find_application(name)
    secret = application.push_jwt_secret if application is not None else ""
    good = is_good_subscriber_jwt(token, secret, subscriber_id, int(now.timestamp()))
    if application is None or not good:
        raise PushRefusedError(
            PushRefusal.TOKEN, "the token is not good for this subscriber"
        )
    return application
