"""Credentials and candidates."""

from __future__ import annotations

import ipaddress

import pytest

from relay.ice import (
    ICE_CHARACTERS,
    candidate_lines,
    local_addresses,
    make_credentials,
    tcp_candidate_lines,
)


def test_credentials_are_long_random_and_of_ice_characters() -> None:
    first, second = make_credentials(), make_credentials()
    assert first != second
    assert len(first.ufrag) >= 4
    assert len(first.pwd) >= 22
    assert set(first.ufrag + first.pwd) <= set(ICE_CHARACTERS)


def test_a_bound_address_is_the_only_one_offered() -> None:
    assert local_addresses("192.0.2.1") == ["192.0.2.1"]


@pytest.mark.parametrize("bind", ["0.0.0.0", "::"])  # noqa: S104
def test_addresses_of_the_machine_are_usable_by_others(bind: str) -> None:
    found = [ipaddress.ip_address(address) for address in local_addresses(bind)]
    assert found
    assert not any(address.is_link_local for address in found)


def test_the_first_candidate_has_the_highest_priority() -> None:
    lines = candidate_lines(["192.0.2.1", "2001:db8::1"], 50000)
    assert lines[0] == "candidate:1 1 udp 2130706431 192.0.2.1 50000 typ host"
    assert int(lines[0].split()[3]) > int(lines[1].split()[3])


def test_tcp_candidates_say_that_we_listen() -> None:
    lines = tcp_candidate_lines(["192.0.2.1", "2001:db8::1"], 50000)
    assert lines == (
        "candidate:t1 1 tcp 1520435199 192.0.2.1 50000 typ host tcptype passive",
        "candidate:t2 1 tcp 1520434943 2001:db8::1 50000 typ host tcptype passive",
    )


def test_tcp_comes_after_all_of_udp() -> None:
    addresses = [f"192.0.2.{number}" for number in range(1, 200)]
    udp = {int(line.split()[3]) for line in candidate_lines(addresses, 1)}
    tcp = {int(line.split()[3]) for line in tcp_candidate_lines(addresses, 1)}
    server_reflexive = 100 << 24  # of a client's: its pairs are still better
    assert max(tcp) < server_reflexive < min(udp)
    assert len(udp | tcp) == 2 * len(addresses)
    foundations = [
        line.split()[0]
        for line in candidate_lines(addresses, 1) + tcp_candidate_lines(addresses, 1)
    ]
    assert len(set(foundations)) == len(foundations)
