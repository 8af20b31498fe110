"""Lists and counts of broadcasts by REST (contract 8, 12)."""

from __future__ import annotations

import pytest

from streams.clock import now_ms
from streams.models import Application, Broadcast
from streams.rest.broadcasts.parameters import FIXED_PATHS
from streams.rest.broadcasts.urls import urlpatterns
from streams.services import SocketInfo
from tests.streams.conftest import Publish, at_most
from tests.streams.rest.conftest import Caller


@pytest.fixture
def four(application: Application) -> None:
    """In the order of registration: c, a, d, b."""
    rows = [
        ("c", "Delta", 30, "finished", "liveStream"),
        ("a", "alpha 100%", 10, "created", "liveStream"),
        ("d", "Charlie", 40, "broadcasting", "VoD"),
        ("b", "Bravo", 20, "broadcasting", "liveStream"),
    ]
    for stream_id, name, date, status, kind in rows:
        Broadcast.objects.create(
            application=application,
            stream_id=stream_id,
            name=name,
            description=f"about {stream_id}x",
            date=date,
            status=status,
            type=kind,
            # d was not heard of for long, so it reads as terminated.
            update_time=now_ms() if stream_id == "b" else 1,
        )


def ids(caller: Caller, path: str) -> str:
    response = caller.get(f"broadcasts/list/{path}")
    assert response.status_code == 200
    return "".join(shown["streamId"] for shown in response.json())


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("", "cadb"),
        ("?sort_by=&order_by=&search=&type_by=", "cadb"),
        ("?order_by=desc", "bdac"),
        ("?sort_by=date", "abcd"),
        ("?sort_by=date&order_by=asc", "abcd"),
        ("?sort_by=date&order_by=desc", "dcba"),
        ("?sort_by=status", "bacd"),
        ("?sort_by=status&order_by=desc", "dcab"),
        ("?sort_by=unheardOf", "cadb"),
        ("?sort_by=pk__application__name", "cadb"),
        ("?type_by=VoD", "d"),
        ("?type_by=liveStream&sort_by=date", "abc"),
        ("?type_by=unheardOf", ""),
        ("?search=ALPHA", "a"),
        ("?search=about", "cadb"),
        ("?search=BX", "b"),
        ("?search=c", "cd"),
        ("?search=%25", "a"),
        ("?search=_", ""),
        ("?search=nothing", ""),
    ],
)
def test_it_lists_what_is_asked_for_in_that_order(
    reader: Caller, query: str, order: str
) -> None:
    assert ids(reader, f"0/10{query}") == order


@pytest.mark.usefixtures("four")
def test_it_sorts_by_name(reader: Caller) -> None:
    names = [
        shown["name"]
        for shown in reader.get("broadcasts/list/0/10?sort_by=name").json()
    ]

    assert names == sorted(names)


@pytest.mark.usefixtures("four")
def test_pages_follow_one_another(reader: Caller) -> None:
    assert ids(reader, "0/2?sort_by=date") == "ab"
    assert ids(reader, "2/2?sort_by=date") == "cd"
    assert ids(reader, "4/2?sort_by=date") == ""
    assert ids(reader, f"{10**30}/2") == ""


def test_a_page_has_fifty_rows_unless_more_is_asked_and_never_over_250(
    reader: Caller, application: Application
) -> None:
    Broadcast.objects.bulk_create(
        Broadcast(application=application, stream_id=f"s{number}")
        for number in range(260)
    )

    sizes = [
        len(reader.get(f"broadcasts/list/0/{size}").json()) for size in (0, 60, 9999)
    ]

    assert sizes == [50, 60, 250]


@pytest.mark.parametrize("page", ["-1/5", "0/-5", "a/b", "0/1.5", "0"])
def test_a_page_is_two_numbers(reader: Caller, page: str) -> None:
    assert reader.get(f"broadcasts/list/{page}").status_code == 404


def test_a_list_costs_the_same_however_long_it_is(
    reader: Caller, live: Publish, alice: SocketInfo, application: Application
) -> None:
    for number in range(50):
        live(alice, f"s{number}", main_track="a-room" if number else "")

    with at_most(5):  # the application, the key and its use, rows, subtracks
        shown = reader.get("broadcasts/list/0/51?sort_by=name").json()

    assert len(shown) == 51
    (room,) = [row for row in shown if row["streamId"] == "a-room"]
    assert len(room["subTrackStreamIds"]) == 49


def test_a_list_is_of_one_application(reader: Caller, application: Application) -> None:
    other = Application.objects.get(name="WebRTCAppEE")
    Broadcast.objects.create(application=other, stream_id="cam")
    Broadcast.objects.create(
        application=other, stream_id="sub", main_track_stream_id="mine"
    )
    Broadcast.objects.create(application=application, stream_id="mine")

    shown = reader.get("broadcasts/list/0/10").json()

    assert [row["streamId"] for row in shown] == ["mine"]
    assert shown[0]["subTrackStreamIds"] == []
    assert reader.get("broadcasts/count").json() == {"number": 1}


@pytest.mark.usefixtures("four")
def test_it_counts_streams_and_what_a_search_finds(reader: Caller) -> None:
    assert reader.get("broadcasts/count").json() == {"number": 4}
    assert reader.get("broadcasts/count/BRAVO").json() == {"number": 1}
    assert reader.get("broadcasts/count/about%20").json() == {"number": 4}
    assert reader.get("broadcasts/count/nothing").json() == {"number": 0}


def test_a_search_with_what_no_database_stores_is_refused(reader: Caller) -> None:
    assert reader.get("broadcasts/list/0/10?search=%00").status_code == 400
    assert reader.get("broadcasts/count/%00").status_code == 400


def test_it_counts_the_streams_that_are_live(
    reader: Caller,
    publish: Publish,
    live: Publish,
    alice: SocketInfo,
    application: Application,
) -> None:
    Broadcast.objects.create(
        application=application, stream_id="stale", status="broadcasting"
    )
    live(alice)
    live(alice, "two")
    publish(alice, "connecting")

    count = reader.get("broadcasts/active-live-stream-count").json()

    assert count == {"number": 2}


@pytest.mark.parametrize(
    "fixed",
    [
        "count",
        "active-live-stream-count",
        "total-broadcast-statistics",
        "webrtc-send-low-level-stats",
        "webrtc-receive-low-level-stats",
    ],
)
def test_a_fixed_path_is_not_taken_for_a_stream_of_that_id(
    reader: Caller, application: Application, fixed: str
) -> None:
    Broadcast.objects.create(application=application, stream_id=fixed)

    shown = reader.get(f"broadcasts/{fixed}").json()

    assert "streamId" not in shown


def test_no_fixed_path_is_shown_as_the_id_of_a_stream() -> None:
    """The document knows them all."""
    first = {str(route.pattern).partition("/")[0] for route in urlpatterns}
    fixed = {segment for segment in first if segment and "<" not in segment}

    assert fixed - {"list"} == {*FIXED_PATHS} - {"validate-token"}


def test_a_stream_with_the_name_of_a_fixed_path_has_its_longer_paths(
    writer: Caller, application: Application
) -> None:
    Broadcast.objects.create(application=application, stream_id="create")

    info = writer.get("broadcasts/create/stream-info")
    counted = writer.get("broadcasts/count/stream-info")
    deleted = writer.delete("broadcasts/?ids=create")

    assert info.json() == []
    assert counted.json() == {"number": 0}
    assert deleted.json()["success"] is True
