"""Where files lie: links lead nowhere, indexes are private and go away, and memory stays flat."""

import asyncio
import os
import stat
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import DefinitionFaultError, UnreachableError
from adapters.registry import open_source
from tests.adapters.contract import until
from tests.adapters.files_asking import HEADER, fault, known, names, row
from tests.adapters.files_town import files_kind, local, write_csv
from tests.adapters.town import KNOWN


async def test_links_and_what_is_no_file_are_not_there(tmp_path: Path) -> None:
    folder, outside = tmp_path / "drop", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    write_csv(outside / "register.csv", [row(name="外")])
    (folder / "register-link.csv").symlink_to(outside / "register.csv")
    (folder / "register-up.csv").symlink_to("../outside/register.csv")
    os.mkfifo(folder / "register-pipe.csv")
    (folder / "register-folder.csv").mkdir()
    (folder / ".register.csv").write_text(f"{HEADER}\n", encoding="utf-8")
    assert await fault(folder, glob="*") == "faulty_absent"
    write_csv(folder / "v1", [row(name="内")])
    (folder / "register-current.csv").symlink_to("v1")
    assert await names(folder) == ["内"]


async def test_a_folder_that_became_a_link_is_not_followed(tmp_path: Path) -> None:
    drop, private = tmp_path / "drop", tmp_path / "private"
    drop.mkdir()
    private.mkdir()
    write_csv(drop / "register.csv")
    write_csv(private / "register.csv", [row(name="私")])
    async with files_kind(local(drop)).open() as source:
        assert len((await known(source)).rows) == 1
        drop.rename(tmp_path / "away")
        drop.symlink_to(private)
        with pytest.raises(UnreachableError) as caught:
            await known(source)
        assert caught.value.reason == "refused"


async def test_indexes_are_private_shared_between_processes_and_pruned(tmp_path: Path) -> None:
    write_csv(tmp_path / "register.csv")
    index_dir = tmp_path / "indexes"
    connection = local(tmp_path, index_dir=str(index_dir))
    async with files_kind(connection).open() as first:
        await known(first)
        made = list(index_dir.iterdir())
        assert [stat.S_IMODE(path.stat().st_mode) for path in (index_dir, *made)] == [0o700, 0o600]
        assert KNOWN["uscc"] not in str(made)
        async with files_kind(connection).open() as second:
            await known(second)
        assert list(index_dir.iterdir()) == made
        write_csv(tmp_path / "register.csv", [row(name="新")])

        async def newer() -> bool:
            return bool((await known(first)).rows[0]["name"] == "新")

        await until(newer)
        await until(lambda: _one_other(index_dir, made))
    assert len(list(index_dir.iterdir())) == 1


async def _one_other(folder: Path, before: list[Path]) -> bool:
    now = await asyncio.to_thread(lambda: list(folder.iterdir()))
    return len(now) == 1 and now != before


async def test_a_private_index_is_gone_with_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    drop, scratch = tmp_path / "drop", tmp_path / "scratch"
    drop.mkdir()
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    write_csv(drop / "register.csv")
    async with files_kind(local(drop)).open() as source:
        await known(source)
        modes = [stat.S_IMODE(path.stat().st_mode) for path in sorted(scratch.rglob("*"))]
        assert modes == [0o700, 0o600]
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "pointer", "rule"),
    [
        ({"glob": "../*.csv"}, "/glob", "one_folder"),
        ({"glob": "a/b.csv"}, "/glob", "one_folder"),
        ({"folder": "relative"}, "/folder", "absolute_path"),
        ({"folder": "/data/../etc"}, "/folder", "absolute_path"),
        ({"index_dir": "relative"}, "/index_dir", "absolute_path"),
        ({"index_dir": "/usr"}, "/index_dir", "private_folder"),
        ({"format": "xml"}, "/format", "enum"),
        ({"sftp": {"host": "h", "user": "u", "host_key": "x" * 20}}, "/sftp", "anyOf"),
        ({"sftp": {"host": "h", "user": "u", "key": "secret:k", "host_key": "x" * 20}}, "/folder", "folder_or_sftp"),
    ],
)
def test_a_connection_that_cannot_be_used_is_refused_with_its_place(
    changes: Mapping[str, Any], pointer: str, rule: str
) -> None:
    with pytest.raises(DefinitionFaultError) as caught:
        open_source("files", local(Path("/data")) | dict(changes), files_kind({}).environment())
    assert (caught.value.pointer, caught.value.rule) == (pointer, rule)


async def test_closing_while_a_file_is_indexed_ends_the_question(tmp_path: Path) -> None:
    with (tmp_path / "register.csv").open("w", encoding="utf-8") as file:
        file.write(f"{HEADER}\n")
        file.writelines(f"{n:018d},甲,2020-01-01,999900\n" for n in range(400_000))
    async with files_kind(local(tmp_path)).open() as source:
        task = asyncio.create_task(known(source))
        await asyncio.sleep(0.2)
        await source.close()
        with pytest.raises(UnreachableError) as caught:
            await task
        assert caught.value.reason == "closed"


LONG = """
    import asyncio, resource, sys
    from datetime import UTC, datetime
    from adapters.egress import Egress
    from adapters.port import Budget, Context, Environment
    from adapters.registry import open_source

    async def main():
        connection = {"folder": sys.argv[1], "glob": "*.csv", "format": "csv", "settle_seconds": 0, "check_seconds": 0}
        environment = Environment(secrets=None, egress=Egress(frozenset()), clock=lambda: datetime.now(UTC))
        source = open_source("files", connection, environment)
        prepared = source.prepare({"key": {"uscc": "uscc"}})
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in (0, 150_000, 299_999):
            budget = Budget(total_seconds=300, read_seconds=300)
            answer = await source.ask(prepared, {"uscc": f"{number:018d}"}, budget=budget, context=Context())
            assert [row["name"] for row in answer.rows] == [f"企业{number}"], answer
        await source.close()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)

    asyncio.run(main())
"""


@pytest.mark.slow
def test_memory_stays_flat_over_a_long_register(tmp_path: Path) -> None:
    with (tmp_path / "register.csv").open("w", encoding="utf-8") as file:
        file.write("uscc,name,scope\n")
        file.writelines(f"{n:018d},企业{n},{'经营范围' * 20}\n" for n in range(300_000))
    assert (tmp_path / "register.csv").stat().st_size > 60_000_000
    command = [sys.executable, "-c", textwrap.dedent(LONG), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 60_000
