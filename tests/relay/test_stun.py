"""STUN requests: who is answered, and that hostile ones do no harm.

aioice's codec is the reference.
"""

from __future__ import annotations

import ipaddress
import struct
from contextlib import suppress
from typing import Any

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from relay.stun import MAX_BYTES, binding_response, parse_binding_request

PWD = "p" * 24


def make_request(
    attributes: dict[str, object] | None = None, *, pwd: str = PWD
) -> bytes:
    message = stun.Message(
        stun.Method.BINDING,
        stun.Class.REQUEST,
        attributes={"USERNAME": "local:remote", **(attributes or {})},
    )
    message.add_message_integrity(pwd.encode())
    return bytes(message)


def refuse(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_binding_request(data)


def test_a_signed_request_names_its_ufrag() -> None:
    request = parse_binding_request(make_request())
    assert request.local_ufrag == "local"
    assert request.is_signed_with(PWD)
    assert not request.nominates


def test_a_nomination_is_seen() -> None:
    request = make_request({"USE-CANDIDATE": None, "PRIORITY": 5})
    assert parse_binding_request(request).nominates


def test_another_password_does_not_fit() -> None:
    assert not parse_binding_request(make_request(pwd="other")).is_signed_with(PWD)


def test_changed_content_does_not_fit_the_signature() -> None:
    changed = make_request().replace(b"local", b"lacol")
    with pytest.raises(ValueError, match="fingerprint"):
        parse_binding_request(changed)
    without_fingerprint = changed[:-8]
    length = (len(without_fingerprint) - 20).to_bytes(2)
    data = without_fingerprint[:2] + length + without_fingerprint[4:]
    assert not parse_binding_request(data).is_signed_with(PWD)


def test_it_rejects_an_unsigned_request() -> None:
    message = stun.Message(
        stun.Method.BINDING, stun.Class.REQUEST, attributes={"USERNAME": "a:b"}
    )
    refuse(bytes(message))


@pytest.mark.parametrize("name", ["", "local"])
def test_it_rejects_a_username_without_two_parts(name: str) -> None:
    refuse(make_request({"USERNAME": name}))


def test_it_rejects_what_is_no_request() -> None:
    message = stun.Message(
        stun.Method.BINDING, stun.Class.RESPONSE, attributes={"USERNAME": "a:b"}
    )
    message.add_message_integrity(PWD.encode())
    refuse(bytes(message))


def test_it_rejects_an_oversized_request() -> None:
    request = make_request({"USERNAME": "a:" + "b" * MAX_BYTES})
    assert len(request) > MAX_BYTES
    refuse(request)


@given(st.binary(max_size=120))
def test_arbitrary_bytes_raise_nothing_but_value_error(data: bytes) -> None:
    with suppress(ValueError):
        parse_binding_request(data)


@given(st.data())
def test_a_damaged_request_raises_nothing_but_value_error(data: st.DataObject) -> None:
    request = bytearray(make_request({"ICE-CONTROLLING": 1, "PRIORITY": 2})[:-8])
    request[2:4] = (len(request) - 20).to_bytes(2)  # no fingerprint saves us
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(request) - 1))
        request[position] = data.draw(st.integers(0, 255))
    try:
        found = parse_binding_request(bytes(request))
    except ValueError:
        return
    found.is_signed_with(PWD)


@pytest.mark.parametrize(
    "source",
    [("192.0.2.7", 4711), ("2001:db8::7", 4711, 0, 0), ("fe80::1%eth0", 9, 0, 2)],
)
def test_the_response_is_signed_and_names_the_source(source: tuple[Any, ...]) -> None:
    request = parse_binding_request(make_request())
    response = stun.parse_message(binding_response(request, source, PWD))
    assert response.message_class is stun.Class.RESPONSE
    assert response.transaction_id == request.transaction_id
    assert response.check_message_integrity(PWD.encode())
    assert "FINGERPRINT" in response.attributes
    host, port = response.attributes["XOR-MAPPED-ADDRESS"]
    assert port == source[1]
    assert ipaddress.ip_address(host) == ipaddress.ip_address(source[0].split("%")[0])


def test_what_follows_the_integrity_is_not_believed() -> None:
    data = make_request()[:-8]  # without FINGERPRINT
    data += struct.pack("!HH", 0x0025, 0)  # USE-CANDIDATE
    data = data[:2] + struct.pack("!H", len(data) - 20) + data[4:]
    request = parse_binding_request(data)
    assert not request.nominates
    assert request.is_signed_with(PWD)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(20),
        make_request()[:-4],
        make_request() + bytes(4),
        make_request()[:-1] + b"\x00",  # wrong fingerprint
        make_request({"USERNAME": "\u00e9:remote"}),  # no ufrag has such letters
    ],
)
def test_it_refuses(data: bytes) -> None:
    refuse(data)


@given(st.data())
def test_a_mutated_request_is_never_taken_for_signed(data: st.DataObject) -> None:
    original = make_request({"USE-CANDIDATE": None})
    index = data.draw(st.integers(0, len(original) - 9))  # not the fingerprint
    value = data.draw(st.integers(0, 255))
    mutated = original[:index] + bytes((value,)) + original[index + 1 :]
    try:
        request = parse_binding_request(mutated)
    except ValueError:
        return
    assert mutated == original or not request.is_signed_with(PWD)
