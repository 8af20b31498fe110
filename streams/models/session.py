"""Who is live, and the processes behind."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from streams.models.application import Application
from streams.models.node import Node
from streams.names import MAX_NAME_LENGTH


class SessionRole(models.TextChoices):
    PUBLISH = "publish", "publisher"
    PLAY = "play", "viewer"
    PEER = "peer", "peer"
    PARTICIPANT = "participant", "participant"


class SessionState(models.TextChoices):
    PREPARING = "preparing", "connecting"
    LIVE = "live", "live"
    PARKED = "parked", "waiting for its return"


class Ending(models.TextChoices):
    """Why an operator, or the clock, has a session ended."""

    STOPPED = "stopped", "stopped by an operator"
    BLOCKED = "blocked", "subscriber blocked"
    NOT_ACTIVE = "not_active", "planned end reached"
    NO_PACKETS = "no_packets", "no media arrived"
    ROOM_ENDED = "room_ended", "the last participant has left"


class LiveSession(models.Model):
    """One attempt of a socket to publish or play a stream, while it lasts.

    A parked publisher has no channel: its socket is gone and its stream waits.
    """

    id = models.CharField(max_length=32, primary_key=True)
    application = models.ForeignKey(
        Application, on_delete=models.CASCADE, related_name="sessions"
    )
    stream_id = models.CharField("stream id", max_length=MAX_NAME_LENGTH)
    role = models.CharField(max_length=16, choices=SessionRole)
    state = models.CharField(
        max_length=16, choices=SessionState, default=SessionState.PREPARING
    )
    restored = models.BooleanField(
        default=False, help_text="Came back to its stream within the return window."
    )
    room = models.CharField(
        max_length=MAX_NAME_LENGTH, blank=True, default=""
    )  # that a participant joined, a publisher is a track of, or a viewer plays whole
    brought = models.BooleanField(
        default=False, help_text="The publisher itself took its broadcast to the room."
    )
    seat = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Of a peer: 1 or 2. Nobody else has one."
    )
    mode = models.CharField(max_length=8, blank=True, default="")  # of a peer
    channel = models.CharField(max_length=255, blank=True, default="")
    # Without a database constraint: a socket may be served in the moments before
    # its process has been able to write its own row.
    node = models.ForeignKey(
        Node,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        related_name="sessions",
    )
    relay = models.CharField(max_length=255, db_index=True)
    subscriber_id = models.CharField(max_length=255, blank=True, default="")
    subscriber_name = models.CharField(max_length=255, blank=True, default="")
    viewer_info = models.CharField(max_length=255, blank=True, default="")
    remote_ip = models.CharField("address", max_length=64, blank=True, default="")
    user_agent = models.CharField(max_length=255, blank=True, default="")
    admitted = models.BooleanField(
        default=False, help_text="Has an Admission, for its return."
    )
    ending = models.CharField(
        max_length=16,
        choices=Ending,
        blank=True,
        default="",
        help_text="Set by whoever wants it ended; its process does so.",
    )
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    parked_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["application", "stream_id", "-role", "created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["application", "stream_id"],
                condition=Q(role="publish"),
                name="one_publisher_per_stream",
            ),
            models.UniqueConstraint(
                fields=["application", "stream_id", "seat"],
                condition=Q(role="peer"),
                name="one_peer_per_seat",
            ),
            models.UniqueConstraint(
                fields=["channel", "application", "stream_id", "role"],
                name="one_session_per_socket_stream_role",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["application", "stream_id", "role", "state"],
                name="sessions_of_a_stream",
            ),
            models.Index(fields=["state", "parked_until"], name="parked_sessions"),
            models.Index(
                fields=["application", "stream_id", "subscriber_id"],
                name="sessions_of_a_subscriber",
                condition=~Q(subscriber_id=""),
            ),
            models.Index(
                fields=["application", "role", "state"], name="sessions_of_a_role"
            ),
            models.Index(
                fields=["application", "room"],
                name="participants_of_a_room",
                condition=~Q(room=""),
            ),
            models.Index(
                fields=["node"], name="sessions_to_end", condition=~Q(ending="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()} of {self.stream_id}"
