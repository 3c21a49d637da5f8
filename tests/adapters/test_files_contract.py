"""The promises of the port, on files of each format in a folder, and over SFTP from a real OpenSSH server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adapters.contract import Kind, SourceContract
from tests.adapters.files_town import WRITERS, files_kind, local, sftp_kind, sshd, write_csv


@pytest.mark.parametrize("format", WRITERS)
class TestFiles(SourceContract):
    @pytest.fixture
    def kind(self, tmp_path: Path, format: str) -> Kind:  # noqa: A002
        WRITERS[format](tmp_path / f"register.{format}")
        connection = local(tmp_path, format=format)
        return files_kind(connection, gone=connection | {"folder": str(tmp_path / "absent")})


class TestSftp(SourceContract):
    @pytest.fixture
    def kind(self, tmp_path: Path) -> Iterator[Kind]:
        folder = tmp_path / "drop"
        folder.mkdir()
        write_csv(folder / "register.csv")
        with sshd(tmp_path / "ssh") as server:
            yield sftp_kind(server, folder)
