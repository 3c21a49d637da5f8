"""TLS towards sources: whom the hub trusts, and how it shows itself."""

import asyncio
import datetime as dt
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.egress import Egress, Target, networks
from adapters.errors import DefinitionFaultError, SourceError
from adapters.port import Environment
from adapters.rest import open_source
from tests.adapters.contract import Held, ask
from tests.adapters.servers import Got, Said, Server, said, serving

HOST = "register.example"
PASSWORD = "pass-phrase-of-the-key-77"


@dataclass
class Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def key_pem(self, password: str = "") -> str:
        cipher = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
        form = serialization.PrivateFormat.PKCS8
        return self.key.private_bytes(serialization.Encoding.PEM, form, cipher).decode()

    def write(self, folder: Path) -> Path:
        path = folder / f"{self.certificate.serial_number}.pem"
        path.write_text(self.key_pem() + self.pem)
        return path


def certificate(name: str, issuer: Pair | None = None, *, days: int = 30) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    try:
        alternative: x509.GeneralName = x509.IPAddress(ip_address(name))
    except ValueError:
        alternative = x509.DNSName(name)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=60))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
    )
    return Pair(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


AUTHORITY = certificate("authority.example")
STRANGER = certificate("stranger.example")
OWN = certificate("hub.example", AUTHORITY)


def server_context(folder: Path, pair: Pair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.write(folder))
    return context


@asynccontextmanager
async def register(folder: Path, pair: Pair) -> AsyncIterator[Server]:
    async def rows(_: Got) -> Said:
        return said([{"n": 1}])

    async with serving(rows, tls=server_context(folder, pair)) as server:
        yield server


@asynccontextmanager
async def strict_register(context: ssl.SSLContext) -> AsyncIterator[Server]:
    """Answers once a connection; in a thread with blocking sockets, which send the alert that asyncio's swallow."""
    server = Server()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.port = listening.getsockname()[1]
        thread = threading.Thread(target=_accept, args=(listening, context, server))
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            await asyncio.to_thread(thread.join)


def _accept(listening: socket.socket, context: ssl.SSLContext, server: Server) -> None:
    while True:
        try:
            plain, _ = listening.accept()
        except OSError:
            return
        plain.settimeout(10)
        with (
            context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False) as connection,
            suppress(OSError),
        ):
            try:
                connection.do_handshake()
            except ssl.SSLError:
                # Closing with bytes unread would reset the connection and take the alert along.
                with socket.socket(fileno=connection.detach()) as rest:
                    rest.settimeout(10)
                    while rest.recv(65_536):
                        pass
                continue
            connection.recv(65_536)
            server.connections += 1
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]")
            connection.recv(1)


async def code(
    server: Server,
    tls: dict[str, str],
    *,
    host: str = HOST,
    secrets: Mapping[str, str] | None = None,
    scheme: str = "https",
) -> str:
    async def addresses(_: str, __: int) -> Any:
        return [ip_address("127.0.0.1")]

    egress = Egress(frozenset({Target(host, server.port)}), networks(["127.0.0.1/32"]), addresses)
    environment = Environment(secrets=Held(secrets or {}), egress=egress, clock=lambda: dt.datetime.now(dt.UTC))
    source = open_source({"url": f"{scheme}://{host}:{server.port}", "tls": tls}, environment)
    try:
        await ask(source, {"path": "/rows"})
    except SourceError as error:
        return error.code
    finally:
        await source.close()
    return ""


async def test_only_the_pinned_authority_and_the_right_name_are_trusted(tmp_path: Path) -> None:
    pinned = {"ca": AUTHORITY.pem}
    async with register(tmp_path, certificate(HOST, AUTHORITY)) as server:
        assert await code(server, pinned) == ""
        assert server.got[0].headers["host"] == f"{HOST}:{server.port}"
        assert await code(server, {}) == "unreachable_tls"
        assert await code(server, {"ca": STRANGER.pem}) == "unreachable_tls"
        assert await code(server, pinned, host="other.example") == "unreachable_tls"
        assert await code(server, {**pinned, "server_name": HOST}, host="other.example") == ""
        assert await code(server, {**pinned, "server_name": "third.example"}) == "unreachable_tls"
        assert await code(server, pinned, host="127.0.0.1") == "unreachable_tls"
        assert await code(server, {"ca": "secret:ca"}, secrets={"ca": AUTHORITY.pem}) == ""
        assert len(server.got) == 3


