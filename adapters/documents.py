"""JSON out of an HTTP answer: the right kind of document, the declared charset, strict, bounded; pointers into it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapters.errors import DefinitionFaultError, FaultyAnswerError
from adapters.http import Reply
from adapters.port import Budget, Row
from signing.canonical import strict_loads
from signing.errors import MalformedError

_CODECS: Final[Mapping[str, str]] = {"utf-8": "utf-8", "gb18030": "gb18030"}
_SPELLINGS: Final[Mapping[str, str]] = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "gb18030": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "cp936": "gb18030",
}
_MEDIA: Final = frozenset({"application/json", "text/json", "text/plain", ""})
_FAULTS: Final[Mapping[str, str]] = {"depth": "too_deep", "encoding": "charset", "json": "not_json"}
_LOOP_BYTES: Final = 65_536
"""Above this, parsing takes over a millisecond and leaves the event loop."""

READING_MEMBERS: Final[dict[str, Any]] = {
    "charset": {
        "enum": sorted(_CODECS),
        "default": "utf-8",
        "title": "字符编码（GBK、GB2312 选 gb18030）",
        "title_en": "Charset (gb18030 also for GBK and GB2312)",
    },
    "content_types": {
        "type": "array",
        "items": {"type": "string", "pattern": "^[a-z]+/[a-z0-9.+-]+$"},
        "title": "另外视为 JSON 的内容类型",
        "title_en": "Further content types taken for JSON",
    },
}
"""Members of a connection that say how answers are to be read."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How answers of a source are read."""

    charset: str = "utf-8"
    content_types: frozenset[str] = frozenset()

    @classmethod
    def of(cls, connection: Mapping[str, Any]) -> "Reading":
        """From the members of a connection, already checked."""
        return cls(connection.get("charset", "utf-8"), frozenset(connection.get("content_types", ())))


async def read_json(reply: Reply, reading: Reading, budget: Budget) -> Any:
    """The JSON value of an answer, whatever its status.

    Raises: FaultyAnswerError: `not_json` (another content type, HTML, no JSON), `charset` (another one than declared,
        or bytes that are none of it), `too_deep`, `duplicate_name`, `number` (beyond ±(2**53-1)), `character`.
    """
    media, _, parameters = reply.headers.get("content-type", "").lower().partition(";")
    media = media.strip()
    if media not in _MEDIA and not media.endswith("+json") and media not in reading.content_types:
        raise FaultyAnswerError("not_json")
    named = _charset_of(parameters)
    if named is not None and _SPELLINGS.get(named) != reading.charset:
        raise FaultyAnswerError("charset")
    return await parse_json(reply.body, reading, budget)


async def parse_json(body: bytes, reading: Reading, budget: Budget) -> Any:
    """The JSON value of bytes in the declared charset. Raises: FaultyAnswerError as `read_json`."""
    if len(body) > _LOOP_BYTES:
        return await asyncio.to_thread(_parse, body, reading.charset, budget.max_depth)
    return _parse(body, reading.charset, budget.max_depth)


def _parse(body: bytes, charset: str, max_depth: int) -> Any:
    try:
        # A byte order mark is what Windows tools write and says nothing else.
        text = body.decode(_CODECS[charset]).removeprefix("\ufeff")
    except UnicodeDecodeError:
        raise FaultyAnswerError("charset") from None
    try:
        # Text may be half as long again in UTF-8 than in GB18030; its length was counted as bytes when it came.
        return strict_loads(text, max_bytes=2 * len(body) + 1, max_depth=max_depth)
    except MalformedError as error:
        raise FaultyAnswerError(_FAULTS.get(error.reason, error.reason)) from None


def _charset_of(parameters: str) -> str | None:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            return value.strip().strip('"')
    return None


ABSENT: Final = object()
"""What stands where nothing stands; null is something."""


def read_pointer(text: str, where: str) -> tuple[str, ...]:
    """Steps of a JSON Pointer (RFC 6901). Raises: DefinitionFaultError(`where`, "pointer")."""
    if text and not text.startswith("/"):
        raise DefinitionFaultError(where, "pointer")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:])


def at(document: Any, steps: tuple[str, ...]) -> Any:
    """The value there, or ABSENT."""
    for step in steps:
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list) and step.isascii() and step.isdigit() and int(step[:9]) < len(document):
            document = document[int(step[:9])]
        else:
            return ABSENT
    return document


def rows_of(value: Any, max_rows: int) -> list[Row]:
    """Records of a list of objects, or of one object. Raises: FaultyAnswerError: `shape`, `too_many`."""
    rows = value if isinstance(value, list) else [value]
    if len(rows) > max_rows:
        raise FaultyAnswerError("too_many")
    if not all(isinstance(row, dict) for row in rows):
        raise FaultyAnswerError("shape")
    return rows
