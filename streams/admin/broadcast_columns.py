"""What the list and the page of a broadcast say of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from streams.admin.base import BaseAdmin
from streams.admin.broadcast_panels import session_table
from streams.admin.links import copy_button, page_path
from streams.admin.states import in_zone, since, state_badge
from streams.clock import from_ms, from_s
from streams.forms.ladder import describe_ladder
from streams.models import Broadcast, BroadcastStatus
from streams.wording import word_bitrate, word_bytes, word_resolution

MEASURES = (
    "measured_bitrate",
    "codecs",
    "resolution",
    "qualities",
    "received",
    "packets_lost",
    "jitter_ms",
    "user_agent",
    "reported_at",
)


class BroadcastColumns(BaseAdmin[Broadcast]):
    """Rows have the values of `overview.with_live_state`."""

    @admin.display(description="stream", ordering="stream_id")
    def title(self, broadcast: Broadcast) -> SafeString:
        return format_html(
            "{}{}{}",
            broadcast.stream_id,
            format_html(" · {}", broadcast.name) if broadcast.name else "",
            _automatic_mark() if broadcast.zombi else "",
        )

    @admin.display(description="origin")
    def origin(self, broadcast: Broadcast) -> SafeString | str:
        if not broadcast.zombi:
            return "registered"
        return format_html("{} {}", _automatic_mark(), "It vanishes when it ends.")

    @admin.display(description="state", ordering="live_state")
    def live(self, broadcast: Broadcast) -> SafeString:
        status = BroadcastStatus(broadcast.current_status)
        ended = str(status.label).lower()
        return state_badge(_annotated(broadcast, "live_state"), ended)

    @admin.display(description="since (UTC)", ordering="live_since")
    def live_since(self, broadcast: Broadcast) -> SafeString | str:
        return since(_annotated(broadcast, "live_since"))

    @admin.display(description="publisher", ordering="publisher_ip")
    def publisher(self, broadcast: Broadcast) -> str:
        return _annotated(broadcast, "publisher_ip") or "-"

    @admin.display(description="media", ordering="bitrate")
    def media_shown(self, broadcast: Broadcast) -> SafeString | str:
        """Bitrate and resolution while there is a publisher, in one column."""
        if not _annotated(broadcast, "live_state"):
            return "-"
        words = (
            word_bitrate(broadcast.bitrate),
            word_resolution(broadcast.width, broadcast.height),
        )
        parts = ((part,) for part in words if part)
        return format_html_join(" ", '<span class="since">{}</span>', parts) or "-"

    @admin.display(description="bitrate")
    def measured_bitrate(self, broadcast: Broadcast) -> str:
        return word_bitrate(broadcast.bitrate) or "-"

    @admin.display(description="resolution")
    def resolution(self, broadcast: Broadcast) -> str:
        return word_resolution(broadcast.width, broadcast.height) or "-"

    @admin.display(description="viewers may get")
    def qualities(self, broadcast: Broadcast) -> str:
        shown = (
            f"{one['height']}p {word_bitrate(one['video_bitrate'])}".strip()
            for one in broadcast.renditions
            if one["height"]
        )
        return ", ".join(shown) or "-"

    @admin.display(description="renditions")
    def ladder(self, broadcast: Broadcast) -> str:
        return describe_ladder(broadcast.encoder_settings)

    @admin.display(description="viewers", ordering="viewers")
    def viewers(self, broadcast: Broadcast) -> int:
        return int(_annotated(broadcast, "viewers") or 0)

    @admin.display(description="codecs")
    def codecs(self, broadcast: Broadcast) -> str:
        used = (broadcast.video_codec, broadcast.audio_codec)
        return ", ".join(filter(None, used)) or "-"

    @admin.display(description="received")
    def received(self, broadcast: Broadcast) -> str:
        return word_bytes(broadcast.received_bytes)

    @admin.display(description="last report (UTC)")
    def reported_at(self, broadcast: Broadcast) -> SafeString | str:
        if not broadcast.update_time:
            return "-"
        return since(from_ms(broadcast.update_time))

    # Shown in place of the form's fields to those who may only look.

    def planned_start(self, broadcast: Broadcast) -> str:
        return _planned(broadcast.planned_start_date)

    def planned_end(self, broadcast: Broadcast) -> str:
        return _planned(broadcast.planned_end_date)

    @admin.display(description="pages")
    def links(self, broadcast: Broadcast) -> SafeString | str:
        name = broadcast.application.name
        paths = (
            (page_path(name, page, broadcast.stream_id), page.capitalize())
            for page in ("play", "publish")
        )
        return format_html_join(
            " ",
            '<span class="together"><a href="{}">{}</a> {}</span>',
            ((path, label, copy_button(path, "Copy")) for path, label in paths),
        )

    @admin.display(description="sessions")
    def sessions(self, broadcast: Broadcast) -> SafeString | str:
        return session_table(broadcast)


def _planned(seconds: int) -> str:
    return in_zone(from_s(seconds)) if seconds else "-"


def _automatic_mark() -> SafeString:
    return format_html('<span class="automatic">{}</span>', "automatic")


def _annotated(broadcast: Broadcast, name: str) -> Any:
    """A value of `with_live_state`, which the admin's rows have."""
    return getattr(broadcast, name, None)