@pytest.mark.parametrize(
    "pair", [certificate(HOST, AUTHORITY, days=-1), certificate(HOST, STRANGER), certificate(HOST)]
)
async def test_expired_foreign_and_self_signed_certificates_are_refused(tmp_path: Path, pair: Pair) -> None:
    async with register(tmp_path, pair) as server:
        assert await code(server, {"ca": AUTHORITY.pem}) == "unreachable_tls"
        assert server.got == []


async def test_an_address_may_stand_in_the_certificate(tmp_path: Path) -> None:
    async with register(tmp_path, certificate("127.0.0.1", AUTHORITY)) as server:
        assert await code(server, {"ca": AUTHORITY.pem}, host="127.0.0.1") == ""


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_client_certificate_is_shown_and_a_wrong_one_is_denied(tmp_path: Path, newest: Any) -> None:
    own = {"ca": AUTHORITY.pem, "certificate": OWN.pem, "key": "secret:key"}
    other = certificate("hub.example", STRANGER)
    context = server_context(tmp_path, certificate(HOST, AUTHORITY))
    context.maximum_version = newest
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=AUTHORITY.pem)
    async with strict_register(context) as server:
        assert await code(server, own, secrets={"key": OWN.key_pem()}) == ""
        encrypted = {**own, "key_password": "secret:password"}
        assert await code(server, encrypted, secrets={"key": OWN.key_pem(PASSWORD), "password": PASSWORD}) == ""
        # Before TLS 1.3 the alert for "none shown" is the one for everything.
        missing = "unreachable_tls" if newest is ssl.TLSVersion.TLSv1_2 else "denied"
        assert await code(server, {"ca": AUTHORITY.pem}) == missing
        assert await code(server, {**own, "certificate": other.pem}, secrets={"key": other.key_pem()}) == "denied"
        assert server.connections == 2


async def test_speaking_plain_to_tls_and_tls_to_plain(tmp_path: Path) -> None:
    async with register(tmp_path, certificate(HOST, AUTHORITY)) as server:
        assert await code(server, {}, scheme="http") in {"faulty_cut_off", "faulty_protocol"}
    async with serving(lambda _: _never()) as server:
        assert await code(server, {"ca": AUTHORITY.pem}) == "unreachable_tls"


async def _never() -> Said:
    raise AssertionError


@pytest.mark.parametrize(
    ("tls", "pointer"),
    [
        ({"ca": "no certificate"}, "/tls/ca"),
        ({"ca": ""}, "/tls/ca"),
        ({"certificate": OWN.pem, "key": "secret:other"}, "/tls/certificate"),
        ({"certificate": "nonsense", "key": "secret:key"}, "/tls/certificate"),
        ({"certificate": OWN.pem, "key": "secret:locked"}, "/tls/certificate"),
        ({"certificate": OWN.pem, "key": "secret:locked", "key_password": "secret:key"}, "/tls/certificate"),
        ({"certificate": OWN.pem, "key": "secret:absent"}, "/secrets/absent"),
        ({"certificate": OWN.pem}, "/tls/key"),
        ({"certificate": OWN.pem, "key": OWN.key_pem()}, "/tls/key"),
        ({"verify": "no"}, "/tls/verify"),
    ],
)
def test_settings_that_cannot_be_used_are_named(tls: dict[str, str], pointer: str) -> None:
    secrets = {"key": OWN.key_pem(), "other": STRANGER.key_pem(), "locked": OWN.key_pem(PASSWORD)}
    environment = Environment(secrets=Held(secrets), egress=Egress(frozenset()), clock=lambda: dt.datetime.now(dt.UTC))
    with pytest.raises(DefinitionFaultError) as caught:
        open_source({"url": f"https://{HOST}", "tls": tls}, environment)
    assert caught.value.pointer == pointer
    assert "PRIVATE KEY" not in str(caught.value)


async def test_a_variable_does_not_choose_whom_we_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ca.pem").write_text(AUTHORITY.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    async with register(tmp_path, certificate(HOST, AUTHORITY)) as server:
        assert await code(server, {}) == "unreachable_tls"
