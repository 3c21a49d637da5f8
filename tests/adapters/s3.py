"""Buckets in the S3 server of `deploy/test_s3.sh`, filled as a department fills them."""

import io
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from minio import Minio

from adapters.egress import Target
from tests.judges.absence import missing

S3 = os.environ.get("YIZHENG_TEST_S3")


@dataclass(frozen=True)
class TestBucket:
    """An empty bucket of its own."""

    __test__ = False
    url: str
    access_key: str
    secret: str = field(repr=False)
    client: Minio = field(repr=False)
    name: str = field(default_factory=lambda: f"t{uuid.uuid4().hex}")

    @property
    def target(self) -> Target:
        parts = urlsplit(self.url)
        return Target(str(parts.hostname), int(parts.port or 0))

    @property
    def address(self) -> str:
        """With its secret, as the hub's own setting has it."""
        return self.url.replace("://", f"://{self.access_key}:{self.secret}@")

    @property
    def connection(self) -> dict[str, Any]:
        return {"url": self.url, "bucket": self.name, "access_key": self.access_key, "secret_key": "secret:s3"}

    def put(self, key: str, content: bytes, part_size: int = 0) -> str:
        """Put an object; answers its etag."""
        made = self.client.put_object(
            bucket_name=self.name,
            object_name=key,
            data=io.BytesIO(content),
            length=-1 if part_size else len(content),
            part_size=part_size,
        )
        return str(made.etag)

    def remove(self, key: str) -> None:
        self.client.remove_object(bucket_name=self.name, object_name=key)


_FREE: list[TestBucket] = []


def new_bucket() -> Iterator[TestBucket]:
    """A bucket with nothing in it. Emptied, it serves the next test: to make and remove one takes longer than most."""
    if S3 is None:
        missing("S3 server (deploy/test_s3.sh)")
    bucket = _FREE.pop() if _FREE else _made(S3)
    yield bucket
    for item in bucket.client.list_objects(bucket_name=bucket.name, recursive=True):
        bucket.remove(str(item.object_name))
    _FREE.append(bucket)


def _made(url: str) -> TestBucket:
    parts = urlsplit(url)
    host = f"{parts.hostname}:{parts.port}"
    client = Minio(
        endpoint=host, access_key=parts.username, secret_key=parts.password, secure=False, region="us-east-1"
    )
    bucket = TestBucket(f"http://{host}", str(parts.username), str(parts.password), client)
    client.make_bucket(bucket_name=bucket.name)
    return bucket
