"""Routes of streams and rooms, under `/<App>/rest/v2/broadcasts/`.

Paths with a fixed first segment come before those that begin with a stream's id:
a stream called `count` is reached by its longer paths only (contract 8).
"""

from __future__ import annotations

from django.urls import URLPattern, path

from streams.rest.broadcasts import conference_rooms as rooms
from streams.rest.broadcasts import data, measures, streams, subtracks, unsupported

PAGE = "<int:offset>/<int:size>"
ROOM = "conference-rooms/<str:room_id>"

urlpatterns: list[URLPattern] = [
    path("", streams.BroadcastsView.as_view()),
    path("create", streams.CreateView.as_view()),
    path(f"list/{PAGE}", streams.ListView.as_view()),
    path("count", streams.CountView.as_view()),
    path("count/<str:search>", streams.SearchCountView.as_view()),
    path("active-live-stream-count", streams.LiveCountView.as_view()),
    path("total-broadcast-statistics", measures.TotalWatchersView.as_view()),
    path("webrtc-send-low-level-stats", measures.SendStatsView.as_view()),
    path("webrtc-receive-low-level-stats", measures.ReceiveStatsView.as_view()),
    path("conference-rooms", rooms.RoomsView.as_view()),
    path("conference-rooms/", rooms.RoomsView.as_view(schema=None)),
    path(f"conference-rooms/list/{PAGE}", rooms.RoomListView.as_view()),
    path(ROOM, rooms.RoomView.as_view()),
    path(f"{ROOM}/room-info", rooms.RoomInfoView.as_view()),
    path(f"{ROOM}/<str:stream_id>", rooms.RoomStreamView.as_view()),
    path("<str:stream_id>", streams.BroadcastView.as_view()),
    path("<str:stream_id>/stop", streams.StopView.as_view()),
    path("<str:stream_id>/start", unsupported.StartView.as_view()),
    path("<str:stream_id>/data", data.DataView.as_view()),
    path(
        "<str:stream_id>/recording/<str:enabled>", unsupported.RecordingView.as_view()
    ),
    path("<str:stream_id>/endpoint", unsupported.EndpointView.as_view()),
    path("<str:stream_id>/subtrack", subtracks.SubtrackView.as_view()),
    path(f"<str:stream_id>/subtracks/{PAGE}", subtracks.SubtracksView.as_view()),
    path(
        f"<str:stream_id>/active-subtracks/{PAGE}",
        subtracks.ActiveSubtracksView.as_view(),
    ),
    path(
        "<str:stream_id>/active-subtracks-count",
        subtracks.ActiveSubtrackCountView.as_view(),
    ),
    path("<str:stream_id>/broadcast-statistics", measures.WatchersView.as_view()),
    path(
        f"<str:stream_id>/webrtc-client-stats/{PAGE}",
        measures.ClientStatsView.as_view(),
    ),
    path("<str:stream_id>/stream-info", measures.StreamInfoView.as_view()),
]
