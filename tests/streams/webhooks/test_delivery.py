from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.db import OperationalError

from streams.limited_log import LimitedLog
from streams.models import Application, WebhookDelivery
from streams.services import webhooks
from streams.signals import deliveries_wanted
from streams.webhooks import delivery
from streams.webhooks.delivery import DeliveryWorker, wire_body
from tests.streams.conftest import TurnableClock
from tests.streams.webhooks import receiver as answers
from tests.streams.webhooks.receiver import Receiver, Request, receiving, status

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "s3cret"
Put = Callable[..., Awaitable[int]]


@pytest.fixture
async def worker(
    clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[DeliveryWorker]:
    """Not started: tests have it look."""
    log = LimitedLog(logging.getLogger(delivery.__name__), interval_s=0)
    monkeypatch.setattr(delivery, "log", log)
    running = DeliveryWorker(clock, jitter=lambda: 1.0)
    yield running
    await running.stop()


@pytest.fixture
def put(clock: TurnableClock) -> Put:
    """Writes a row that is due."""

    def write(url: str, fields: dict[str, Any]) -> int:
        application, _ = Application.objects.get_or_create(
            name="LiveApp", defaults={"webhook_secret": SECRET}
        )
        row = WebhookDelivery.objects.create(
            **{
                "application": application,
                "url": url,
                "action": "liveStreamStarted",
                "stream_id": "cam",
                "body": {"id": "cäm", "timestamp": "1"},
                "created_at": clock.now,
                "next_try_at": clock.now,
                **fields,
            }
        )
        return row.pk

    async def call(url: str, **fields: Any) -> int:
        pk: int = await database_sync_to_async(write)(url, fields)
        return pk

    return call


async def get(pk: int) -> WebhookDelivery:
    row: WebhookDelivery = await database_sync_to_async(WebhookDelivery.objects.get)(
        pk=pk
    )
    return row


async def look(worker: DeliveryWorker) -> None:
    await worker.look()
    await worker.join()


def ids(receiver: Receiver) -> list[int]:
    return [int(request.headers["x-webhook-id"]) for request in receiver.requests]


async def test_what_is_due_is_posted_and_done(
    worker: DeliveryWorker, put: Put, receiver: Receiver, clock: TurnableClock
) -> None:
    pk = await put(receiver.url + "/hook")
    await look(worker)

    [request] = receiver.requests
    assert request.line == "POST /hook HTTP/1.1"
    assert request.json() == {"id": "cäm", "timestamp": "1"}
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("antmedia-site")
    assert request.headers["x-webhook-id"] == str(pk)
    row = await get(pk)
    assert (row.state, row.attempts, row.delivered_at) == ("delivered", 1, clock.now)

    await look(worker)
    assert len(receiver.requests) == 1


async def test_it_is_signed_with_the_secret_of_its_application(
    worker: DeliveryWorker, put: Put, receiver: Receiver
) -> None:
    def make(name: str, secret: str) -> Application:
        return Application.objects.create(name=name, webhook_secret=secret)

    signed = await database_sync_to_async(make)("Signed", "schlüssel")
    unsigned = await database_sync_to_async(make)("Unsigned", "")
    await put(receiver.url, application=signed)
    await put(receiver.url, application=unsigned)
    await look(worker)

    first, second = receiver.requests
    digest = hmac.new("schlüssel".encode(), first.body, hashlib.sha256).hexdigest()
    assert first.headers["x-signature-256"] == f"sha256={digest}"
    assert "x-signature-256" not in second.headers


@pytest.mark.parametrize("code", [200, 201, 204])
async def test_any_status_of_success_is_taken(
    worker: DeliveryWorker, put: Put, receiver: Receiver, code: int
) -> None:
    receiver.answer = status(code, body=b"")
    pk = await put(receiver.url)
    await look(worker)

    assert (await get(pk)).state == "delivered"


@pytest.mark.parametrize("code", [301, 302, 307, 400, 404, 429, 500, 503])
async def test_any_other_status_is_tried_again_later(
    worker: DeliveryWorker,
    put: Put,
    receiver: Receiver,
    clock: TurnableClock,
    code: int,
) -> None:
    receiver.answer = status(code, f"Location: {receiver.url}/other")
    pk = await put(receiver.url + "/hook")
    await look(worker)

    assert [request.path for request in receiver.requests] == ["/hook"]
    row = await get(pk)
    assert (row.state, row.attempts) == ("waiting", 1)
    assert row.last_error == f"status {code}"
    assert row.next_try_at == clock.now + timedelta(seconds=5)

    await look(worker)
    assert len(receiver.requests) == 1
    receiver.answer = status(200)
    clock.turn(seconds=5)
    await look(worker)

    assert ids(receiver) == [pk, pk]
    row = await get(pk)
    assert (row.state, row.attempts, row.last_error) == ("delivered", 2, "")


async def test_it_is_given_up_after_ten_attempts(
    worker: DeliveryWorker, put: Put, receiver: Receiver, clock: TurnableClock
) -> None:
    receiver.answer = status(500, body=b"a secret of the receiver")
    pk = await put(receiver.url)
    for _ in range(12):
        await look(worker)
        clock.turn(minutes=31)

    assert len(receiver.requests) == 10
    row = await get(pk)
    assert (row.state, row.attempts, row.last_error) == ("failed", 10, "status 500")


async def test_no_answer_is_tried_again_and_says_no_secret(
    worker: DeliveryWorker,
    put: Put,
    unused_tcp_port: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pk = await put(f"http://user:passw0rd@127.0.0.1:{unused_tcp_port}/?key=passw0rd")
    with caplog.at_level(logging.INFO):
        await look(worker)

    row = await get(pk)
    assert (row.state, row.attempts) == ("waiting", 1)
    assert row.last_error == "ConnectError"
    for secret in (SECRET, "passw0rd"):
        assert secret not in caplog.text


@pytest.mark.parametrize("answer", [answers.hang, answers.drip])
async def test_an_address_that_takes_too_long_is_tried_again(
    worker: DeliveryWorker,
    put: Put,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    answer: answers.Answer,
) -> None:
    monkeypatch.setattr(delivery, "TOTAL_S", 0.1)
    receiver.answer = answer
    pk = await put(receiver.url)
    await look(worker)

    row = await get(pk)
    assert (row.state, row.last_error) == ("waiting", "took too long")


async def test_an_address_that_hangs_holds_up_no_other(
    worker: DeliveryWorker, put: Put, receiver: Receiver
) -> None:
    receiver.answers["/hangs"] = answers.hang
    hanging = [await put(receiver.url + "/hangs") for _ in range(3)]
    other = await put(receiver.url + "/other")
    await worker.look()
    await receiver.wait_for(2)
    later = await put(receiver.url + "/later")
    await worker.look()
    await receiver.wait_for(3)

    assert sorted(ids(receiver)) == [hanging[0], other, later]


async def test_events_of_an_address_come_in_their_order(
    worker: DeliveryWorker, put: Put, receiver: Receiver, clock: TurnableClock
) -> None:
    receiver.answers["/b"] = status(500)
    first = [await put(receiver.url + "/a") for _ in range(5)]
    await put(receiver.url + "/b")
    await look(worker)

    assert [pk for pk in ids(receiver) if pk in first] == first


async def test_one_that_is_not_taken_does_not_hold_up_those_behind_it(
    worker: DeliveryWorker, put: Put, receiver: Receiver
) -> None:
    bad = await put(receiver.url, body={"id": "bad"})
    good = await put(receiver.url, body={"id": "good"})

    async def choosy(request: Request, writer: asyncio.StreamWriter) -> None:
        code = 400 if request.json()["id"] == "bad" else 200
        await status(code)(request, writer)

    receiver.answer = choosy
    await look(worker)

    assert (await get(bad)).state == "waiting"
    assert (await get(good)).state == "delivered"


async def test_an_address_that_does_not_answer_is_left_alone_for_a_while(
    put: Put, receiver: Receiver, clock: TurnableClock
) -> None:
    now_s = [0.0]
    worker = DeliveryWorker(clock, monotonic=lambda: now_s[0])
    receiver.answer = answers.cut_off
    pks = [await put(receiver.url) for _ in range(3)]
    await look(worker)
    now_s[0] = 4.9
    await look(worker)
    assert ids(receiver) == pks[:1]
    assert (await get(pks[1])).attempts == 0

    now_s[0] = 5.0
    receiver.answer = status(200)
    await look(worker)
    await worker.stop()

    assert ids(receiver) == pks


async def test_at_most_eight_are_posted_at_once(
    worker: DeliveryWorker, put: Put, receiver: Receiver
) -> None:
    release = asyncio.Event()

    async def wait(request: Request, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        await status(200)(request, writer)

    receiver.answer = wait
    for number in range(10):
        await put(f"{receiver.url}/{number}")
    await worker.look()
    await receiver.wait_for(8)
    await worker.look()
    assert len(receiver.requests) == 8

    release.set()
    await worker.join()
    await look(worker)
    assert len(receiver.requests) == 10


async def test_two_processes_post_an_event_once(
    worker: DeliveryWorker, put: Put, receiver: Receiver, clock: TurnableClock
) -> None:
    other = DeliveryWorker(clock)
    for number in range(8):
        await put(f"{receiver.url}/{number}")

    await asyncio.gather(worker.look(), other.look())
    await asyncio.gather(worker.join(), other.join())
    await other.stop()

    assert len(set(ids(receiver))) == len(receiver.requests) == 8


async def test_an_event_of_a_process_that_died_is_posted_by_another(
    worker: DeliveryWorker, put: Put, receiver: Receiver, clock: TurnableClock
) -> None:
    pk = await put(receiver.url)
    receiver.answer = answers.hang
    dying = DeliveryWorker(clock)
    await dying.look()
    await receiver.wait_for(1)
    await dying.stop()
    receiver.answer = status(200)

    await look(worker)
    assert len(receiver.requests) == 1
    clock.turn(seconds=60)
    await look(worker)

    assert ids(receiver) == [pk, pk]
    assert (await get(pk)).state == "delivered"


async def test_a_started_worker_is_woken_by_the_signal(
    put: Put, receiver: Receiver, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "IDLE_S", 3600.0)
    worker = DeliveryWorker(clock)
    worker.start()
    worker.start()
    await put(receiver.url)

    # From another thread, as services send it.
    await asyncio.to_thread(deliveries_wanted.send, sender=WebhookDelivery)
    await receiver.wait_for(1)
    await worker.stop()
    await worker.stop()

    assert not [task for task in asyncio.all_tasks() if "webhook" in task.get_name()]
    worker.wake()


async def test_a_started_worker_looks_by_itself_and_when_a_lane_is_free(
    put: Put, receiver: Receiver, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        await put(f"{receiver.url}/{number}")
    worker = DeliveryWorker(clock)
    worker.start()

    await receiver.wait_for(20)
    await worker.stop()


async def test_a_started_worker_tidies_the_outbox(
    put: Put, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tidied = asyncio.Event()
    loop = asyncio.get_running_loop()

    def tidy(_: object) -> None:
        loop.call_soon_threadsafe(tidied.set)

    monkeypatch.setattr(webhooks, "tidy_deliveries", tidy)
    worker = DeliveryWorker(clock)
    worker.start()
    await tidied.wait()
    await worker.stop()


@pytest.mark.parametrize("fault", [OperationalError("gone"), RuntimeError("bug")])
async def test_a_fault_ends_neither_the_worker_nor_a_lane_for_good(
    put: Put,
    receiver: Receiver,
    clock: TurnableClock,
    monkeypatch: pytest.MonkeyPatch,
    fault: Exception,
) -> None:
    monkeypatch.setattr(delivery, "IDLE_S", 0.01)
    monkeypatch.setattr(delivery, "PAUSE_S", 0.01)
    pk = await put(receiver.url)
    faults = {"due_deliveries": 2, "claim_delivery": 2}

    def faulty(name: str) -> Callable[..., Any]:
        service = getattr(webhooks, name)

        def call(*args: Any) -> Any:
            if faults[name]:
                faults[name] -= 1
                raise fault
            return service(*args)

        return call

    for name in faults:
        monkeypatch.setattr(webhooks, name, faulty(name))
    worker = DeliveryWorker(clock)
    worker.start()

    await receiver.wait_for(1)
    await worker.join()
    await worker.stop()

    assert faults == {"due_deliveries": 0, "claim_delivery": 0}
    assert (await get(pk)).state == "delivered"


async def test_a_receiver_that_comes_back_gets_what_waited(
    worker: DeliveryWorker, put: Put, clock: TurnableClock
) -> None:
    async with receiving() as gone:
        url = gone.url
    pk = await put(url)
    await look(worker)
    assert (await get(pk)).last_error == "ConnectError"


# metadata


@pytest.mark.parametrize(
    ("text", "posted"),
    [
        ('{"a": [1, "x"]}', {"a": [1, "x"]}),
        ("free text", "free text"),
        ("[1]", "[1]"),
        ("{not json", "{not json"),
        ('{"a": NaN}', '{"a": NaN}'),
        ('{"a": 1e999}', '{"a": 1e999}'),
        ('{"a":' * 20_000, '{"a":' * 20_000),
        ('{"a":' * 20_000 + "1" + "}" * 20_000,) * 2,
        ('{"a": "\\u0000\\ud800"}', {"a": "\x00\ud800"}),
    ],
)
def test_metadata_that_is_an_object_is_posted_as_one(text: str, posted: object) -> None:
    body = {"id": "cam", "metadata": text}

    assert wire_body(body) == {"id": "cam", "metadata": posted}
    assert body["metadata"] == text


def test_a_body_without_metadata_is_posted_as_it_is() -> None:
    assert wire_body({"id": "cam"}) == {"id": "cam"}
