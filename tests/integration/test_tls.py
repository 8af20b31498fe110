"""HTTPS in both shapes: with an own certificate, and by a proxy in front."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.asyncio.client import connect

from tests.integration.web import ask
from tests.server_process import ServerProcess, free_port


@dataclass(frozen=True, slots=True)
class Authority:
    name: x509.Name
    key: ec.EllipticCurvePrivateKey


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def sign(subject: Authority, issuer: Authority, *, is_authority: bool) -> bytes:
    """A certificate of `subject`, as PEM."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject.name)
        .issuer_name(issuer.name)
        .public_key(subject.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(subject.key.public_key()),
            critical=False,
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()),
            critical=False,
        )
    )
    if is_authority:
        usage = x509.KeyUsage(
            digital_signature=True, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, key_cert_sign=True,
            crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, critical=True)
    else:
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        builder = builder.add_extension(names, critical=False)
    signed = builder.sign(issuer.key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True, slots=True)
class Files:
    root: bytes
    chain: Path
    key: Path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """As an authority hands them out: the own certificate, then the one between."""
    folder = tmp_path / "certificates: of this host"
    folder.mkdir()
    root, between, own = (
        Authority(named(text), ec.generate_private_key(ec.SECP256R1()))
        for text in ("root", "between", "localhost")
    )
    chain, key = folder / "fullchain.pem", folder / "privkey.pem"
    chain.write_bytes(
        sign(own, between, is_authority=False) + sign(between, root, is_authority=True)
    )
    key.write_bytes(
        own.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return Files(sign(root, root, is_authority=True), chain, key)


@pytest.fixture
def tls_server(tmp_path: Path, files: Files) -> Iterator[ServerProcess]:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    running = ServerProcess(
        data_dir,
        TLS_CERT=str(files.chain),
        TLS_KEY=str(files.key),
        HTTPS_PORT=str(free_port()),
    )
    running.start()
    yield running
    running.stop()


async def test_a_client_that_knows_the_root_alone_trusts_the_server(
    tls_server: ServerProcess, files: Files
) -> None:
    """The certificate between them comes from the server, for pages and sockets."""
    trusting = ssl.create_default_context(cadata=files.root.decode())
    port = int(tls_server.environment["HTTPS_PORT"])
    address = f"wss://localhost:{port}/LiveApp/websocket"
    async with connect(address, ssl=trusting) as socket:
        await socket.send('{"command": "ping"}')
        assert json.loads(await socket.recv()) == {"command": "pong"}
    with closing(
        http.client.HTTPSConnection("localhost", port, timeout=20, context=trusting)
    ) as connection:
        connection.request("GET", "/admin/login/")
        answer = connection.getresponse()
        assert answer.status == 200
        assert "Secure" in str(answer.getheader("set-cookie"))


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_of_tls_are_refused(
    tls_server: ServerProcess, files: Files
) -> None:
    old = ssl.create_default_context(cadata=files.root.decode())
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    port = int(tls_server.environment["HTTPS_PORT"])
    connection = http.client.HTTPSConnection("localhost", port, timeout=20, context=old)
    with closing(connection), pytest.raises(ssl.SSLError) as refused:
        connection.request("GET", "/")
    assert refused.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION"


@pytest.mark.parametrize("fault", ["missing", "no certificate", "of another key"])
def test_a_certificate_that_is_no_use_ends_the_start_in_words(
    tmp_path: Path, files: Files, fault: str
) -> None:
    certificate = files.chain
    if fault == "missing":
        certificate = tmp_path / "missing.pem"
    elif fault == "no certificate":
        certificate.write_text("nothing")
    else:
        other = Authority(named("other"), ec.generate_private_key(ec.SECP256R1()))
        certificate.write_bytes(sign(other, other, is_authority=False))
    failing = ServerProcess(
        tmp_path,
        TLS_CERT=str(certificate),
        TLS_KEY=str(files.key),
        HTTPS_PORT=str(free_port()),
    )
    with pytest.raises(RuntimeError, match="did not start"):
        failing.start()
    assert "CommandError" in failing.log()
    assert "Traceback" not in failing.log()


# -- behind a proxy ------------------------------------------------------------


@pytest.fixture
def proxied_server(tmp_path: Path) -> Iterator[ServerProcess]:
    running = ServerProcess(tmp_path, TLS_PROXY="1", TRUSTED_PROXIES="1")
    running.start()
    yield running
    running.stop()


async def test_behind_a_proxy_https_is_what_the_proxy_says(
    proxied_server: ServerProcess,
) -> None:
    server = proxied_server
    plain = ask(server, "GET", "/admin/login/", Host="video.example.org")
    assert plain.status == 301
    assert plain.headers["location"] == "https://video.example.org/admin/login/"
    assert "strict-transport-security" not in plain.headers
    through = ask(server, "GET", "/admin/login/", X_Forwarded_Proto="https")
    assert through.status == 200
    assert through.headers["strict-transport-security"] == "max-age=2592000"
    assert "Secure" in through.headers["set-cookie"]
    forwarded = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9"}
    async with connect(server.websocket_url(), additional_headers=forwarded) as socket:
        await socket.send('{"command": "publish", "streamId": "cam1", "video": true}')
        assert json.loads(await socket.recv())["command"] == "start"
        (row,) = server.rows("SELECT remote_ip FROM streams_livesession")
        assert row["remote_ip"] == "203.0.113.9"
