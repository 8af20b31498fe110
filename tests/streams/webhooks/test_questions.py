from __future__ import annotations

from streams.webhooks.questions import play_question, publish_question


def test_a_publisher_is_asked_about_with_all_that_it_said() -> None:
    question = publish_question(
        "http://hook",
        "s3cret",
        application="LiveApp",
        stream_id="cam",
        token="t",
        subscriber_id="sub",
        subscriber_code="123456",
        meta_data="m",
        query_params="a=b",
    )

    assert (question.url, question.secret) == ("http://hook", "s3cret")
    assert question.body == {
        "appName": "LiveApp",
        "name": "cam",
        "streamId": "cam",
        "mode": "publish",
        "token": "t",
        "subscriberId": "sub",
        "subscriberCode": "123456",
        "metaData": "m",
        "queryParams": "a=b",
    }


def test_a_viewer_is_asked_about_with_its_page() -> None:
    question = play_question(
        "http://hook",
        "",
        application="LiveApp",
        stream_id="cam",
        origin="https://page",
        token="t",
        subscriber_id="sub",
        subscriber_code="123456",
        meta_data="m",
    )

    assert question.body == {
        "streamId": "cam",
        "mode": "play",
        "appName": "LiveApp",
        "origin": "https://page",
        "token": "t",
        "subscriberCode": "123456",
        "subscriberId": "sub",
        "metaData": "m",
    }


def test_a_question_in_a_log_tells_no_secret() -> None:
    question = publish_question(
        "http://user:pass@hook", "s3cret", application="A", stream_id="cam", token="t0k"
    )

    assert repr(question) == "AuthorisationQuestion('cam')"
