"""The private names of other packages that the relay builds on.

An upgrade of aiortc or pylibsrtp must fail here, not in a call.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import pytest
from aiortc import RTCCertificate, rate, rtcdtlstransport
from aiortc.rtcdtlstransport import RTCDtlsTransport, State
from pylibsrtp import Session
from pylibsrtp._binding import ffi, lib

ROOT = Path(__file__).parents[2]
ADAPTER = ROOT / "relay" / "aiortc_adapter.py"
# Attributes of RTCDtlsTransport, and of a pylibsrtp Session.
TRANSPORT_NAMES = {
    "_set_role",
    "_srtp_profiles",
    "_state",
    "_rx_srtp",
    "_tx_srtp",
    "_ssl",
}
SESSION_NAMES = {"_srtp"}
CERTIFICATE_NAMES = {"_create_ssl_context"}
LIBSRTP_FUNCTIONS = {
    "srtp_protect": 3,
    "srtp_unprotect": 3,
    "srtp_protect_rtcp": 3,
    "srtp_unprotect_rtcp": 3,
}


class Unconnected:
    role, state = "controlled", "completed"


@pytest.mark.parametrize(
    ("package", "pinned"), [("aiortc", "1.16.0"), ("pylibsrtp", "1.0.0")]
)
def test_the_version_is_the_one_that_was_read(package: str, pinned: str) -> None:
    assert version(package) == pinned
    assert f"{package}=={pinned}" in (ROOT / "requirements.txt").read_text()


async def test_the_dtls_transport_has_what_the_adapter_uses() -> None:
    certificate = RTCCertificate.generateCertificate()
    transport = RTCDtlsTransport(cast(Any, Unconnected()), [certificate])
    for name in TRANSPORT_NAMES:
        assert hasattr(transport, name), name
    assert list(inspect.signature(transport._set_role).parameters) == ["role"]
    assert transport._state is State.NEW
    assert {State.CONNECTED, State.CLOSED, State.FAILED} <= set(State)
    assert asyncio.iscoroutinefunction(transport.start)
    assert asyncio.iscoroutinefunction(transport.stop)
    transport._set_role("server")
    assert transport._role == "server"


def test_the_dtls_transport_asks_its_ice_transport_for_nothing_else() -> None:
    source = inspect.getsource(RTCDtlsTransport)
    tree = ast.parse(source)
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "transport"
    }
    assert used == {"_recv", "_send", "role"}


def test_the_certificate_makes_its_context_from_profiles() -> None:
    parameters = inspect.signature(RTCCertificate._create_ssl_context).parameters
    assert list(parameters) == ["self", "srtp_profiles"]


def test_the_profiles_are_known() -> None:
    names = {profile.openssl_profile for profile in rtcdtlstransport.SRTP_PROFILES}
    assert names == {
        b"SRTP_AEAD_AES_128_GCM",
        b"SRTP_AEAD_AES_256_GCM",
        b"SRTP_AES128_CM_SHA1_80",
    }


def test_repeating_a_packet_is_allowed_and_the_window_is_1024() -> None:
    """Retransmissions are the same bytes; late packets stay well inside."""
    source = inspect.getsource(RTCDtlsTransport._setup_srtp)
    assert source.count("allow_repeat_tx = True") == 2
    assert source.count("window_size = 1024") == 2


def test_a_session_holds_its_libsrtp_handle() -> None:
    session = Session()
    assert ffi.typeof(session._srtp) is ffi.typeof("struct srtp_ctx_t_ **")


@pytest.mark.parametrize(("name", "arguments"), LIBSRTP_FUNCTIONS.items())
def test_libsrtp_works_in_place(name: str, arguments: int) -> None:
    assert len(ffi.typeof(getattr(lib, name)).args) == arguments
    assert lib.srtp_err_status_ok == 0


def test_the_estimator_takes_and_gives_what_the_publisher_uses() -> None:
    estimator = rate.RemoteBitrateEstimator()
    estimate = estimator.add(arrival_time_ms=1, abs_send_time=1, payload_size=1, ssrc=1)
    assert estimate is None or isinstance(estimate[0], int)
    assert estimator.detector.state() in rate.BandwidthUsage


def private_attributes(path: Path) -> set[str]:
    """Private attributes of other objects than `self` and `cls`, and imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            owner = node.value
            if not (isinstance(owner, ast.Name) and owner.id in ("self", "cls")):
                names.add(node.attr)
        elif isinstance(node, ast.FunctionDef) and is_private(node.name):
            names.discard(node.name)
    return names


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def test_every_private_name_of_the_adapter_is_listed_here() -> None:
    used = private_attributes(ADAPTER)
    assert used == TRANSPORT_NAMES | SESSION_NAMES | CERTIFICATE_NAMES


@pytest.mark.parametrize(
    "path",
    [p for p in sorted((ROOT / "relay").glob("*.py")) if p != ADAPTER],
    ids=lambda path: path.name,
)
def test_no_other_module_of_the_relay_uses_private_names(path: Path) -> None:
    assert private_attributes(path) == set()
