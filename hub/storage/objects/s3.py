"""The objects port over any S3 server, through the minio package on connections of our own (pitfall F13).

Left to itself that package waits five minutes for a connection and five for an answer, five times over, and does so
on the caller's thread: a store that is away would stop the hub. Here an answer comes within seconds, or an error.
"""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final
from urllib.parse import unquote, urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from hub.storage.errors import IntegrityBrokenError, MissingError, UnavailableError
from hub.storage.objects.folder import check_name

CONNECT_SECONDS: Final = 2.0
READ_SECONDS: Final = 10.0
"""Of silence, not of the whole answer."""
WHOLE_SECONDS: Final = 60.0
_PIECE: Final = 1024 * 1024
_CONNECTIONS: Final = 16
"""At once in this process; whoever comes later waits for one of them."""
_DIGEST: Final = "x-amz-meta-sha256"
_ABSENT: Final = frozenset({"NoSuchKey", "NoSuchObject"})


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where objects lie: `https://ACCESS:SECRET@HOST[:PORT]/BUCKET[/PREFIX]`."""

    host: str
    secure: bool
    name: str
    prefix: str
    access_key: str
    secret_key: str = field(repr=False)

    @classmethod
    def read(cls, url: str) -> "Bucket":
        """Of an address that the settings have let pass."""
        parts = urlsplit(url)
        name, _, prefix = parts.path.strip("/").partition("/")
        host = str(parts.hostname) if parts.port is None else f"{parts.hostname}:{parts.port}"
        secrets = unquote(parts.username or ""), unquote(parts.password or "")
        return cls(host, parts.scheme == "https", name, f"{prefix}/" if prefix else "", *secrets)


class S3Objects:
    """An object a name, its SHA-256 over name and bytes beside it: a swapped or torn object is noticed (threat S10).

    Blocks; whoever is on an event loop calls it from a thread. The bucket must exist: a hub that may make buckets
    may do too much.
    """

    def __init__(
        self,
        bucket: Bucket,
        *,
        region: str = "us-east-1",
        ca_file: Path | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._bucket = bucket
        pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
            maxsize=_CONNECTIONS,
            block=True,
            retries=urllib3.Retry(total=1, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504)),
            cert_reqs="CERT_REQUIRED",
            ca_certs=None if ca_file is None else str(ca_file),
        )
        self._client = Minio(
            endpoint=bucket.host,
            access_key=bucket.access_key,
            secret_key=bucket.secret_key,
            secure=bucket.secure,
            region=region,
            http_client=pool,
        )

    def put(self, name: str, data: bytes) -> None:
        check_name(name)
        with _failures(name):
            self._client.put_object(
                bucket_name=self._bucket.name,
                object_name=self._bucket.prefix + name,
                data=io.BytesIO(data),
                length=len(data),
                metadata={_DIGEST: _digest(name, data)},
            )

    def get(self, name: str) -> bytes:
        check_name(name)
        with _failures(name):
            answer = self._client.get_object(bucket_name=self._bucket.name, object_name=self._bucket.prefix + name)
            try:
                data = _whole(answer)
            finally:
                answer.close()
                answer.release_conn()
        if answer.headers.get(_DIGEST) != _digest(name, data):
            raise IntegrityBrokenError(f"object {name}")
        return data

    def delete(self, name: str) -> None:
        check_name(name)
        with _failures(name):
            self._client.remove_object(bucket_name=self._bucket.name, object_name=self._bucket.prefix + name)

    def names(self, prefix: str) -> list[str]:
        whole = self._bucket.prefix + prefix
        with _failures(prefix):
            found = self._client.list_objects(bucket_name=self._bucket.name, prefix=whole, recursive=True)
            return sorted(str(item.object_name).removeprefix(self._bucket.prefix) for item in found)


def _whole(answer: urllib3.BaseHTTPResponse) -> bytes:
    """All of an answer, by the clock too: a store that sends a byte now and then is as good as away."""
    pieces, end = [], monotonic() + WHOLE_SECONDS
    while piece := answer.read1(_PIECE):
        pieces.append(piece)
        if monotonic() >= end:
            raise UnavailableError("too slow")
    return b"".join(pieces)


@contextmanager
def _failures(name: str) -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        if error.code in _ABSENT:
            raise MissingError(name) from None
        raise UnavailableError(str(error.code)) from None  # its own text holds the request's address
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
        raise UnavailableError(type(error).__name__) from None


def _digest(name: str, data: bytes) -> str:
    return hashlib.sha256(name.encode() + b"\0" + data).hexdigest()
