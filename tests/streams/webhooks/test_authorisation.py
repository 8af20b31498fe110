from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator

import pytest

from streams.limited_log import LimitedLog
from streams.webhooks import authorisation, client
from streams.webhooks.authorisation import Asker
from streams.webhooks.questions import AuthorisationQuestion, publish_question
from tests.streams.webhooks import receiver as answers
from tests.streams.webhooks.receiver import Receiver, receiving, status

SECRET = "s3cret"


def question(url: str, secret: str = SECRET) -> AuthorisationQuestion:
    return publish_question(
        url, secret, application="LiveApp", stream_id="cäm", token="t0ken"
    )


@pytest.fixture(autouse=True)
async def _fresh(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    log = LimitedLog(logging.getLogger(authorisation.__name__), interval_s=0)
    monkeypatch.setattr(authorisation, "log", log)
    yield
    await authorisation.close()


async def test_status_200_lets_in(receiver: Receiver) -> None:
    assert await authorisation.ask(question(receiver.url + "/hook?a=b"))

    [request] = receiver.requests
    assert request.line == "POST /hook?a=b HTTP/1.1"
    assert request.headers["content-type"] == "application/json"
    assert request.json()["streamId"] == "cäm"


async def test_the_question_is_signed(receiver: Receiver) -> None:
    await authorisation.ask(question(receiver.url))
    await authorisation.ask(question(receiver.url, secret=""))

    signed, unsigned = receiver.requests
    digest = hmac.new(SECRET.encode(), signed.body, hashlib.sha256).hexdigest()
    assert signed.headers["x-signature-256"] == f"sha256={digest}"
    assert "x-signature-256" not in unsigned.headers


@pytest.mark.parametrize("code", [201, 204, 400, 401, 403, 404, 500, 503])
async def test_any_other_status_refuses(receiver: Receiver, code: int) -> None:
    receiver.answer = status(code, body=b"")

    assert not await authorisation.ask(question(receiver.url))


async def test_a_redirect_refuses_and_is_not_followed(receiver: Receiver) -> None:
    receiver.answer = status(307, f"Location: {receiver.url}/yes")
    receiver.answers["/yes"] = status(200)

    assert not await authorisation.ask(question(receiver.url + "/no"))
    assert [request.path for request in receiver.requests] == ["/no"]


async def test_a_server_that_cuts_off_refuses(receiver: Receiver) -> None:
    receiver.answer = answers.cut_off

    assert not await authorisation.ask(question(receiver.url))


async def test_a_refused_connection_refuses(unused_tcp_port: int) -> None:
    assert not await authorisation.ask(question(f"http://127.0.0.1:{unused_tcp_port}"))


@pytest.mark.parametrize(
    "url",
    ["http://", "http://[", "ftp://127.0.0.1/", "http://a..b/", "http://h:99999/", ""],
)
async def test_an_address_that_is_none_refuses(url: str) -> None:
    assert not await authorisation.ask(question(url))


async def test_connecting_and_reading_may_take_what_the_contract_says() -> None:
    """Contract 7.3."""
    async with client.make_client(1) as made:
        assert (made.timeout.connect, made.timeout.read) == (2.0, 5.0)


async def test_a_server_that_hangs_refuses_when_reading_takes_too_long(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver.answer = answers.hang
    monkeypatch.setattr(client, "READ_S", 0.05)

    assert not await authorisation.ask(question(receiver.url))


@pytest.mark.parametrize("answer", [answers.hang, answers.drip])
async def test_a_slow_server_refuses_in_the_end(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, answer: answers.Answer
) -> None:
    receiver.answer = answer
    monkeypatch.setattr(authorisation, "TOTAL_S", 0.1)

    assert not await authorisation.ask(question(receiver.url))


async def test_an_answer_without_an_end_is_not_read_to_its_end(
    receiver: Receiver,
) -> None:
    receiver.answer = answers.flood

    assert await authorisation.ask(question(receiver.url))


async def test_a_cookie_is_not_given_to_the_next(receiver: Receiver) -> None:
    receiver.answer = status(200, "Set-Cookie: user=alice")

    await authorisation.ask(question(receiver.url))
    await authorisation.ask(question(receiver.url))

    assert "cookie" not in receiver.requests[1].headers
    assert receiver.connections == 1


async def test_the_environment_cannot_send_questions_elsewhere(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{unused_tcp_port}")

    assert await authorisation.ask(question(receiver.url))


async def test_who_gets_no_turn_in_time_is_refused(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorisation, "MAX_IN_FLIGHT", 2)
    receiver.answer = answers.hang
    asker = Asker()
    hanging = [asyncio.create_task(asker.ask(question(receiver.url))) for _ in range(2)]
    await receiver.wait_for(2)
    monkeypatch.setattr(authorisation, "TOTAL_S", 0.05)

    assert not await asker.ask(question(receiver.url))

    assert len(receiver.requests) == 2
    for task in hanging:
        task.cancel()
    await asyncio.gather(*hanging, return_exceptions=True)
    await asker.close()


async def test_an_address_that_hangs_holds_up_no_other(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorisation, "MAX_IN_FLIGHT", 1)
    asker = Asker()
    async with receiving() as hanging:
        hanging.answer = answers.hang
        stuck = asyncio.create_task(asker.ask(question(hanging.url)))
        await hanging.wait_for(1)
        # Shorter than the one that hangs may take.
        monkeypatch.setattr(authorisation, "TOTAL_S", client.READ_S / 2)

        assert await asker.ask(question(receiver.url))

        stuck.cancel()
        await asyncio.gather(stuck, return_exceptions=True)
        await asker.close()


async def test_who_waits_for_a_turn_gets_it(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authorisation, "MAX_IN_FLIGHT", 1)
    asker = Asker()
    try:
        allowed = await asyncio.gather(
            *(asker.ask(question(receiver.url)) for _ in range(3))
        )
    finally:
        await asker.close()

    assert allowed == [True, True, True]


async def test_a_closed_client_is_opened_anew(receiver: Receiver) -> None:
    await authorisation.ask(question(receiver.url))
    await authorisation.close()
    await authorisation.close()

    assert await authorisation.ask(question(receiver.url))
    assert receiver.connections == 2


async def test_a_fault_is_logged_without_what_is_secret(
    unused_tcp_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    await authorisation.ask(
        question(f"http://user:passw0rd@127.0.0.1:{unused_tcp_port}")
    )

    assert "webhook authorisation failed: ConnectError" in caplog.text
    for secret in (SECRET, "t0ken", "passw0rd"):
        assert secret not in caplog.text


async def test_a_success_does_not_log_the_address(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        await authorisation.ask(question(receiver.url + "/?key=passw0rd"))

    assert "passw0rd" not in caplog.text
