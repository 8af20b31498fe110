"""JSON web tokens for streams (contract 7.4)."""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import replace
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.credentials import Claim, is_good_jwt, make_jwt

NOW_S = 1_700_000_000
SECRET = "0123456789abcdef0123456789abcdef"
PLAY = Claim("play", "stream1")
CLAIMS = {"streamId": "stream1", "type": "play", "exp": NOW_S + 60}


def encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def signed(
    payload: Any = CLAIMS,
    header: Any = {"alg": "HS256", "typ": "JWT"},  # noqa: B006
    *,
    secret: str = SECRET,
    digest: str = "sha256",
) -> str:
    """Made by hand: a library would not make the bad ones."""
    parts = [
        encode(part if isinstance(part, bytes) else json.dumps(part).encode())
        for part in (header, payload)
    ]
    text = ".".join(parts)
    signature = hmac.new(secret.encode(), text.encode(), digest).digest()
    return f"{text}.{encode(signature)}"


def is_good(text: str, claim: Claim = PLAY, secret: str = SECRET) -> bool:
    return is_good_jwt(replace(claim, token=text), secret, NOW_S)


def test_it_accepts_a_signed_token_of_the_stream() -> None:
    assert is_good(signed())


def test_it_accepts_its_own_for_stream_type_and_room() -> None:
    made = make_jwt(SECRET, "stream1", "play", NOW_S + 60)
    in_room = make_jwt(SECRET, "any", "publish", NOW_S + 60, "room1")

    assert is_good(made)
    assert is_good(in_room, Claim("publish", "stream1", room="room1"))
    assert jwt.decode(in_room, SECRET, ["HS256"], {"verify_exp": False}) == {
        "streamId": "any",
        "type": "publish",
        "exp": NOW_S + 60,
        "roomId": "room1",
    }


def test_it_makes_none_with_a_short_key() -> None:
    make_jwt("x" * 32, "stream1", "play", NOW_S)
    with pytest.raises(ValueError, match="fewer than 32"):
        make_jwt("x" * 31, "stream1", "play", NOW_S)


def test_it_makes_none_with_a_public_key() -> None:
    with pytest.raises(ValueError, match="key"):
        make_jwt("ssh-rsa " + "A" * 64, "stream1", "play", NOW_S)


def test_a_short_key_still_checks_what_others_made() -> None:
    assert is_good(signed(secret="short"), secret="short")
    assert not is_good(signed(secret="short"), secret="shorter")


def test_a_key_longer_than_the_hash_block_is_used_whole() -> None:
    assert is_good(signed(secret="x" * 200), secret="x" * 200)
    assert not is_good(signed(secret="x" * 200), secret="x" * 64)


@pytest.mark.parametrize(
    ("claim", "change", "good"),
    [
        (PLAY, {"streamId": "stream2"}, False),
        (PLAY, {"type": "publish"}, False),
        (PLAY, {"type": "Play"}, False),
        (Claim("publish", "stream1"), {}, False),
        (Claim("publish", "stream1"), {"type": "publish"}, True),
        (PLAY, {"roomId": "room1"}, True),
        (replace(PLAY, room="room1"), {}, False),
        (replace(PLAY, room="room1"), {"roomId": "room1"}, True),
        (replace(PLAY, room="room1"), {"roomId": "room2"}, False),
        (replace(PLAY, room="room1"), {"streamId": "room1"}, True),
        (
            replace(PLAY, room="room1"),
            {"streamId": "room1", "type": "publish"},
            True,
        ),
        (
            Claim("publish", "stream1", room="room1"),
            {"streamId": "room1"},
            False,
        ),
        (
            Claim("play", "room1", plays_room=True),
            {"streamId": "room1", "type": "publish"},
            True,
        ),
        (Claim("play", "room1"), {"streamId": "room1", "type": "publish"}, False),
    ],
)
def test_it_is_good_for_its_stream_or_room_only(
    claim: Claim, change: dict[str, Any], good: bool
) -> None:
    assert is_good(signed({**CLAIMS, **change}), claim) is good


@pytest.mark.parametrize(
    ("name", "value", "good"),
    [
        ("exp", NOW_S + 1, True),
        ("exp", NOW_S, False),
        ("exp", NOW_S - 1, False),
        ("exp", -1, False),
        ("exp", 0, False),
        ("exp", 10**30, True),
        ("exp", True, False),
        ("exp", None, False),
        ("exp", str(NOW_S + 60), False),
        ("exp", NOW_S + 60.5, False),
        ("exp", float("inf"), False),
        ("exp", float("nan"), False),
        ("exp", [NOW_S + 60], False),
        ("nbf", NOW_S, True),
        ("nbf", NOW_S + 1, False),
        ("nbf", "0", False),
        ("nbf", None, False),
        ("iat", NOW_S, True),
        ("iat", NOW_S + 1, False),
        ("iat", False, False),
        ("streamId", 1, False),
        ("streamId", None, False),
        ("streamId", ["stream1"], False),
        ("type", ["play"], False),
        ("roomId", None, False),
        ("roomId", 1, False),
        ("aud", "somebody", True),
        ("iss", "anybody", True),
        ("sub", 1, True),
    ],
)
def test_each_claim_has_its_type_and_time(name: str, value: Any, good: bool) -> None:
    assert is_good(signed({**CLAIMS, name: value})) is good


