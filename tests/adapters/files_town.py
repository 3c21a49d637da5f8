"""Folders that hold the town as CSV, XLSX and JSON lines, and a real sshd that serves one."""

import contextlib
import csv
import getpass
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pytest
import xlsxwriter

from adapters.egress import Target
from tests.adapters.contract import Kind
from tests.adapters.town import COLUMNS, ENTERPRISES

Rows = Iterable[Mapping[str, str]]
BY = {name: {"key": {name: name}} for name in COLUMNS}


def write_csv(path: Path, rows: Rows = ENTERPRISES, *, encoding: str = "utf-8") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_json_lines(path: Path, rows: Rows = ENTERPRISES) -> Path:
    path.write_text("".join(json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def write_xlsx(path: Path, rows: Rows = ENTERPRISES, *, sheet: str = "登记") -> Path:
    with xlsxwriter.Workbook(path) as book:
        page = book.add_worksheet(sheet)
        for number, row in enumerate([dict(zip(COLUMNS, COLUMNS, strict=True)), *rows]):
            for place, name in enumerate(COLUMNS):
                page.write_string(number, place, row[name])
    return path


WRITERS = {"csv": write_csv, "jsonl": write_json_lines, "xlsx": write_xlsx}


def local(folder: Path, **changes: Any) -> dict[str, Any]:
    """A connection that never waits: files in tests are whole when they are there."""
    whole = {"folder": str(folder), "glob": "register*", "format": "csv", "settle_seconds": 0, "check_seconds": 0}
    return whole | changes


def files_kind(connection: Mapping[str, Any], **more: Any) -> Kind:
    return Kind(
        kind="files", connection=connection, by_uscc=BY["uscc"], by_name=BY["name"], by_region=BY["region"], **more
    )


@dataclass
class Sshd:
    """An OpenSSH server for this machine's user, with one key and one folder."""

    port: int
    host_key: str
    user_key: str
    process: "subprocess.Popen[bytes]"
    user: str

    def children(self) -> list[int]:
        listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        parents = {int(pid): int(parent) for pid, parent in (line.split() for line in listed.splitlines())}
        family = {self.process.pid}
        for _ in range(4):
            family |= {pid for pid, parent in parents.items() if parent in family}
        return sorted(family - {self.process.pid})

    @asynccontextmanager
    async def silent(self) -> AsyncIterator[None]:
        stopped = [self.process.pid, *self.children()]
        for pid in stopped:
            _signal(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in stopped:
                _signal(pid, signal.SIGCONT)


def _signal(pid: int, number: signal.Signals) -> None:
    # A child that was only asked whether it is there may have ended.
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def sshd(folder: Path) -> Iterator[Sshd]:
    """Raises no privilege: sshd runs as whoever runs the tests and lets in nobody else."""
    if not Path("/usr/sbin/sshd").exists():
        pytest.skip("no sshd: make test installs one")
    folder.mkdir(mode=0o700)
    host, user = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    for name, text in (
        ("host", host.export_private_key("openssh")),
        ("authorized", user.export_public_key("openssh")),
    ):
        (folder / name).write_bytes(text)
        (folder / name).chmod(0o600)
    port = free_port()
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
        f"PidFile {folder}/pid\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\n"
        "PermitRootLogin prohibit-password\nStrictModes no\nSubsystem sftp internal-sftp\nMaxStartups 100\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    process = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", f"{folder}/config"], stderr=subprocess.PIPE)
    try:
        wait_for(port)
        public = host.export_public_key("openssh").decode().strip()
        yield Sshd(port, public, user.export_private_key("openssh").decode(), process, getpass.getuser())
    finally:
        process.terminate()
        process.communicate(timeout=20)


def wait_for(port: int) -> None:
    """Until somebody listens; twenty seconds at most."""
    for _ in range(400):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    pytest.fail("sshd did not start")


def sftp_connection(server: Sshd, folder: Path, **changes: Any) -> dict[str, Any]:
    sftp = {
        "host": "127.0.0.1",
        "port": server.port,
        "user": server.user,
        "key": "secret:sftp",
        "host_key": server.host_key,
        "path": str(folder),
    }
    whole = {"sftp": sftp | changes, "glob": "register*", "format": "csv", "settle_seconds": 0, "check_seconds": 0}
    return dict(whole)


def sftp_kind(server: Sshd, folder: Path) -> Kind:
    connection = sftp_connection(server, folder)
    stranger = asyncssh.generate_private_key("ssh-ed25519").export_private_key("openssh").decode()
    return files_kind(
        connection,
        secrets={"sftp": server.user_key},
        denied={"sftp": stranger},
        targets=frozenset({Target("127.0.0.1", server.port), Target("127.0.0.1", 1)}),
        gone=sftp_connection(server, folder, port=1),
        slow=server.silent,
    )
