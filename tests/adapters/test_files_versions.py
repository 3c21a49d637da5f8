"""Files that change: half-written, replaced while they are read, newer and faulty, several at once."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.errors import FaultyAnswerError
from adapters.port import Budget
from tests.adapters.contract import BUDGET, ask, until
from tests.adapters.files_asking import ALL, HEADER, PLENTY, aged, fault, known, row
from tests.adapters.files_town import BY, files_kind, local, write_csv, write_json_lines, write_xlsx
from tests.adapters.town import CROWD, KNOWN


@pytest.mark.parametrize("half", ["91990100MA", '91990100MA0000001X,"示例', f"{KNOWN['uscc']},半,2020-01-01,999900"])
async def test_a_half_written_file_leaves_the_one_before_in_place(tmp_path: Path, half: str) -> None:
    path = write_csv(tmp_path / "register.csv")
    async with files_kind(local(tmp_path)).open() as source:
        first = await known(source)
        with path.open("a", encoding="utf-8") as file:
            file.write(half)
        for _ in range(3):
            assert await known(source) == first
        probe = await source.probe(BUDGET)
        assert (probe.ok, probe.code) == (True, "")
        with path.open("a", encoding="utf-8") as file:
            file.write("\n" if half.endswith("999900") else f',x,y,z"\n{HEADER}\n')

        async def newer() -> bool:
            answer = await known(source)
            return answer.as_of is not None and first.as_of is not None and answer.as_of > first.as_of

        await until(newer)


@pytest.mark.parametrize("format", ["csv", "jsonl", "xlsx"])
async def test_a_half_written_file_alone_answers_nothing(tmp_path: Path, format: str) -> None:  # noqa: A002
    whole = {"csv": write_csv, "jsonl": write_json_lines, "xlsx": write_xlsx}[format](tmp_path / "whole")
    (tmp_path / "register").write_bytes(whole.read_bytes()[:-7])
    assert await fault(tmp_path, format=format) == "faulty_incomplete"
    (tmp_path / "register").write_bytes(b"")
    assert await fault(tmp_path, format=format) == "faulty_incomplete"


async def test_a_file_that_still_changes_is_waited_for(tmp_path: Path) -> None:
    connection = local(tmp_path, settle_seconds=3600)
    path = write_csv(tmp_path / "register.csv")
    async with files_kind(connection).open() as source:
        assert not (await source.probe(Budget(total_seconds=0.3))).ok
        aged(path, 7200)
        assert len((await known(source)).rows) == 1
        write_csv(path, [row(name="新")])
        assert (await known(source)).rows[0]["name"] == KNOWN["name"]


async def test_no_answer_mixes_two_versions_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "register.csv"
    versions = [[row(uscc=f"{n:018d}", name=f"第{version}版") for n in range(3000)] for version in range(2)]
    write_csv(path, versions[0])
    async with files_kind(local(tmp_path)).open() as source:
        assert len((await ask(source, ALL, PLENTY)).rows) == 3000

        async def rewrite() -> None:
            for number in range(30):
                # In place and by renaming, as departments do both.
                if number % 3:
                    await asyncio.to_thread(write_csv, path, versions[number % 2])
                else:
                    await asyncio.to_thread(write_csv, tmp_path / "next", versions[number % 2])
                    (tmp_path / "next").rename(path)
                await asyncio.sleep(0.02)

        writing = asyncio.create_task(rewrite())
        while not writing.done():
            rows = (await ask(source, ALL, PLENTY)).rows
            assert len(rows) == 3000
            assert len({found["name"] for found in rows}) == 1
        await writing

        async def last() -> bool:
            return {found["name"] for found in (await ask(source, ALL, PLENTY)).rows} == {"第1版"}

        await until(last)


async def test_a_faulty_newer_file_does_not_bring_back_an_older_one(tmp_path: Path) -> None:
    aged(write_csv(tmp_path / "register-1.csv", [row(name="旧")]), 1000)
    newer = aged(write_csv(tmp_path / "register-2.csv", [row(name="新")]), 500)
    async with files_kind(local(tmp_path)).open() as source:
        assert (await known(source)).rows[0]["name"] == "新"
        newer.write_text("half", encoding="utf-8")
        assert (await known(source)).rows[0]["name"] == "新"
        newer.unlink()

        async def older() -> bool:
            return bool((await known(source)).rows[0]["name"] == "旧")

        await until(older)
        (tmp_path / "register-1.csv").unlink()
        with pytest.raises(FaultyAnswerError) as caught:
            await known(source)
        assert caught.value.reason == "absent"


async def test_all_files_together_are_one_register_as_old_as_the_oldest(tmp_path: Path) -> None:
    aged(write_csv(tmp_path / "register-kc.csv", CROWD[:3]), 900)
    write_csv(tmp_path / "register-jj.csv", CROWD[3:6])
    async with files_kind(local(tmp_path, select="all")).open() as source:
        answer = await ask(source, BY["region"], region=CROWD[0]["region"])
        assert sorted(found["uscc"] for found in answer.rows) == [item["uscc"] for item in CROWD[:6]]
        assert answer.as_of is not None
        assert datetime.now(UTC) - answer.as_of > timedelta(seconds=899)
        (tmp_path / "register-new.csv").write_text("half", encoding="utf-8")
        with pytest.raises(FaultyAnswerError) as caught:
            await ask(source, BY["region"], region=CROWD[0]["region"])
        assert caught.value.reason == "incomplete"
