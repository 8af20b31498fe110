"""Nobody chooses the address that limits and logs know them by."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from streams.client_address import (
    address_of_request,
    address_of_scope,
    client_address,
    throttle_key,
)

PROXY = "192.0.2.1"


@given(st.text())
def test_with_no_trusted_proxy_a_header_changes_nothing(header: str) -> None:
    assert client_address(PROXY, header, 0) == PROXY
    assert client_address(PROXY, header, -1) == PROXY


@pytest.mark.parametrize(
    ("header", "hops", "expected"),
    [
        ("203.0.113.9", 1, "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", 1, "203.0.113.9"),  # the first one is invented
        ("198.51.100.1, 203.0.113.9, 10.0.0.1", 2, "203.0.113.9"),
        ("1.1.1.1,203.0.113.9,10.0.0.2,10.0.0.1", 3, "203.0.113.9"),
    ],
)
def test_the_entry_that_the_outermost_trusted_proxy_wrote_counts(
    header: str, hops: int, expected: str
) -> None:
    assert client_address(PROXY, header, hops) == expected


@pytest.mark.parametrize("header", ["", "203.0.113.9", "203.0.113.9 10.0.0.1"])
def test_a_header_shorter_than_the_way_here_is_not_believed(header: str) -> None:
    assert client_address(PROXY, header, 2) == PROXY


@pytest.mark.parametrize(
    "entry",
    [
        "unknown",
        "_hidden",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "1.2.3.4:",
        "1.2.3.4:http",
        "[2001:db8::1",
        "[2001:db8::1]x",
        "[2001:db8::1]:",
        "[]",
        "' OR 1=1",
        "1.2.3.4\x00",
        "for=1.2.3.4",
    ],
)
def test_an_entry_that_is_no_address_leaves_the_connection_s(entry: str) -> None:
    assert client_address(PROXY, f"203.0.113.9, {entry}", 1) == PROXY


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (" 203.0.113.9 ", "203.0.113.9"),
        ("203.0.113.9:51234", "203.0.113.9"),
        ('"[2001:db8::1]:443"', "2001:db8::1"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("2001:db8:0:0:0:0:0:1", "2001:db8::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("[::ffff:203.0.113.9]:80", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_has_one_form(entry: str, expected: str) -> None:
    assert client_address(PROXY, entry, 1) == expected
    assert client_address(entry, "", 0) == expected


@given(st.text(), st.text(), st.integers(0, 4))
def test_it_takes_anything(remote: str, header: str, hops: int) -> None:
    found = client_address(remote, header, hops)
    assert found == remote or client_address(found, "", 0) == found


def test_a_connection_without_an_address_stays_so() -> None:
    assert client_address("", "", 0) == ""
    assert client_address("", "203.0.113.9", 1) == "203.0.113.9"


def test_a_request_has_its_address_from_the_setting(settings: Settings) -> None:
    request = RequestFactory().get(
        "/", REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR="198.51.100.1, 203.0.113.9"
    )
    settings.TRUSTED_PROXIES = 0
    assert address_of_request(request) == PROXY
    settings.TRUSTED_PROXIES = 1
    assert address_of_request(request) == "203.0.113.9"


def test_a_socket_has_the_same_address_as_a_request(settings: Settings) -> None:
    """A header in two lines is one list (RFC 9110, 5.3)."""
    scope = {
        "client": [PROXY, 40000],
        "headers": [
            (b"X-Forwarded-For", b"198.51.100.1"),
            (b"user-agent", b"x"),
            (b"x-forwarded-for", b"203.0.113.9"),
        ],
    }
    settings.TRUSTED_PROXIES = 0
    assert address_of_scope(scope) == PROXY
    settings.TRUSTED_PROXIES = 1
    assert address_of_scope(scope) == "203.0.113.9"
    settings.TRUSTED_PROXIES = 2
    assert address_of_scope(scope) == "198.51.100.1"


def test_a_scope_without_a_client_is_no_error(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = 0
    assert address_of_scope({}) == ""
    assert address_of_scope({"client": None, "headers": []}) == ""


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", ""),
        ("unix:/run/x", ""),
    ],
)
def test_an_ipv6_network_counts_as_one_client(address: str, expected: str) -> None:
    assert throttle_key(address) == expected
