"""SFTP from a real OpenSSH server: the host key is pinned, versions are whole, nothing of the hub's own is offered."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import asyncssh
import pytest

from adapters.errors import DefinitionFaultError, FaultyAnswerError, UnreachableError
from adapters.registry import open_source
from tests.adapters.contract import Kind, ask, until
from tests.adapters.files_town import BY, Sshd, files_kind, sftp_connection, sftp_kind, sshd, write_csv
from tests.adapters.town import KNOWN


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    write_csv(folder / "register.csv")
    return folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    with sshd(tmp_path / "ssh") as running:
        yield running


def pinned(server: Sshd, drop: Path, host_key: object) -> Kind:
    kind = sftp_kind(server, drop)
    return files_kind(sftp_connection(server, drop, host_key=host_key), secrets=kind.secrets, targets=kind.targets)


def fingerprint(text: str) -> str:
    return str(asyncssh.import_public_key(text).get_fingerprint("sha256"))


async def test_the_pinned_key_may_be_a_key_a_fingerprint_or_several(server: Sshd, drop: Path) -> None:
    other = fingerprint(asyncssh.generate_private_key("ssh-ed25519").export_public_key("openssh").decode())
    for pin in (server.host_key, fingerprint(server.host_key), [other, fingerprint(server.host_key)]):
        async with pinned(server, drop, pin).open() as source:
            assert [dict(row) for row in (await ask(source, BY["uscc"], uscc=KNOWN["uscc"])).rows] == [KNOWN]


async def test_another_host_key_is_refused(server: Sshd, drop: Path) -> None:
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_public_key("openssh").decode()
    for pin in (stranger, fingerprint(stranger)):
        async with pinned(server, drop, pin).open() as source:
            with pytest.raises(UnreachableError) as caught:
                await ask(source, BY["uscc"], uscc=KNOWN["uscc"])
            assert caught.value.reason == "tls"


def test_a_pin_that_is_no_key_is_refused(server: Sshd, drop: Path) -> None:
    kind = pinned(server, drop, "ssh-ed25519 this-is-no-key")
    with pytest.raises(DefinitionFaultError) as caught:
        open_source("files", kind.connection, kind.environment())
    assert (caught.value.pointer, caught.value.rule) == ("/sftp/host_key", "host_key")


async def test_a_private_key_that_cannot_be_read_is_named(server: Sshd, drop: Path) -> None:
    kind = sftp_kind(server, drop)
    async with kind.open(secrets={"sftp": "no key at all"}) as source:
        with pytest.raises(DefinitionFaultError) as caught:
            await ask(source, BY["uscc"], uscc=KNOWN["uscc"])
    assert (caught.value.pointer, caught.value.rule) == ("/sftp/key", "private_key")


async def test_newer_files_are_taken_and_half_written_ones_and_links_are_not(server: Sshd, drop: Path) -> None:
    async with sftp_kind(server, drop).open() as source:
        assert (await ask(source, BY["uscc"], uscc=KNOWN["uscc"])).rows[0]["name"] == KNOWN["name"]
        # The same size in the same second: only the bytes tell.
        write_csv(drop / "register.csv", [dict(KNOWN) | {"name": KNOWN["name"][::-1]}])

        async def newer() -> bool:
            answer = await ask(source, BY["uscc"], uscc=KNOWN["uscc"])
            return bool(answer.rows[0]["name"] == KNOWN["name"][::-1])

        await until(newer)
        (drop / "register.csv").write_text("uscc,name\n1,hal", encoding="utf-8")
        assert await newer()
        (drop / "register.csv").unlink()
        write_csv(drop.parent / "elsewhere.csv")
        (drop / "register-link.csv").symlink_to(drop.parent / "elsewhere.csv")
        with pytest.raises(FaultyAnswerError) as caught:
            await ask(source, BY["uscc"], uscc=KNOWN["uscc"])
        assert caught.value.reason == "absent"


async def test_a_connection_that_broke_is_opened_again(server: Sshd, drop: Path) -> None:
    async with sftp_kind(server, drop).open() as source:
        assert len((await ask(source, BY["uscc"], uscc=KNOWN["uscc"])).rows) == 1
        for child in server.children():
            _end(child)

        async def healed() -> bool:
            try:
                return len((await ask(source, BY["uscc"], uscc=KNOWN["uscc"])).rows) == 1
            except UnreachableError:
                return False

        await until(healed)


def _end(child: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
