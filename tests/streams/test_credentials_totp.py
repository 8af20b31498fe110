"""Time-based codes of subscribers (contract 7.4, RFC 6238)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from dataclasses import replace
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.credentials import (
    AccessRules,
    Claim,
    StoredSubscriber,
    current_code,
    derived_key,
    enrolment_uri,
    is_good_code,
    stored_key,
    totp_code,
)

NOW_S = 1_700_000_000
STEP_S = 60
SECRET = "6qsp6qhndryqs56zjmvs37i6gqtjsdvc"
RULES = AccessRules(totp=True, totp_secret="secret123", totp_period_s=STEP_S)
VIEWER = StoredSubscriber("play", SECRET, None)
PUBLISHER = StoredSubscriber("publish", SECRET, None)
STEP_START_S = NOW_S - NOW_S % STEP_S


def reference_code(key: bytes, counter: int) -> str:
    """RFC 4226 5.3, from its text."""
    digest = hmac.new(key, struct.pack(">Q", counter), hashlib.sha1).digest()
    offset = digest[19] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**6:06d}"


def claim(role: str = "play", code: str = "", subscriber_id: str = "sub1") -> Claim:
    return Claim(role, "stream1", subscriber_id=subscriber_id, subscriber_code=code)


@pytest.mark.parametrize(
    ("secret", "now_s", "code"),
    [
        ("mysecret", 0, "911199"),
        ("mysecret", 60, "544402"),
        ("mysecret", 1_700_000_000, "806136"),
        ("MYSECRET", 1_700_000_000, "806136"),
        (SECRET, 1_700_000_000, "216877"),
        (SECRET.upper(), 1_700_000_000, "216877"),
    ],
)
def test_codes_of_stored_secrets_are_those_of_the_contract(
    secret: str, now_s: int, code: str
) -> None:
    subscriber = StoredSubscriber("play", secret, None)

    assert totp_code(stored_key(secret), 60, now_s) == code
    assert is_good_code(claim(code=code), RULES, subscriber, now_s)


@pytest.mark.parametrize(
    ("secret", "key", "code"),
    [
        ("secret123", b"secret123sub1stream1publishXXXXX", "145568"),
        ("secret", b"secretsub1stream1publish", "645454"),
    ],
)
def test_derived_keys_are_those_of_the_contract(
    secret: str, key: bytes, code: str
) -> None:
    rules = replace(RULES, totp_secret=secret)

    assert derived_key(secret, "sub1", "stream1", "publish") == key
    assert totp_code(key, 60, NOW_S) == code
    assert is_good_code(claim("publish", code), rules, None, NOW_S)


def test_codes_are_those_of_the_rfc() -> None:
    """RFC 6238 appendix B, SHA-1, the last six of eight digits."""
    key = b"12345678901234567890"
    vectors = {
        59: "287082",
        1111111109: "081804",
        1111111111: "050471",
        1234567890: "005924",
        2000000000: "279037",
        20000000000: "353130",
    }

    assert {now_s: totp_code(key, 30, now_s) for now_s in vectors} == vectors


@given(
    key=st.binary(min_size=1, max_size=130),
    period_s=st.integers(1, 2**31 - 1),
    now_s=st.integers(0, 2**40),
)
def test_any_key_and_period_gives_the_code_of_the_rfc(
    key: bytes, period_s: int, now_s: int
) -> None:
    """Also those pyotp refuses: short keys and long periods."""
    assert totp_code(key, period_s, now_s) == reference_code(key, now_s // period_s)


@pytest.mark.parametrize(
    ("late_s", "good"),
    [
        (-1, False),  # one step early
        (-60, False),
        (0, True),
        (59, True),
        (60, True),  # one step late
        (119, True),
        (120, False),  # two steps late
        (86_400, False),
        (-86_400, False),  # the clock was put back
    ],
)
@pytest.mark.parametrize("subscriber", [VIEWER, None], ids=["stored", "derived"])
def test_a_code_is_good_for_its_step_and_the_next(
    subscriber: StoredSubscriber | None, late_s: int, good: bool
) -> None:
    code = current_code(
        "sub1",
        "stream1",
        "play",
        subscriber,
        RULES.totp_secret,
        STEP_S,
        STEP_START_S,
    )

    now_s = STEP_START_S + late_s
    assert is_good_code(claim(code=code), RULES, subscriber, now_s) is good


@pytest.mark.parametrize(("now_s", "good"), [(0, True), (59, True), (-1, False)])
def test_the_first_step_has_none_before_it(now_s: int, good: bool) -> None:
    code = totp_code(stored_key(SECRET), STEP_S, 0)

    assert is_good_code(claim(code=code), RULES, VIEWER, now_s) is good
    assert not is_good_code(claim(code="000000"), RULES, VIEWER, now_s)


def code_with_leading_zero() -> tuple[str, int]:
    key = stored_key(SECRET)
    for step in range(1000):
        code = totp_code(key, STEP_S, step * STEP_S)
        if code.startswith("0"):
            return code, step * STEP_S
    raise AssertionError("none in a thousand steps")


def test_leading_zeros_are_part_of_a_code() -> None:
    code, now_s = code_with_leading_zero()

    assert len(code) == 6
    assert is_good_code(claim(code=code), RULES, VIEWER, now_s)
    assert not is_good_code(claim(code=code[1:]), RULES, VIEWER, now_s)
    assert not is_good_code(claim(code="0" + code), RULES, VIEWER, now_s)


GOOD = totp_code(stored_key(SECRET), STEP_S, NOW_S)


@pytest.mark.parametrize(
    "code",
    [
        "",
        GOOD[:-1],
        GOOD + "0",
        GOOD + "\n",
        GOOD + " ",
        " " + GOOD,
        GOOD[:3] + " " + GOOD[3:],
        "+" + GOOD[1:],
        "abcdef",
        "\ud800" * 6,
        # the same digits from other alphabets
        GOOD.translate({ord("0") + digit: 0xFF10 + digit for digit in range(10)}),
        GOOD.translate({ord("0") + digit: 0x0660 + digit for digit in range(10)}),
        "1" * 100_000,
    ],
)
def test_it_refuses_what_is_not_six_digits(code: str) -> None:
    assert not is_good_code(claim(code=code), RULES, VIEWER, NOW_S)


def test_it_refuses_another_code() -> None:
    other = f"{(int(GOOD) + 1) % 10**6:06d}"

    assert is_good_code(claim(code=GOOD), RULES, VIEWER, NOW_S)
    assert not is_good_code(claim(code=other), RULES, VIEWER, NOW_S)


@pytest.mark.parametrize(
    ("type_", "role", "good"),
    [
        ("play", "play", True),
        ("publish", "publish", True),
        ("publish", "play", True),
        ("play", "publish", False),
    ],
)
@pytest.mark.parametrize("secret", [SECRET, ""], ids=["stored", "derived"])
def test_a_viewer_may_not_publish_and_a_publisher_may_play(
    type_: str, role: str, good: bool, secret: str
) -> None:
    subscriber = StoredSubscriber(type_, secret, None)
    code = current_code("sub1", "stream1", role, subscriber, "secret123", STEP_S, NOW_S)

    assert is_good_code(claim(role, code), RULES, subscriber, NOW_S) is good


def test_a_stored_secret_goes_before_the_derived_one() -> None:
    derived = totp_code(
        derived_key("secret123", "sub1", "stream1", "play"), STEP_S, NOW_S
    )

    assert is_good_code(claim(code=derived), RULES, None, NOW_S)
    assert not is_good_code(claim(code=derived), RULES, VIEWER, NOW_S)
    assert not is_good_code(claim(code=GOOD), RULES, None, NOW_S)


@pytest.mark.parametrize(
    "other",
    [
        Claim("publish", "stream1", subscriber_id="sub1"),
        Claim("play", "stream2", subscriber_id="sub1"),
        Claim("play", "stream1", subscriber_id="sub2"),
    ],
)
def test_a_derived_code_is_of_one_subscriber_stream_and_role(other: Claim) -> None:
    code = current_code("sub1", "stream1", "play", None, "secret123", STEP_S, NOW_S)

    assert is_good_code(claim(code=code), RULES, None, NOW_S)
    assert not is_good_code(replace(other, subscriber_code=code), RULES, None, NOW_S)


@pytest.mark.parametrize("subscriber", [None, StoredSubscriber("publish", "", None)])
def test_without_a_secret_nobody_has_a_code(
    subscriber: StoredSubscriber | None,
) -> None:
    rules = replace(RULES, totp_secret="")
    code = totp_code(derived_key("", "sub1", "stream1", "play"), STEP_S, NOW_S)

    assert not is_good_code(claim(code=code), rules, subscriber, NOW_S)
    with pytest.raises(ValueError, match="no secret"):
        current_code("sub1", "stream1", "play", subscriber, "", STEP_S, NOW_S)


@pytest.mark.parametrize(
    ("subscriber_id", "good"), [("abcd", True), ("abc", False), ("", False)]
)
def test_an_unknown_subscriber_needs_four_characters(
    subscriber_id: str, good: bool
) -> None:
    code = totp_code(
        derived_key("secret123", subscriber_id, "stream1", "play"), STEP_S, NOW_S
    )

    given_ = claim(code=code, subscriber_id=subscriber_id)
    assert is_good_code(given_, RULES, None, NOW_S) is good
    if not good:
        with pytest.raises(ValueError, match="at least 4"):
            current_code(
                subscriber_id, "stream1", "play", None, "secret123", STEP_S, NOW_S
            )


def test_a_subscribers_own_period_goes_before_the_applications() -> None:
    slow = replace(VIEWER, totp_period_s=3600)
    start_s = NOW_S - NOW_S % 3600
    code = current_code("sub1", "stream1", "play", slow, "", STEP_S, start_s)

    assert code == totp_code(stored_key(SECRET), 3600, start_s)
    assert is_good_code(claim(code=code), RULES, slow, start_s + 7199)
    assert not is_good_code(claim(code=code), RULES, slow, start_s + 7200)
    assert not is_good_code(claim(code=code), RULES, VIEWER, start_s + 7199)


@pytest.mark.parametrize(
    "subscriber",
    [
        replace(VIEWER, b32_secret="not base32!"),
        replace(VIEWER, b32_secret="abc"),
        replace(VIEWER, b32_secret="é" * 8),
        replace(VIEWER, totp_period_s=0),
        replace(VIEWER, totp_period_s=-60),
    ],
)
def test_a_row_that_makes_no_sense_lets_nobody_in(
    subscriber: StoredSubscriber,
) -> None:
    assert not is_good_code(claim(code=GOOD), RULES, subscriber, NOW_S)


@pytest.mark.parametrize("secret", ["", "abc", "mysecre1", "my=ecret"])
def test_what_is_not_base32_is_no_key(secret: str) -> None:
    with pytest.raises(ValueError, match=r"base32|empty"):
        stored_key(secret)


@pytest.mark.parametrize(("period_s", "now_s"), [(0, 0), (-1, 0), (60, -1)])
def test_there_is_no_code_outside_of_time(period_s: int, now_s: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        totp_code(b"key", period_s, now_s)


ANY_TEXT = st.text(st.characters())  # with lone surrogates, as JSON can carry


@given(
    code=ANY_TEXT,
    subscriber_id=ANY_TEXT,
    stream_id=ANY_TEXT,
    now_s=st.integers(),
    stored=st.none()
    | st.builds(
        StoredSubscriber,
        st.sampled_from(["publish", "play"]),
        st.text(max_size=8),
        st.none() | st.integers(),
    ),
)
def test_nothing_presented_raises(
    code: str,
    subscriber_id: str,
    stream_id: str,
    now_s: int,
    stored: StoredSubscriber | None,
) -> None:
    presented = Claim(
        "play", stream_id, subscriber_id=subscriber_id, subscriber_code=code
    )

    assert is_good_code(presented, RULES, stored, now_s) in (True, False)
    numbers = replace(presented, subscriber_code="123456")
    assert is_good_code(numbers, RULES, stored, now_s) in (True, False)


def test_an_authenticator_reads_the_enrolment() -> None:
    uri = enrolment_uri(
        stored_key(SECRET),
        subscriber_id="anna:b/c d",
        stream_id="stream1",
        application="LiveApp",
        period_s=300,
    )

    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/LiveApp:anna:b/c d@stream1"
    assert parts.path.count(":") == 1
    assert parse_qs(parts.query) == {
        "secret": [SECRET.upper()],
        "issuer": ["LiveApp"],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["300"],
    }


def test_an_enrolled_key_is_the_key_itself() -> None:
    key = derived_key("secret123", "sub1", "stream1", "play")
    uri = enrolment_uri(
        key, subscriber_id="sub1", stream_id="s", application="A", period_s=60
    )

    secret = parse_qs(urlsplit(uri).query)["secret"][0]
    assert "=" not in secret
    assert base64.b32decode(secret + "=" * (-len(secret) % 8)) == key
