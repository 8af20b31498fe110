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
from aiortc import RTCCertificate, rate, rtcdtlstransport, rtcsctptransport
from aiortc.rtcdatachannel import RTCDataChannel
from aiortc.rtcdtlstransport import RTCDtlsTransport, State
from aiortc.rtcsctptransport import InboundStream, RTCSctpTransport
from pylibsrtp import Session
from pylibsrtp._binding import ffi, lib

from relay.sctp_adapter import Association
from relay.sctp_reassembly import Reassembly

ROOT = Path(__file__).parents[2]
ADAPTER = ROOT / "relay" / "aiortc_adapter.py"
SCTP_ADAPTER = ROOT / "relay" / "sctp_adapter.py"
# Attributes of RTCDtlsTransport, and of a pylibsrtp Session.
TRANSPORT_NAMES = {
    "_set_role",
    "_srtp_profiles",
    "_state",
    "_rx_srtp",
    "_tx_srtp",
    "_ssl",
    "_register_data_receiver",
    "_send_data",
}
SESSION_NAMES = {"_srtp"}
CERTIFICATE_NAMES = {"_create_ssl_context"}
CHANNEL_NAMES = {"_addBufferedAmount"}
# Of RTCSctpTransport, what Association reads or replaces.
ASSOCIATION_ATTRIBUTES = {
    "_advertised_rwnd",
    "_association_state",
    "_cwnd",
    "_data_channel_queue",
    "_data_channels",
    "_inbound_streams",
    "_inbound_streams_max",
    "_last_received_tsn",
    "_local_port",
    "_local_tsn",
    "_outbound_queue",
    "_outbound_streams_count",
    "_remote_max_message_size",
    "_remote_port",
    "_remote_verification_tag",
    "_sack_misordered",
    "_sack_needed",
    "_sent_queue",
}
ASSOCIATION_METHODS = {
    "_data_channel_flush": (),
    "_get_inbound_stream": ("stream_id",),
    "_handle_data": ("data",),
    "_mark_received": ("tsn",),
    "_receive": ("stream_id", "pp_id", "data"),
    "_receive_chunk": ("chunk",),
    "_receive_data_chunk": ("chunk",),
    "_receive_forward_tsn_chunk": ("chunk",),
    "_receive_sack_chunk": ("chunk",),
    "_send_chunk": ("chunk",),
    "_send_sack": (),
    "_set_state": ("state",),
}
# What its stand-in for the DTLS transport has.
DTLS_NAMES = {"_role", "_register_data_receiver", "_unregister_data_receiver"}
# Of its own: what it adds to the names above.
ASSOCIATION_OWN = {
    "_bundle",
    "_bundle_bytes",
    "_closed",
    "_flush",
    "_flush_handle",
    "_gaps",
    "_inbox",
    "_on_message",
    "_sack",
    "_send_now",
    "_ssthresh",
    "_take_following",
    "_tell_window",
    "_window_closed",
}
LIBSRTP_FUNCTIONS = {
    "srtp_protect": 3,
    "srtp_unprotect": 3,
    "srtp_protect_rtcp": 3,
    "srtp_unprotect_rtcp": 3,
    "srtp_remove_stream": 2,
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


class UnusedDtls:
    """All that an association may ask of its DTLS transport."""

    state, _role = "connected", "server"

    def _register_data_receiver(self, receiver: object) -> None: ...
    def _unregister_data_receiver(self, receiver: object) -> None: ...


async def test_the_sctp_transport_has_what_the_association_uses() -> None:
    transport = RTCSctpTransport(cast(Any, UnusedDtls()))
    for name in ASSOCIATION_ATTRIBUTES:
        assert hasattr(transport, name), name
    for name, parameters in ASSOCIATION_METHODS.items():
        method = getattr(transport, name)
        assert tuple(inspect.signature(method).parameters) == parameters, name
    assert transport.is_server
    assert not hasattr(transport, "_ssthresh")  # aiortc sets it by the first INIT


async def test_the_association_adds_no_name_that_aiortc_has() -> None:
    transport = RTCSctpTransport(cast(Any, UnusedDtls()))
    assert not {name for name in ASSOCIATION_OWN if hasattr(transport, name)}


def test_the_association_uses_no_other_private_name() -> None:
    names = set()
    for node in ast.walk(ast.parse(SCTP_ADAPTER.read_text())):
        if isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
    used = {name for name in names if is_private(name)}
    known = ASSOCIATION_ATTRIBUTES | set(ASSOCIATION_METHODS) | CHANNEL_NAMES
    known |= DTLS_NAMES
    assert used == known | ASSOCIATION_OWN
    assert hasattr(RTCDataChannel, "_addBufferedAmount")


def test_the_sctp_transport_asks_its_dtls_transport_for_nothing_else() -> None:
    """`_send_data` is in `_send_chunk`, which the association replaces."""
    tree = ast.parse(inspect.getsource(RTCSctpTransport))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr in ("transport", "__transport")
    }
    provided = {"_register_data_receiver", "_unregister_data_receiver", "_role"}
    assert used == provided | {"_send_data"}
    assert "_send_data" in inspect.getsource(RTCSctpTransport._send_chunk)
    assert "_send_data" not in inspect.getsource(RTCSctpTransport._send_sack)
    assert "_send_chunk" in vars(Association)


def test_a_reassembly_has_what_aiortc_asks_of_an_inbound_stream() -> None:
    source = inspect.getsource(RTCSctpTransport)
    for name in ("add_chunk", "pop_messages", "prune_chunks", "sequence_number"):
        assert name in source
        assert hasattr(InboundStream(), name)
        assert hasattr(Reassembly(), name)
    assert "reassembly" not in source.replace("# update reassembly", "")


def test_sctp_waits_for_nothing_but_its_transport() -> None:
    """The association runs its coroutines on the spot."""
    tree = ast.parse(inspect.getsource(rtcsctptransport.RTCSctpTransport))
    awaited = {
        node.value.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Await)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
    }
    own = {name for name in awaited if hasattr(RTCSctpTransport, name)}
    assert awaited - own == {"_send_data"}


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


PUBLIC_OF_NAMED_TUPLES = ("_asdict", "_make", "_replace")


def is_private(name: str) -> bool:
    if name in PUBLIC_OF_NAMED_TUPLES:
        return False
    return name.startswith("_") and not name.startswith("__")


def test_every_private_name_of_the_adapter_is_listed_here() -> None:
    used = private_attributes(ADAPTER)
    assert used == TRANSPORT_NAMES | SESSION_NAMES | CERTIFICATE_NAMES


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in sorted((ROOT / "relay").glob("*.py"))
        if path not in (ADAPTER, SCTP_ADAPTER)
    ],
    ids=lambda path: path.name,
)
def test_no_other_module_of_the_relay_uses_private_names(path: Path) -> None:
    assert private_attributes(path) == set()
