"""One-time and room tokens, and hashes (contract 7.4)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.credentials import (
    AccessRules,
    Claim,
    StoredToken,
    TokenUse,
    is_good_hash,
    make_hash,
    use_of_token,
)

NOW_S = 1_700_000_000
PUBLISH = Claim("publish", "stream1")
PLAY = Claim("play", "stream1")
PUBLISH_IN_ROOM = Claim("publish", "stream1", room="room1")
PLAY_IN_ROOM = Claim("play", "stream1", room="room1")
NOT_IN_ROOM = Claim("play", "stream1", room="room1", in_room=False)
PLAY_OF_ROOM = Claim("play", "room1", plays_room=True)
CLAIMS = [PUBLISH, PLAY, PUBLISH_IN_ROOM, PLAY_IN_ROOM, PLAY_OF_ROOM]


def token(stream_id: str, type_: str, room: str = "") -> StoredToken:
    return StoredToken(stream_id, type_, NOW_S + 60, room)


@pytest.mark.parametrize("kind", ["token", "jwt", "totp", "hash"])
def test_each_kind_alone_makes_a_direction_guarded(kind: str) -> None:
    assert AccessRules(**{kind: True}).any_enabled  # type: ignore[arg-type]


def test_no_kind_leaves_a_direction_open() -> None:
    assert not AccessRules(jwt_secret="x", totp_secret="x", hash_secret="x").any_enabled


@pytest.mark.parametrize(
    ("claim", "stored", "use"),
    [
        # Plain: the stream's own token of the right type, used up.
        (PUBLISH, token("stream1", "publish"), TokenUse.ONCE),
        (PLAY, token("stream1", "play"), TokenUse.ONCE),
        (PUBLISH, token("stream1", "publish", "room1"), TokenUse.ONCE),
        (PUBLISH, token("stream1", "play"), TokenUse.REFUSED),
        (PLAY, token("stream1", "publish"), TokenUse.REFUSED),
        (PUBLISH, token("stream2", "publish"), TokenUse.REFUSED),
        (PLAY, token("stream2", "play"), TokenUse.REFUSED),
        (PLAY, token("stream2", "play", "stream1"), TokenUse.REFUSED),
        (PLAY, token("Stream1", "play"), TokenUse.REFUSED),
        (PLAY, token("stream1", "Play"), TokenUse.REFUSED),
        # In a room: a token of the room, by either field, as often as wanted.
        (PUBLISH_IN_ROOM, token("any", "publish", "room1"), TokenUse.REUSABLE),
        (PUBLISH_IN_ROOM, token("room1", "publish"), TokenUse.REUSABLE),
        (PUBLISH_IN_ROOM, token("stream1", "publish"), TokenUse.REFUSED),
        (PUBLISH_IN_ROOM, token("stream1", "publish", "room2"), TokenUse.REFUSED),
        (PUBLISH_IN_ROOM, token("room1", "play"), TokenUse.REFUSED),
        (PUBLISH_IN_ROOM, token("any", "play", "room1"), TokenUse.REFUSED),
        (PLAY_IN_ROOM, token("any", "play", "room1"), TokenUse.REUSABLE),
        (PLAY_IN_ROOM, token("room1", "play"), TokenUse.REUSABLE),
        (PLAY_IN_ROOM, token("any", "publish", "room1"), TokenUse.REUSABLE),
        (PLAY_IN_ROOM, token("room1", "publish"), TokenUse.REUSABLE),
        (PLAY_IN_ROOM, token("stream1", "play"), TokenUse.REFUSED),
        (PLAY_IN_ROOM, token("stream1", "play", "room2"), TokenUse.REFUSED),
        (PLAY_IN_ROOM, token("stream1", "publish"), TokenUse.REFUSED),
        (PLAY_IN_ROOM, token("room1", "PLAY"), TokenUse.REFUSED),
        # What is not in the room that it names needs a token of its own, too.
        (NOT_IN_ROOM, token("any", "play", "room1"), TokenUse.REFUSED),
        (NOT_IN_ROOM, token("room1", "play"), TokenUse.REFUSED),
        (NOT_IN_ROOM, token("room1", "publish"), TokenUse.REFUSED),
        (NOT_IN_ROOM, token("stream1", "play"), TokenUse.REFUSED),
        (NOT_IN_ROOM, token("stream1", "play", "room1"), TokenUse.REUSABLE),
        # The room itself: its play token is used up, tokens of the room are not.
        (PLAY_OF_ROOM, token("room1", "play"), TokenUse.ONCE),
        (PLAY_OF_ROOM, token("room1", "play", "room1"), TokenUse.REUSABLE),
        (PLAY_OF_ROOM, token("any", "play", "room1"), TokenUse.REUSABLE),
        (PLAY_OF_ROOM, token("any", "publish", "room1"), TokenUse.REUSABLE),
        (PLAY_OF_ROOM, token("room1", "publish"), TokenUse.REUSABLE),
        (PLAY_OF_ROOM, token("any", "play", "room2"), TokenUse.REFUSED),
        (PLAY_OF_ROOM, token("any", "admin", "room1"), TokenUse.REFUSED),
        (PLAY_OF_ROOM, token("room2", "publish"), TokenUse.REFUSED),
        (PLAY_OF_ROOM, token("room2", "play"), TokenUse.REFUSED),
        # A room's token is good for the room as a stream only where it is played.
        (
            Claim("publish", "room1", plays_room=True),
            token("any", "play", "room1"),
            TokenUse.REFUSED,
        ),
        (
            replace(PLAY_OF_ROOM, room="room2"),
            token("room1", "play"),
            TokenUse.REFUSED,
        ),
        (Claim("play", "room1"), token("room1", "publish"), TokenUse.REFUSED),
    ],
)
def test_a_token_is_good_for_its_stream_or_room_only(
    claim: Claim, stored: StoredToken, use: TokenUse
) -> None:
    assert use_of_token(claim, stored, NOW_S) is use


@pytest.mark.parametrize("claim", CLAIMS)
def test_no_token_lets_nobody_in(claim: Claim) -> None:
    assert use_of_token(claim, None, NOW_S) is TokenUse.REFUSED


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("over_s", [0, 1, 10**9])
def test_a_token_is_refused_from_its_expiry_on(claim: Claim, over_s: int) -> None:
    name = claim.room or claim.stream_id
    stored = StoredToken(name, claim.role, NOW_S, claim.room)

    assert use_of_token(claim, stored, NOW_S + over_s) is TokenUse.REFUSED
    assert use_of_token(claim, stored, NOW_S - 1) is not TokenUse.REFUSED


NAMES = st.sampled_from(["", "a", "b", "room"])
ROLES = st.sampled_from(["publish", "play"])


@given(
    claim=st.builds(
        Claim, ROLES, NAMES.filter(bool), NAMES, st.booleans(), st.booleans()
    ),
    stored=st.builds(token, NAMES.filter(bool), ROLES, NAMES),
)
def test_what_lets_in_always_names_the_stream_or_its_room(
    claim: Claim, stored: StoredToken
) -> None:
    use = use_of_token(claim, stored, NOW_S)
    if use is TokenUse.REFUSED:
        return
    wanted = claim.room or claim.stream_id
    assert wanted in (stored.stream_id, stored.room)
    if stored.type != claim.role:  # only who may publish into a room may play it
        assert (claim.role, stored.type) == ("play", "publish")
        assert claim.plays_room or claim.room not in ("", claim.stream_id)
    if claim.room and not claim.in_room:
        assert stored.stream_id == claim.stream_id
    if use is TokenUse.ONCE:
        assert stored.stream_id == claim.stream_id
        assert claim.room in ("", claim.stream_id)


HASHES = {
    "publish": "c433279fb6eda928d2a2863dd27503bac9c1b66fe0ccd9f10461214da457db67",
    "play": "bfd3ff6672b9fe053f271c25105b25b5880dea03183be2edf40de20ce8a02614",
}


@pytest.mark.parametrize("type_", ["publish", "play"])
def test_hashes_are_those_of_the_contract(type_: str) -> None:
    assert make_hash("stream1", type_, "testtest") == HASHES[type_]
    assert is_good_hash(Claim(type_, "stream1", token=HASHES[type_]), "testtest")


GOOD_HASH = HASHES["play"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        HASHES["publish"],
        GOOD_HASH[:-1],
        GOOD_HASH + "0",
        GOOD_HASH + " ",
        GOOD_HASH + "\0",
        GOOD_HASH.upper(),
        "é" * 64,
        "\ud800" * 64,
        "\uff42" + GOOD_HASH[1:],  # a full-width b
    ],
)
def test_it_refuses_what_is_not_the_hash(text: str) -> None:
    assert not is_good_hash(replace(PLAY, token=text), "testtest")


@pytest.mark.parametrize(
    ("stream_id", "secret"), [("stream2", "testtest"), ("stream1", "testtesT")]
)
def test_it_refuses_a_hash_of_something_else(stream_id: str, secret: str) -> None:
    assert not is_good_hash(Claim("play", stream_id, token=GOOD_HASH), secret)


def test_without_a_secret_no_hash_is_good() -> None:
    made = make_hash("stream1", "play", "")

    assert not is_good_hash(replace(PLAY, token=made), "")


ANY_TEXT = st.text(st.characters())  # with lone surrogates, as JSON can carry


@given(text=ANY_TEXT, stream_id=ANY_TEXT, secret=st.text(min_size=1))
def test_only_the_hash_itself_is_good(text: str, stream_id: str, secret: str) -> None:
    claim = Claim("play", stream_id, token=text)
    made = make_hash(stream_id, "play", secret)

    assert is_good_hash(claim, secret) is (text == made)
    assert is_good_hash(replace(claim, token=made), secret)
