"""Kind `objects`: registers as CSV, XLSX or JSON lines in an S3 bucket; the same operations as kind `files`.

An object is fetched once a version (its etag), piece by piece, checked, and indexed; questions read the index.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapters.definition import check_definition
from adapters.files import OPERATION_SCHEMA, FilesSource, open_files
from adapters.files_places import check_glob
from adapters.files_schema import READING
from adapters.http_connection import HTTP_MEMBERS
from adapters.objects_place import BucketFolder
from adapters.objects_s3 import Bucket
from adapters.port import Answer, Budget, Context, Environment, Prepared, Probe, Value

__all__ = ["CONNECTION_SCHEMA", "OPERATION_SCHEMA", "ObjectsSource", "open_source"]
_CHECK_SECONDS: Final = 30

CONNECTION_SCHEMA: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "title": "对象存储",
    "title_en": "Object storage",
    "additionalProperties": False,
    "required": ["url", "bucket", "access_key", "secret_key", "glob", "format"],
    "properties": {
        **{name: member for name, member in HTTP_MEMBERS.items() if name in {"url", "tls", "connections"}},
        "bucket": {
            "type": "string",
            "pattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
            "title": "存储桶",
            "title_en": "Bucket",
        },
        "style": {
            "enum": ["path", "host"],
            "title": "存储桶写在路径中还是主机名中",
            "title_en": "Bucket in the path or in the host's name",
        },
        "region": {"type": "string", "pattern": "^[a-z0-9-]{1,40}$", "title": "区域", "title_en": "Region"},
        "access_key": {"type": "string", "minLength": 1, "maxLength": 200, "title": "访问键", "title_en": "Access key"},
        "secret_key": {
            "type": "string",
            "pattern": "^secret:.+$",
            "title": "密钥（secret:名称）",
            "title_en": "Secret key (secret:NAME)",
        },
        "prefix": {
            "type": "string",
            "maxLength": 900,
            "title": "对象名前缀（如 amr/enterprises/）",
            "title_en": "Prefix of the keys (amr/enterprises/)",
        },
        "glob": {
            "type": "string",
            "minLength": 1,
            "maxLength": 200,
            "title": "前缀之后的名称模式（如 *.csv）",
            "title_en": "Pattern of what follows the prefix (*.csv)",
        },
        **READING,
    },
}


@dataclass(frozen=True, slots=True)
class ObjectsSource:
    """Registers in a bucket."""

    files: FilesSource
    bucket: Bucket

    def prepare(self, operation: Mapping[str, Any]) -> Prepared:
        """Check an operation; whether its columns are in the object, the first question tells."""
        return self.files.prepare(operation)

    async def ask(self, prepared: Prepared, params: Mapping[str, Value], *, budget: Budget, context: Context) -> Answer:
        """Ask once. Raises: SourceError."""
        return await self.files.ask(prepared, params, budget=budget, context=context)

    async def probe(self, budget: Budget) -> Probe:
        """See whether a whole version answers. Bad rows are told by `code` and do not make it fail."""
        return await self.files.probe(budget)

    async def close(self) -> None:
        """Give connections back, remove private indexes."""
        # First the bucket: whoever waits for a piece of an object would keep the indexes from being closed.
        await self.bucket.close()
        await self.files.close()


def open_source(connection: Mapping[str, Any], environment: Environment) -> ObjectsSource:
    """Open a bucket. Nothing is reached yet. Raises: DefinitionFaultError."""
    check_definition(CONNECTION_SCHEMA, connection)
    check_glob(connection["glob"])
    bucket = Bucket(connection, environment)
    place = BucketFolder(bucket, connection.get("prefix", ""), connection["glob"])
    # An object appears whole or not at all: there is nothing to wait for.
    described = {"settle_seconds": 0, **connection}
    return ObjectsSource(open_files(place, described, environment, check_seconds=_CHECK_SECONDS), bucket)
