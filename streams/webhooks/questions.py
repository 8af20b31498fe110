"""What an operator's server is asked before somebody is let in (contract 7.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AuthorisationQuestion:
    """To be posted to `url` as JSON, signed with `secret` unless that is empty."""

    url: str
    secret: str
    body: Mapping[str, str]

    def __repr__(self) -> str:
        """Neither secrets nor what the client presented get into a log this way."""
        return f"AuthorisationQuestion({self.body.get('streamId')!r})"


def publish_question(
    url: str,
    secret: str,
    *,
    application: str,
    stream_id: str,
    token: str = "",
    subscriber_id: str = "",
    subscriber_code: str = "",
    meta_data: str = "",
    query_params: str = "",
) -> AuthorisationQuestion:
    """Whether a publisher is let in. What the client did not say is empty.

    `name` is the stream id once more, as receivers of earlier releases expect.
    """
    body = {
        "appName": application,
        "name": stream_id,
        "streamId": stream_id,
        "mode": "publish",
        "token": token,
        "subscriberId": subscriber_id,
        "subscriberCode": subscriber_code,
        "metaData": meta_data,
        "queryParams": query_params,
    }
    return AuthorisationQuestion(url, secret, body)


def play_question(
    url: str,
    secret: str,
    *,
    application: str,
    stream_id: str,
    origin: str = "",
    token: str = "",
    subscriber_id: str = "",
    subscriber_code: str = "",
    meta_data: str = "",
) -> AuthorisationQuestion:
    """Whether a viewer is let in. `origin`: the page's, as its browser sent it."""
    body = {
        "streamId": stream_id,
        "mode": "play",
        "appName": application,
        "origin": origin,
        "token": token,
        "subscriberCode": subscriber_code,
        "subscriberId": subscriber_id,
        "metaData": meta_data,
    }
    return AuthorisationQuestion(url, secret, body)
