"""One end of a DTLS-SRTP handshake over pyOpenSSL, without tasks or sockets."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from OpenSSL import SSL
from pylibsrtp import Policy, Session

CIPHERS = b"ECDHE-ECDSA-AES128-GCM-SHA256"
MAX_DATAGRAM_BYTES = 1500
WINDOW_PACKETS = 1024


@dataclass(frozen=True, slots=True)
class Profile:
    """An SRTP protection profile; sizes in bytes (RFC 7714, RFC 5764)."""

    name: bytes
    libsrtp: int
    key: int
    salt: int


PROFILES = (
    Profile(b"SRTP_AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 16, 12),
    Profile(b"SRTP_AES128_CM_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 16, 14),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate shared by all peers of this process."""

    context: SSL.Context
    fingerprint: str


@cache
def identity() -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    now = datetime.datetime.now(tz=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=7))
        .sign(key, hashes.SHA256())
    )
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_options(SSL.OP_NO_TICKET)
    context.set_verify(
        SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True
    )
    context.use_certificate(certificate)
    context.use_privatekey(key)
    context.set_cipher_list(CIPHERS)
    context.set_tlsext_use_srtp(b":".join(profile.name for profile in PROFILES))
    digest = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    return Identity(context, f"sha-256 {digest}")


class Dtls:
    """Datagrams in, datagrams out; `done` when both ends have keys.

    Raises (all methods): ConnectionError when the handshake fails.
    """

    def __init__(self, *, client: bool, fingerprint: str) -> None:
        self.client = client
        self.done = False
        self._expected = fingerprint.partition(" ")[2].upper()
        self._ssl = SSL.Connection(identity().context)
        if client:
            self._ssl.set_connect_state()
        else:
            self._ssl.set_accept_state()
        self.last_flight: list[bytes] = []

    def feed(self, datagram: bytes | None = None) -> list[bytes]:
        """Take a datagram (or none, to begin); the datagrams to send for it."""
        if datagram is not None:
            self._ssl.bio_write(datagram)
        try:
            if self.done:
                self._ssl.recv(MAX_DATAGRAM_BYTES)
            else:
                self._ssl.do_handshake()
                self._check_fingerprint()
                self.done = True
        except SSL.WantReadError:
            pass
        except (SSL.ZeroReturnError, SSL.Error) as error:
            raise ConnectionError(f"DTLS: {error!r}") from error
        return self._pending()

    def handle_timeout(self) -> list[bytes]:
        """The flight again, when OpenSSL's own timer has run out."""
        if self._ssl.DTLSv1_get_timeout() != 0:
            return []
        self._ssl.DTLSv1_handle_timeout()
        return self._pending()

    def sessions(self) -> tuple[Session, Session, str]:
        """SRTP for what comes in, for what goes out, and the profile's name."""
        chosen = self._ssl.get_selected_srtp_profile()
        for profile in PROFILES:
            if profile.name == chosen:
                break
        else:
            raise ConnectionError(f"no SRTP profile agreed: {chosen!r}")
        keys = self._ssl.export_keying_material(
            b"EXTRACTOR-dtls_srtp", 2 * (profile.key + profile.salt)
        )
        mine, theirs = (0, 1) if self.client else (1, 0)
        inbound = _session(profile, keys, theirs, Policy.SSRC_ANY_INBOUND)
        outbound = _session(profile, keys, mine, Policy.SSRC_ANY_OUTBOUND)
        return inbound, outbound, profile.name.decode()

    def _check_fingerprint(self) -> None:
        certificate = self._ssl.get_peer_certificate()
        seen = certificate.digest("sha256").decode() if certificate else ""
        if seen != self._expected:
            raise ConnectionError("the peer's certificate is not the one it announced")

    def _pending(self) -> list[bytes]:
        flight = []
        while True:
            try:
                flight.append(self._ssl.bio_read(MAX_DATAGRAM_BYTES))
            except SSL.WantReadError:
                break
        if flight:
            self.last_flight = flight
        return flight


def _session(profile: Profile, keys: bytes, end: int, kind: int) -> Session:
    key_at = end * profile.key
    salt_at = 2 * profile.key + end * profile.salt
    key = keys[key_at : key_at + profile.key] + keys[salt_at : salt_at + profile.salt]
    policy = Policy(key=key, ssrc_type=kind, srtp_profile=profile.libsrtp)
    policy.allow_repeat_tx = True
    policy.window_size = WINDOW_PACKETS
    return Session(policy)
