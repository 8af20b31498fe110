"""The Django admin: applications, streams, who is live, and the processes.

It holds no rules: models and services do.
"""

from django.contrib import admin

from streams.admin.applications import ApplicationAdmin
from streams.admin.broadcasts import BroadcastAdmin
from streams.admin.nodes import NodeAdmin
from streams.admin.sessions import LiveSessionAdmin

admin.site.site_header = "Live video"
admin.site.site_title = "Live video"
admin.site.index_title = "Streams and applications"

__all__ = ["ApplicationAdmin", "BroadcastAdmin", "LiveSessionAdmin", "NodeAdmin"]
