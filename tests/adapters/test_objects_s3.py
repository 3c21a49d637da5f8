"""Reading a bucket of a real S3 server: names, pieces, versions, credentials; and servers that are none."""

import hashlib
import io
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.egress import Egress, Target
from adapters.errors import DeniedError, FaultyAnswerError, UnreachableError
from adapters.objects_place import BucketFolder
from adapters.objects_s3 import Bucket
from adapters.port import Environment
from tests.adapters.contract import BUDGET, LOOPBACK, Held, told
from tests.adapters.s3 import TestBucket, new_bucket
from tests.adapters.servers import Got, Said, serving

KEYS = ["amr/企业 名单+1.csv", "amr/a&b=c?d#e%20.csv", "amr/~plain.csv", "amr/'quoted' \"x\" <y>.csv", "other/x.csv"]


@pytest.fixture
def there() -> Iterator[TestBucket]:
    yield from new_bucket()


@asynccontextmanager
async def opened(
    connection: Mapping[str, Any],
    target: Target,
    *,
    secret: str,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncIterator[Bucket]:
    environment = Environment(secrets=Held({"s3": secret}), egress=Egress(frozenset({target}), LOOPBACK), clock=clock)
    bucket = Bucket(connection, environment)
    try:
        yield bucket
    finally:
        await bucket.close()


async def test_objects_are_listed_under_any_name_and_fetched_whole(there: TestBucket) -> None:
    contents = {key: f"{key} says this".encode() for key in KEYS}
    etags = {key: there.put(key, content) for key, content in contents.items()}
    async with opened(there.connection, there.target, secret=there.secret) as bucket:
        found = {stored.key: stored for stored in await bucket.list("amr/", BUDGET, most=10)}
        assert found.keys() == {key for key in KEYS if key.startswith("amr/")}
        for key, stored in found.items():
            assert (stored.etag, stored.size) == (etags[key], len(contents[key]))
            assert abs(stored.modified - datetime.now(UTC)) < timedelta(hours=1)
            into = io.BytesIO()
            await bucket.fetch(stored, into)
            assert into.getvalue() == contents[key]


async def test_a_large_object_comes_in_pieces_and_one_of_parts_too(there: TestBucket) -> None:
    content = os.urandom(9_500_000)
    there.put("whole", content)
    there.put("parts", content, part_size=5_242_880)
    there.put("empty", b"")
    async with opened(there.connection, there.target, secret=there.secret) as bucket:
        for stored in await bucket.list("", BUDGET, most=10):
            into = io.BytesIO()
            await bucket.fetch(stored, into)
            wanted = b"" if stored.key == "empty" else content
            assert hashlib.sha256(into.getvalue()).digest() == hashlib.sha256(wanted).digest()


async def test_more_names_than_a_page_are_listed_and_more_than_allowed_are_an_error(there: TestBucket) -> None:
    for number in range(1_005):
        there.put(f"p/{number:04d}", b"x")
    async with opened(there.connection, there.target, secret=there.secret) as bucket:
        found = await bucket.list("p/", BUDGET, most=1_005)
        assert [stored.key for stored in found] == [f"p/{number:04d}" for number in range(1_005)]
        with pytest.raises(FaultyAnswerError) as caught:
            await bucket.list("p/", BUDGET, most=1_004)
        assert caught.value.reason == "too_many_objects"


@pytest.mark.parametrize("gone", [True, False])
async def test_an_object_that_changed_since_it_was_seen_is_not_mixed_up(there: TestBucket, *, gone: bool) -> None:
    there.put("x.csv", b"before")
    async with opened(there.connection, there.target, secret=there.secret) as bucket:
        place = BucketFolder(bucket, "", "*.csv")
        (seen,) = await place.look(BUDGET)
        there.remove("x.csv") if gone else there.put("x.csv", b"after!")
        with pytest.raises(FaultyAnswerError) as caught:
            await place.take(seen)
        assert caught.value.reason == "changed"


async def test_a_folder_sees_plain_names_of_its_own_only(there: TestBucket) -> None:
    for key in ("d/a.csv", "d/b.txt", "d/.hidden.csv", "d/e/f.csv", "da.csv", "d/"):
        there.put(key, b"a,b\n")
    async with opened(there.connection, there.target, secret=there.secret) as bucket:
        place = BucketFolder(bucket, "d/", "*.csv")
        (seen,) = await place.look(BUDGET)
        assert seen.name == "a.csv"
        with await place.take(seen) as stream:
            assert stream.read() == b"a,b\n"
            assert await place.unchanged(seen, stream)


async def test_a_wrong_secret_a_wrong_clock_and_a_wrong_bucket(there: TestBucket) -> None:
    there.put("x", b"x")
    wrong = "wr0ng-secret-of-nobody-9c1d"
    async with opened(there.connection, there.target, secret=wrong) as bucket:
        with pytest.raises(DeniedError) as caught:
            await bucket.list("", BUDGET, most=1)
        assert wrong not in told(caught.value)
    late = opened(
        there.connection, there.target, secret=there.secret, clock=lambda: datetime.now(UTC) - timedelta(hours=2)
    )
    async with late as bucket:
        with pytest.raises(DeniedError):
            await bucket.list("", BUDGET, most=1)
    async with opened(there.connection | {"bucket": "nobodys"}, there.target, secret=there.secret) as bucket:
        with pytest.raises(FaultyAnswerError) as missing:
            await bucket.list("", BUDGET, most=1)
        assert missing.value.reason == "status_404"


async def test_a_server_that_is_not_declared_is_not_reached(there: TestBucket) -> None:
    async with opened(there.connection, Target("127.0.0.1", 1), secret=there.secret) as bucket:
        with pytest.raises(UnreachableError) as caught:
            await bucket.list("", BUDGET, most=1)
        assert caught.value.reason == "egress"


LISTING = (
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated><Contents>'
    "<Key>x.csv</Key><LastModified>2026-01-01T00:00:00Z</LastModified><Size>{size}</Size><ETag>{etag}</ETag>"
    "</Contents></ListBucketResult>"
)
MD5 = hashlib.md5(b"12345").hexdigest()  # noqa: S324
LIES: dict[str, tuple[str, bytes, int, str]] = {
    "other bytes": (LISTING.format(size=5, etag=MD5), b"54321", 206, "checksum"),
    "fewer bytes": (LISTING.format(size=5, etag=MD5), b"1234", 206, "incomplete"),
    "more bytes": (LISTING.format(size=5, etag=MD5), b"123456", 206, "incomplete"),
    "no size": (LISTING.format(size="x", etag=MD5), b"", 200, "shape"),
    "a negative size": (LISTING.format(size=-1, etag=MD5), b"", 200, "shape"),
    "a document type": ("<!DOCTYPE x>" + LISTING.format(size=5, etag=MD5), b"", 200, "doctype"),
    "no listing": ("<html>", b"", 200, "not_xml"),
    "a failure": (LISTING.format(size=5, etag=MD5), b"", 503, "status_503"),
}


@pytest.mark.parametrize("case", LIES)
async def test_a_server_that_lies_is_a_fault(case: str) -> None:
    listing, content, status, reason = LIES[case]

    async def lie(got: Got) -> Said:
        if "list-type" in got.query:
            return Said(200, listing.encode(), (("Content-Type", "application/xml"),))
        return Said(status, content, (("Content-Type", "text/csv"),))

    async with serving(lie) as server:
        connection = {"url": server.url, "bucket": "b", "access_key": "a", "secret_key": "secret:s3"}
        async with opened(connection, server.target, secret="s") as bucket:
            place = BucketFolder(bucket, "", "*.csv")
            with pytest.raises(FaultyAnswerError) as caught:
                await place.take((await place.look(BUDGET))[0])
            assert caught.value.reason == reason
