"""The promises of the port, over a bucket of a real S3 server: CSV, JSON lines and XLSX, new versions, gone ones."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
import xlsxwriter

from adapters.egress import Target
from adapters.errors import DefinitionFaultError, FaultyAnswerError
from tests.adapters.contract import PATIENCE, Kind, SourceContract, ask, until
from tests.adapters.s3 import TestBucket, new_bucket
from tests.adapters.servers import Got, Said, Server, nobody, serving
from tests.adapters.town import COLUMNS, ENTERPRISES, KNOWN, RARE

PREFIX = "amr/enterprises/"
WRONG = "wr0ng-secret-of-nobody-9c1d"
BY_USCC = {"key": {"uscc": "uscc"}}


def as_csv(rows: Any = ENTERPRISES) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_jsonl(rows: Any = ENTERPRISES) -> bytes:
    return "".join(json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows).encode()


def as_xlsx(rows: Any = ENTERPRISES) -> bytes:
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"strings_to_formulas": False, "in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, values in enumerate([COLUMNS, *(row.values() for row in rows)]):
            for place, value in enumerate(values):
                sheet.write_string(number, place, str(value))
    return made.getvalue()


FORMATS = {"csv": as_csv, "jsonl": as_jsonl, "xlsx": as_xlsx}


@pytest.fixture
def there() -> Iterator[TestBucket]:
    yield from new_bucket()


@asynccontextmanager
async def fronted(bucket: TestBucket) -> AsyncIterator[Server]:
    """A front of the S3 server that can hold requests and count them; signatures pass through it."""
    async with httpx2.AsyncClient(timeout=PATIENCE) as behind:

        async def forward(got: Got) -> Said:
            url = httpx2.URL(bucket.url).copy_with(raw_path=got.target.encode())
            answer = await behind.request(got.method, url, headers=got.headers)
            kept = {name: value for name, value in answer.headers.items() if name in {"content-type", "etag"}}
            return Said(answer.status_code, answer.content, tuple(kept.items()))

        async with serving(forward) as front:
            yield front


def kind_of(bucket: TestBucket, front: Server, file_format: str = "csv", *, gone: int = 1, **members: Any) -> Kind:
    connection = bucket.connection | {
        "url": front.url,
        "prefix": PREFIX,
        "glob": f"*.{file_format}",
        "format": file_format,
        "check_seconds": 0,
    }
    return Kind(
        kind="objects",
        connection=connection | members,
        by_uscc=BY_USCC,
        by_name={"key": {"name": "name"}},
        by_region={"key": {"region": "region"}},
        secrets={"s3": bucket.secret},
        targets=frozenset({front.target, Target("127.0.0.1", gone)}),
        gone=connection | members | {"url": f"http://127.0.0.1:{gone}"},
        denied={"s3": WRONG},
        slow=front.held,
        busy=front.busy,
    )


class TestObjects(SourceContract):
    """Of one format: what is read out of a file is that of a folder, whose contract knows all three."""

    @pytest.fixture
    async def kind(self, there: TestBucket) -> AsyncIterator[Kind]:
        there.put(f"{PREFIX}register.csv", as_csv())
        async with fronted(there) as front, nobody() as gone:
            yield kind_of(there, front, gone=gone)


@pytest.mark.parametrize("file_format", FORMATS)
async def test_every_format_is_read_out_of_a_bucket(there: TestBucket, file_format: str) -> None:
    there.put(f"{PREFIX}register.{file_format}", FORMATS[file_format]())
    async with fronted(there) as front, kind_of(there, front, file_format).open() as source:
        assert list((await ask(source, BY_USCC, uscc=KNOWN["uscc"])).rows) == [KNOWN]
        assert list((await ask(source, BY_USCC, uscc=RARE["uscc"])).rows) == [RARE]
        assert len((await ask(source, {"key": {"region": "region"}}, region=KNOWN["region"])).rows) > 1


async def test_an_object_is_fetched_once_a_version(there: TestBucket) -> None:
    there.put(f"{PREFIX}register.csv", as_csv([KNOWN]))
    async with fronted(there) as front, kind_of(there, front).open() as source:

        def fetched() -> int:
            return sum("list-type" not in got.query for got in front.got)

        for _ in range(3):
            assert list((await ask(source, BY_USCC, uscc=KNOWN["uscc"])).rows) == [KNOWN]
        assert fetched() == 1
        there.put(f"{PREFIX}register.csv", as_csv([KNOWN, RARE]))

        async def arrived() -> bool:
            return len((await ask(source, BY_USCC, uscc=RARE["uscc"])).rows) == 1

        await until(arrived)
        assert fetched() == 2


async def test_what_is_no_register_is_a_fault_and_an_empty_prefix_too(there: TestBucket) -> None:
    async with fronted(there) as front:
        async with kind_of(there, front).open() as source:
            with pytest.raises(FaultyAnswerError) as caught:
                await ask(source, BY_USCC, uscc=KNOWN["uscc"])
            assert caught.value.reason == "absent"
        there.put(f"{PREFIX}register.csv", as_csv()[:-5])
        async with kind_of(there, front).open() as source:
            with pytest.raises(FaultyAnswerError) as caught:
                await ask(source, BY_USCC, uscc=KNOWN["uscc"])
            assert caught.value.reason == "incomplete"


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"bucket": "Not_A_Bucket"}, "/bucket"),
        ({"bucket": "a/../b"}, "/bucket"),
        ({"secret_key": "in-plain-text"}, "/secret_key"),
        ({"url": "file:///x"}, "/url"),
        ({"glob": "../x"}, "/glob"),
    ],
)
async def test_a_connection_that_cannot_be_is_refused(members: dict[str, Any], pointer: str) -> None:
    connection = {"url": "http://s3.invalid", "bucket": "bucket", "access_key": "a", "secret_key": "secret:s3"}
    whole = connection | {"glob": "*.csv", "format": "csv"} | members
    kind = Kind(kind="objects", connection=whole, by_uscc={}, by_name={}, by_region={})
    with pytest.raises(DefinitionFaultError) as caught:
        async with kind.open():
            pass
    assert caught.value.pointer == pointer
