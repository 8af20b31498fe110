"""The operator's webhook is asked between the policy's two looks."""

from __future__ import annotations

import asyncio

import pytest

from relay import control
from signalling import session
from streams.models import Application
from streams.webhooks import authorisation
from streams.webhooks.questions import AuthorisationQuestion
from tests.signalling.conftest import (
    Client,
    FakeLink,
    Open,
    change_application,
    rows,
    until,
)


class Operator:
    """Answers as told, and remembers the questions."""

    def __init__(self, *, allows: bool) -> None:
        self.allows = allows
        self.asked: list[AuthorisationQuestion] = []

    async def ask(self, question: AuthorisationQuestion) -> bool:
        self.asked.append(question)
        assert await rows() == []  # nobody has the id meanwhile
        return self.allows


@pytest.fixture(params=[True, False], ids=["allows", "refuses"])
def operator(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Operator:
    answering = Operator(allows=request.param)
    monkeypatch.setattr(authorisation, "ask", answering.ask)
    return answering


async def test_a_publisher_gets_in_if_the_webhook_allows_it(
    client: Client, operator: Operator
) -> None:
    await change_application(publish_webhook_url="https://example.org/")

    answer = await client.ask("publish", "s1", token="ticket")

    (question,) = operator.asked
    assert question.body["token"] == "ticket"
    if operator.allows:
        assert answer["command"] == "start"
        assert len(await rows()) == 1
    else:
        assert answer == {
            "command": "error",
            "definition": "unauthorized_access",
            "streamId": "s1",
        }
        assert await rows() == []


async def test_a_viewer_gets_in_if_the_webhook_allows_it(
    open_socket: Open, client: Client, link: FakeLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    await client.publish()
    await change_application(play_webhook_url="https://example.org/")
    asked: list[AuthorisationQuestion] = []
    answers = iter([False, True])

    async def ask(question: AuthorisationQuestion) -> bool:
        asked.append(question)
        return next(answers)

    monkeypatch.setattr(authorisation, "ask", ask)
    viewer = await open_socket()

    refused = await viewer.ask("play", "s1")
    assert refused["definition"] == "unauthorized_access"
    await viewer.say("play", "s1")
    await until(lambda: isinstance(link.commands[-1], control.CreateOffer))
    assert [question.body["mode"] for question in asked] == ["play", "play"]


async def test_the_webhook_is_not_asked_about_a_stream_that_is_not_there(
    client: Client, operator: Operator
) -> None:
    await change_application(play_webhook_url="https://example.org/")

    assert (await client.ask("play", "s1"))["definition"] == "no_stream_exist"
    assert operator.asked == []


async def test_without_a_webhook_nobody_is_asked(
    client: Client, operator: Operator
) -> None:
    await client.prepare_publish()

    assert operator.asked == []


async def test_the_webhook_hears_of_address_and_page(
    open_socket: Open, operator: Operator
) -> None:
    await change_application(publish_webhook_url="https://example.org/")
    client = await open_socket("/LiveApp/websocket?target=origin&a=%2F")

    await client.ask("publish", "s1")

    assert operator.asked[0].body["queryParams"] == "target=origin&a=%2F"


class SlowOperator:
    """Answers when told to; says whether a question was given up."""

    def __init__(self) -> None:
        self.questions: list[asyncio.Future[bool]] = []

    async def ask(self, question: AuthorisationQuestion) -> bool:
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.questions.append(answer)
        return await answer


@pytest.fixture
async def slow(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> SlowOperator:
    await change_application(publish_webhook_url="https://example.org/")
    answering = SlowOperator()
    monkeypatch.setattr(authorisation, "ask", answering.ask)
    return answering


async def ask_to_publish(
    client: Client, slow: SlowOperator, stream_id: str = "s1"
) -> asyncio.Future[bool]:
    """The webhook has been asked, and not answered."""
    asked = len(slow.questions)
    await client.say("publish", stream_id)
    await until(lambda: len(slow.questions) > asked)
    return slow.questions[-1]


async def test_the_socket_s_other_commands_do_not_wait(
    client: Client, slow: SlowOperator
) -> None:
    first = await ask_to_publish(client, slow)
    await client.expect_silence()  # a ping is answered
    second = await ask_to_publish(client, slow, "s2")

    second.set_result(True)
    assert (await client.hear())["streamId"] == "s2"
    first.set_result(True)
    assert (await client.hear())["streamId"] == "s1"


async def test_what_is_stopped_meanwhile_gets_no_answer(
    client: Client, slow: SlowOperator
) -> None:
    asked = await ask_to_publish(client, slow)

    await client.say("stop", "s1")
    await until(asked.cancelled)

    await client.expect_silence()
    assert await rows() == []


async def test_what_is_said_again_is_asked_anew(
    client: Client, slow: SlowOperator
) -> None:
    first = await ask_to_publish(client, slow)
    second = await ask_to_publish(client, slow)

    assert first.cancelled()
    second.set_result(True)
    assert (await client.hear())["command"] == "start"
    await client.expect_silence()


async def test_a_question_ends_with_its_socket(
    client: Client, slow: SlowOperator
) -> None:
    asked = await ask_to_publish(client, slow)

    await client.disconnect()

    assert asked.cancelled()
    assert await rows() == []


async def test_questions_count_among_what_a_socket_may_have_going_on(
    client: Client, slow: SlowOperator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MAX_SESSIONS", 1)
    await ask_to_publish(client, slow)

    answer = await client.ask("publish", "s2")

    assert answer["definition"] == "highResourceUsage"


async def test_a_question_that_fails_is_a_no_and_leaves_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When no file is left to open, say: the client must not wait for ever."""
    monkeypatch.setattr(session, "MAX_SESSIONS", 1)
    await change_application(publish_webhook_url="https://example.org/")

    async def fail(question: AuthorisationQuestion) -> bool:
        raise OSError("too many open files")

    monkeypatch.setattr(authorisation, "ask", fail)

    for stream_id in ("s1", "s2"):
        answer = await client.ask("publish", stream_id)
        assert answer["definition"] == "unauthorized_access"


async def test_who_leaves_a_room_does_not_wait_to_publish_there(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await change_application(publish_webhook_url="https://example.org/")
    asked, given_up = asyncio.Event(), asyncio.Event()

    async def ask(_: AuthorisationQuestion) -> bool:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()
        return True

    monkeypatch.setattr(authorisation, "ask", ask)
    await client.ask("joinRoom", "s1", room="hall")
    await client.say("publish", "s1")
    await asyncio.wait_for(asked.wait(), 10)

    answer = await client.ask("leaveFromRoom", "s1", room="hall")

    assert answer["definition"] == "leavedFromRoom"
    await asyncio.wait_for(given_up.wait(), 10)
