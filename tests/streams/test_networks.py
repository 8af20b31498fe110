from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from streams.networks import is_in_networks, validate_networks


@pytest.mark.parametrize(
    ("address", "networks", "inside"),
    [
        ("127.0.0.1", "127.0.0.1,::1", True),
        ("::1", "127.0.0.1,::1", True),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        ("10.1.2.3", "192.0.2.1, 10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.4/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("127.0.0.1", "::1", False),
        ("127.0.0.1", "", False),
        ("", "0.0.0.0/0", False),
        ("nonsense", "0.0.0.0/0", False),
        ("127.0.0.1", "127.0.0.1,nonsense", False),
    ],
)
def test_an_address_is_in_one_of_the_networks(
    address: str, networks: str, inside: bool
) -> None:
    assert is_in_networks(address, networks) is inside


@pytest.mark.parametrize("text", ["nonsense", "10.0.0.0/40", "127.0.0.1;::1"])
def test_it_refuses_what_is_no_list_of_networks(text: str) -> None:
    with pytest.raises(ValidationError):
        validate_networks(text)


@pytest.mark.parametrize("text", ["", "127.0.0.1", "10.0.0.0/8, ::/0,"])
def test_it_accepts_lists_of_addresses_and_networks(text: str) -> None:
    validate_networks(text)
