"""TLS to databases: the certificate is checked against the name while the connection goes to the checked address."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.egress import Target
from adapters.errors import DeniedError, UnreachableError
from tests.adapters.contract import Kind, ask
from tests.adapters.files_town import free_port, wait_for
from tests.adapters.sql_servers import PASSWORD, database_kind

NAME = "localhost"
USER = "reader"


@dataclass(frozen=True)
class Certified:
    certificate: str
    key: str


def certified(name: str, *, issuer: "Authority | None" = None, alternative: str | None = None) -> Certified:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if alternative:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(alternative)]), critical=False)
    made = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    return Certified(
        made.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )


@dataclass(frozen=True)
class Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    pem: str


def authority() -> Authority:
    made = certified("Test CA")
    key = serialization.load_pem_private_key(made.key.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Authority(x509.load_pem_x509_certificate(made.certificate.encode()), key, made.certificate)


def as_user(user: str) -> list[str]:
    return ["runuser", "-u", user, "--"] if os.getuid() == 0 else []


def owned(user: str, *paths: Path) -> None:
    if os.getuid() == 0:
        for path in paths:
            shutil.chown(path, user)


@contextmanager
def scratch() -> Iterator[Path]:
    """A short path that the servers' own users may enter."""
    with tempfile.TemporaryDirectory(prefix="yz-tls-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def put(folder: Path, user: str, ca: Authority, server: Certified) -> None:
    for name, text in (("ca.pem", ca.pem), ("server.pem", server.certificate), ("server.key", server.key)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
        owned(user, folder / name)


@contextmanager
def postgres(folder: Path, ca: Authority, server: Certified) -> Iterator[int]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL: make test installs one")
    programs, port, run = found[-1].parent, free_port(), as_user("postgres")
    put(folder, "postgres", ca, server)
    owned("postgres", folder)
    data = folder / "data"
    subprocess.run(
        [*run, programs / "initdb", "-D", data, "-U", "admin", "-A", "trust"], check=True, stdout=-3, cwd="/"
    )
    (data / "pg_hba.conf").write_text(
        f"hostssl all {USER} 127.0.0.1/32 scram-sha-256\nhost all {USER} 127.0.0.1/32 reject\n"
        "hostssl all certified 127.0.0.1/32 cert\nhost all admin 127.0.0.1/32 trust\n"
    )
    options = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": folder,
        "ssl": "on",
        "ssl_cert_file": folder / "server.pem",
        "ssl_key_file": folder / "server.key",
        "ssl_ca_file": folder / "ca.pem",
        "fsync": "off",
    }
    settings = [text for name, value in options.items() for text in ("-c", f"{name}={value}")]
    process = subprocess.Popen([*run, programs / "postgres", "-D", data, *settings], stderr=-3, stdout=-3, cwd="/")
    try:
        wait_for(port)
        with psycopg.connect(_ready(port), autocommit=True) as link:
            link.execute(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'")
            link.execute("CREATE ROLE certified LOGIN")
        yield port
    finally:
        process.terminate()
        process.wait(30)


def _ready(port: int) -> str:
    url = f"postgresql://admin@127.0.0.1:{port}/postgres"
    for _ in range(200):
        with suppress(psycopg.OperationalError), psycopg.connect(url):
            return url
        time.sleep(0.05)
    pytest.fail("PostgreSQL did not start")


@contextmanager
def mariadb(folder: Path, ca: Authority, server: Certified) -> Iterator[int]:
    if not Path("/usr/sbin/mariadbd").exists():
        pytest.skip("no MariaDB: make test installs one")
    port, run, data = free_port(), as_user("mysql"), folder / "data"
    put(folder, "mysql", ca, server)
    owned("mysql", folder)
    install = [*run, "mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db"]
    subprocess.run([*install, "--auth-root-authentication-method=normal"], check=True, stdout=-3, stderr=-3, cwd="/")
    files = [f"--ssl-ca={folder}/ca.pem", f"--ssl-cert={folder}/server.pem", f"--ssl-key={folder}/server.key"]
    process = subprocess.Popen(
        [
            *run, "/usr/sbin/mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={folder}/s", f"--port={port}",
            "--bind-address=127.0.0.1", f"--pid-file={folder}/pid", f"--log-error={folder}/log", *files,
        ],
        stderr=-3, stdout=-3, cwd="/",
    )  # fmt: skip
    try:
        wait_for(port)
        with (
            pymysql.connect(host="127.0.0.1", port=port, user="root", autocommit=True) as link,
            link.cursor() as cursor,
        ):
            cursor.execute(f"CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL")
            cursor.execute(f"CREATE USER certified@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE X509")
            cursor.execute("CREATE DATABASE postgres")
            cursor.execute("GRANT SELECT ON postgres.* TO reader@'%', certified@'%'")
        yield port
    finally:
        process.terminate()
        process.wait(30)


def kind(dialect: str, port: int, ssl: dict[str, Any] | None, user: str = USER, **secrets: str) -> Kind:
    connection = {
        "dialect": dialect, "host": NAME, "port": port, "database": "postgres", "user": user,
        "password": "secret:reader",
    }  # fmt: skip
    if ssl is not None:
        connection["ssl"] = ssl
    return database_kind(connection, secrets={"reader": PASSWORD} | secrets, targets=frozenset({Target(NAME, port)}))


async def asked(asking: Kind) -> list[Any]:
    async with asking.open() as source:
        return list((await ask(source, {"statement": "SELECT 1 AS one"})).rows)


async def refused(asking: Kind) -> str:
    with pytest.raises((UnreachableError, DeniedError)) as caught:
        await asked(asking)
    return caught.value.code


SERVERS = {"postgresql": postgres, "mariadb": mariadb}


@pytest.mark.parametrize("dialect", SERVERS)
async def test_the_chain_and_the_name_are_checked_and_a_client_certificate_is_shown(
    dialect: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca, stranger = authority(), authority()
    own = certified("certified", issuer=ca)
    with scratch() as folder, SERVERS[dialect](folder, ca, certified("x", issuer=ca, alternative=NAME)) as port:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        assert await asked(kind(dialect, port, {"ca": ca.pem})) == [{"one": 1}]
        assert await refused(kind(dialect, port, {"ca": stranger.pem})) == "unreachable_tls"
        assert await refused(kind(dialect, port, {})) == "unreachable_tls"
        assert await refused(kind(dialect, port, {"ca": ca.pem, "server_name": "db.invalid"})) == "unreachable_tls"
        assert await refused(kind(dialect, port, None)) == "denied"
        shown = {"ca": ca.pem, "client_cert": own.certificate, "client_key": "secret:own"}
        assert await asked(kind(dialect, port, shown, user="certified", own=own.key)) == [{"one": 1}]
        assert await refused(kind(dialect, port, {"ca": ca.pem}, user="certified")) == "denied"
    assert left(tmp_path) == []


def left(folder: Path) -> list[Path]:
    return list(folder.rglob("*"))
