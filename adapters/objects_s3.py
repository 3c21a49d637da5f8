"""An S3 bucket, read only: what lies in it, and one object in pieces. Signed by version 4, sent by `adapters.http`.

The minio package's own connections wait minutes and connect to whatever a name resolves to (pitfall F13); its
signature is used, its connections are not.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO, Final
from urllib.parse import quote, urlsplit

from minio.credentials.credentials import Credentials
from minio.signer import sign_v4_s3

from adapters.definition import resolved
from adapters.errors import DeniedError, FaultyAnswerError
from adapters.http import Http, Reply, Request
from adapters.http_connection import open_http
from adapters.port import Budget, Environment
from adapters.soap_xml import clean_xml, parse
from adapters.urls import Origin, read_url

_PIECE: Final = 4_194_304
_PIECE_BUDGET: Final = Budget(connect_seconds=5, read_seconds=15, total_seconds=60)
_PAGE_BYTES: Final = 2_097_152
_MAX_PAGES: Final = 20
_SPACE: Final = "{http://s3.amazonaws.com/doc/2006-03-01/}"
_NOTHING: Final = hashlib.sha256(b"").hexdigest()
_PASSING: Final = frozenset({429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it stands now. Another content has another `etag`."""

    key: str
    etag: str
    size: int
    modified: datetime


class Bucket:
    """One bucket. Secrets stand in no attribute."""

    def __init__(self, connection: Mapping[str, Any], environment: Environment) -> None:
        """Raises: DefinitionFaultError."""
        url = read_url(connection["url"], "/url")
        name = connection["bucket"]
        in_host = connection.get("style", "path") == "host"
        host = f"{name}.{url.origin.host}" if in_host else url.origin.host
        self._origin: Final = Origin(url.origin.scheme, host, url.origin.port)
        self._base: Final = "" if in_host else f"/{name}"
        self._region: Final[str] = connection.get("region", "us-east-1")
        self._access_key: Final[str] = connection["access_key"]
        self._secret_key: Final[str] = connection["secret_key"]
        self._environment = environment
        self.http: Final[Http] = open_http(connection, environment)

    async def list(self, prefix: str, budget: Budget, *, most: int) -> list[Stored]:
        """The objects whose keys begin so, at most `most`.

        Raises: DeniedError; UnreachableError; TimedOutError; FaultyAnswerError: `too_many_objects`, `status_…`, ….
        """
        found: list[Stored] = []
        token = ""
        for _ in range(_MAX_PAGES):
            query = {"list-type": "2", "max-keys": "1000", "prefix": prefix}
            if token:
                query["continuation-token"] = token
            reply = await self._get(f"{self._base}/", query, {}, budget, _PAGE_BYTES)
            if reply.status != 200:
                raise _fault(reply)
            page = parse(clean_xml(reply.body, charset=None, max_depth=8))
            found += [_stored(item) for item in page.iterfind(f"{_SPACE}Contents")]
            if len(found) > most:
                raise FaultyAnswerError("too_many_objects")
            token = page.findtext(f"{_SPACE}NextContinuationToken") or ""
            if page.findtext(f"{_SPACE}IsTruncated") != "true" or not token:
                return found
        raise FaultyAnswerError("too_many_objects")

    async def fetch(self, stored: Stored, into: BinaryIO) -> None:
        """Write the object's bytes, piece by piece, of this `etag` and of this size and of no other.

        It takes as long as it takes, in memory of one piece; each piece must come within a minute.

        Raises: FaultyAnswerError: `changed` when it was replaced meanwhile, `incomplete`, `checksum`, and as `list`.
        """
        digest = hashlib.md5(usedforsecurity=False)
        done = 0
        while done < stored.size:
            last = min(done + _PIECE, stored.size) - 1
            headers = {"Range": f"bytes={done}-{last}", "If-Match": f'"{stored.etag}"'}
            path = f"{self._base}/{quote(stored.key, safe='/~')}"
            async with self.http.lifetime.question(_PIECE_BUDGET.total_seconds):
                reply = await self._get(path, {}, headers, _PIECE_BUDGET, _PIECE)
            if reply.status in {404, 412}:
                raise FaultyAnswerError("changed", retryable=True)
            if reply.status not in {200, 206}:
                raise _fault(reply)
            if len(reply.body) != last + 1 - done:
                raise FaultyAnswerError("incomplete", retryable=True)
            await asyncio.to_thread(_take, reply.body, into, digest.update)
            done = last + 1
        # The etag of an object that was put whole and unencrypted is its MD5; of others it has another form.
        if len(stored.etag) == 32 and "-" not in stored.etag and digest.hexdigest() != stored.etag.lower():
            raise FaultyAnswerError("checksum")

    async def close(self) -> None:
        """Give connections back."""
        await self.http.close()

    async def _get(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str], budget: Budget, max_bytes: int
    ) -> Reply:
        written = "&".join(f"{quote(name, safe='')}={quote(value, safe='~')}" for name, value in sorted(query.items()))
        target = f"{path}?{written}" if written else path
        secrets = self._environment.secrets
        now = self._environment.clock()
        named: dict[str, Any] = {
            "Host": self._origin.authority,
            "x-amz-content-sha256": _NOTHING,
            "x-amz-date": now.strftime("%Y%m%dT%H%M%SZ"),
            **headers,
        }
        signed = sign_v4_s3(
            method="GET",
            url=urlsplit(f"{self._origin.url}{target}"),
            region=self._region,
            headers=named,
            credentials=Credentials(
                access_key=resolved(secrets, self._access_key), secret_key=resolved(secrets, self._secret_key)
            ),
            content_sha256=_NOTHING,
            date=now,
        )
        told = tuple((name, str(value)) for name, value in signed.items() if name != "Host")
        return await self.http.send(
            Request("GET", self._origin, target, headers=told), budget=budget, max_bytes=max_bytes
        )


def _take(piece: bytes, into: BinaryIO, update: Callable[[bytes], None]) -> None:
    into.write(piece)
    update(piece)


def _stored(item: Any) -> Stored:
    try:
        modified = datetime.fromisoformat(item.findtext(f"{_SPACE}LastModified"))
        size = int(item.findtext(f"{_SPACE}Size"))
    except (TypeError, ValueError):
        raise FaultyAnswerError("shape") from None
    if modified.utcoffset() is None or size < 0:
        raise FaultyAnswerError("shape")
    etag = (item.findtext(f"{_SPACE}ETag") or "").strip('"')
    return Stored(item.findtext(f"{_SPACE}Key") or "", etag, size, modified)


def _fault(reply: Reply) -> DeniedError | FaultyAnswerError:
    if reply.status in {401, 403}:
        return DeniedError()
    return FaultyAnswerError(f"status_{reply.status}", retryable=reply.status in _PASSING)
