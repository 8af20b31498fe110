"""The Django admin: applications, streams, who is live, and the processes.

It holds no rules: models and services do.
"""

from django.contrib import admin

from streams.admin.api_keys import ApiKeyAdmin
from streams.admin.applications import ApplicationAdmin
from streams.admin.broadcasts import BroadcastAdmin
from streams.admin.events import ConnectionEventAdmin, WebhookDeliveryAdmin
from streams.admin.nodes import NodeAdmin
from streams.admin.push import PushTokenAdmin
from streams.admin.sessions import LiveSessionAdmin
from streams.admin.subscribers import SubscriberAdmin
from streams.admin.tokens import TokenAdmin

admin.site.site_header = "Live video"
admin.site.site_title = "Live video"
admin.site.index_title = "Streams and applications"

__all__ = [
    "ApiKeyAdmin",
    "ApplicationAdmin",
    "BroadcastAdmin",
    "ConnectionEventAdmin",
    "LiveSessionAdmin",
    "NodeAdmin",
    "PushTokenAdmin",
    "SubscriberAdmin",
    "TokenAdmin",
    "WebhookDeliveryAdmin",
]