@pytest.mark.parametrize("name", ["streamId", "type", "exp"])
def test_it_refuses_a_token_without(name: str) -> None:
    claims = {key: value for key, value in CLAIMS.items() if key != name}

    assert not is_good(signed(claims))


def test_a_clock_step_back_makes_an_expired_one_good_again() -> None:
    """Only the clock given decides: no other is looked at."""
    claim = replace(PLAY, token=signed())

    assert not is_good_jwt(claim, SECRET, NOW_S + 60)
    assert is_good_jwt(claim, SECRET, NOW_S + 59)
    assert not is_good_jwt(claim, SECRET, 2**40)
    assert is_good_jwt(claim, SECRET, 0)


HEADERS: list[Any] = [
    {"alg": "none"},
    {"alg": "None"},
    {"alg": "hs256"},
    {"alg": ""},
    {"alg": None},
    {"alg": ["HS256"]},
    {"alg": {"HS256": 1}},
    {"alg": "RS256"},
    {"alg": "HS384"},
    {"typ": "JWT"},
    {"alg": "HS256", "crit": ["exp"], "exp": 1},
    {"alg": "HS256", "b64": False, "crit": ["b64"]},
    {"alg": "HS256", "kid": 1},
    {},
    [],
    "HS256",
    None,
    b"\xff\xfe",
    b"[" * 2000,
    b'{"alg":"HS256","x":' + b"[" * 2000,
    b'{"alg":"HS256","x":' + b"1" * 2000 + b"e",
]


@pytest.mark.parametrize("header", HEADERS)
def test_it_refuses_other_headers(header: Any) -> None:
    assert not is_good(signed(header=header))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE"])
@pytest.mark.parametrize("signature", ["", ".", ".AA"])
def test_it_refuses_what_nobody_signed(algorithm: str, signature: str) -> None:
    text = signed(header={"alg": algorithm}).rsplit(".", 1)[0]

    assert not is_good(text + signature)


def test_it_refuses_another_hash_under_the_right_name() -> None:
    assert not is_good(signed(digest="sha384"))
    assert not is_good(jwt.encode(CLAIMS, SECRET * 2, "HS512"), secret=SECRET * 2)


@pytest.mark.parametrize(
    "payload", [[], "stream1", None, 1, b"", b"\xff", b"{", b"[" * 2000]
)
def test_it_refuses_signed_nonsense(payload: Any) -> None:
    assert not is_good(signed(payload))


def test_it_refuses_each_truncation() -> None:
    text = signed()

    assert not any(is_good(text[:end]) for end in range(len(text)))
    assert not any(is_good(text[start:]) for start in range(1, len(text)))


def test_it_refuses_each_changed_character() -> None:
    text = signed()
    for position, character in enumerate(text):
        other = "A" if character != "A" else "B"
        assert not is_good(text[:position] + other + text[position + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "...",
        "a.b.c",
        "a.b.c.d",
        "é.é.é",
        "\ud800.\ud800.\ud800",
        "\0",
        "=" * 100,
        "." * 4096,
    ],
)
def test_it_refuses_nonsense(text: str) -> None:
    assert not is_good(text)


@pytest.mark.parametrize("mark", ["é", "\ud800", "\u00a0", " ", "\n", "\0"])
def test_it_refuses_a_good_token_with_something_added(mark: str) -> None:
    assert not is_good(mark + signed())
    assert not is_good(signed() + mark)


def test_it_does_not_strip_bearer() -> None:
    assert not is_good(f"Bearer {signed()}")


def test_it_refuses_a_token_that_is_too_long() -> None:
    def of_length(filler: int) -> str:
        return signed({**CLAIMS, "x": "x" * filler})

    fitting = of_length(4096 * 3 // 4 - 170)
    assert len(fitting) <= 4096
    assert is_good(fitting)
    assert not is_good(of_length(4096))


def test_without_a_key_no_token_is_good() -> None:
    assert not is_good(signed(secret=""), secret="")


def test_a_public_key_as_the_secret_refuses_all() -> None:
    pem = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"

    assert not is_good(signed(secret=pem), secret=pem)


@given(text=st.text(st.characters()) | st.text(alphabet="abAB01-_.=", min_size=2))
def test_nothing_unsigned_is_good_or_raises(text: str) -> None:
    assert not is_good(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


@given(
    payload=st.dictionaries(
        st.sampled_from(["streamId", "type", "exp", "nbf", "iat", "roomId", "aud"]),
        st.sampled_from(["stream1", "play", NOW_S + 60, NOW_S]) | JSON,
    ),
    header=st.dictionaries(
        st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jwk"]),
        st.sampled_from(["HS256", "none", ["b64"]]) | JSON,
    ),
)
def test_a_signed_token_is_good_only_with_the_claims_it_needs(
    payload: dict[str, Any], header: dict[str, Any]
) -> None:
    if not is_good(signed(payload, {"alg": "HS256", **header})):
        return
    assert payload["streamId"] == "stream1"
    assert payload["type"] == "play"
    assert payload["exp"] > NOW_S
    assert header.get("alg", "HS256") == "HS256"
