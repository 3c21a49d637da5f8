"""Feeds 归集任务: how a register is collected from its source without files. Data; checked when it is declared.

An operation is one of the source's own kind. Of its parameters the hub knows how to fill these, by name:
`since` (the watermark less the overlap; at the first run `begin`), `sequence` (the highest watermark read so far),
`after` (the record key of the last row read), `offset` (rows read so far), `size` (rows a page), and in `by_holder`
alone `id_number`. With `sequence`, `after` or `offset` it is asked page by page, until a page is short. Where a source
numbers its changes, `sequence` misses none; otherwise `after` goes with rows ordered by the key: rows that change
meanwhile do not shift it. Without any of them, one answer is everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from catalog.declared import text
from catalog.errors import DefinitionError

_KNOWN: Final = frozenset(
    {
        "code",
        "source",
        "issuer",
        "type",
        "operation",
        "full",
        "by_holder",
        "mapping",
        "watermark",
        "size",
        "every_minutes",
        "reconcile_every_minutes",
    }
)
_MARK: Final = frozenset({"column", "begin", "overlap_seconds"})
MOST_ROWS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Watermark:
    """Which column says when a row changed, from where the first run begins, and how far each later one looks back.

    Its values are instants in RFC 3339, or texts that sort as they follow (numbers are compared as numbers). The
    overlap is for instants: rows written late, by a transaction that began before the last run, are not lost.
    """

    column: str
    begin: str | int
    overlap: timedelta


@dataclass(frozen=True, slots=True)
class Feed:
    """A declared feed.

    Attributes:
        operation: of an incremental run, or of every run where there is no watermark.
        full: the whole register: for reconciliation. None where `operation` without a watermark is that.
        by_holder: the records of one person or body; None where the department does not allow it.
        mapping: columns to claims, as in a mapping file; None is the type's own.
        every: how often it runs by itself; None: only when asked.
        reconcile_every: how often the register is read whole and put beside the library by itself; as `every`.
    """

    code: str
    source: str
    issuer: str
    type: str
    operation: Mapping[str, Any]
    full: Mapping[str, Any] | None
    by_holder: Mapping[str, Any] | None
    mapping: Mapping[str, Any] | None
    watermark: Watermark | None
    size: int
    every: timedelta | None
    reconcile_every: timedelta | None

    @property
    def whole(self) -> Mapping[str, Any] | None:
        """The operation that reads the register whole, if there is one."""
        return self.full or (self.operation if self.watermark is None else None)


def read_feed(declared: Mapping[str, Any]) -> Feed:
    """Read a declaration. Raises: DefinitionError; the operations are checked by their source's adapter."""
    try:
        return _read(declared)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DefinitionError(f"feed: {type(error).__name__} {error}") from error


def _read(declared: Mapping[str, Any]) -> Feed:
    if unknown := sorted(set(declared) - _KNOWN):
        raise DefinitionError(f"feed: unknown {', '.join(unknown)}")
    size = declared.get("size", 500)
    if not isinstance(size, int) or not 1 <= size <= MOST_ROWS:
        raise DefinitionError(f"feed: size is 1 to {MOST_ROWS}")
    feed = Feed(
        code=text(declared["code"], "feed: code"),
        source=text(declared["source"], "feed: source"),
        issuer=text(declared["issuer"], "feed: issuer"),
        type=text(declared["type"], "feed: type"),
        operation=MappingProxyType(dict(declared["operation"])),
        full=_operation(declared, "full"),
        by_holder=_operation(declared, "by_holder"),
        mapping=_operation(declared, "mapping"),
        watermark=_watermark(declared.get("watermark")),
        size=size,
        every=_minutes(declared, "every_minutes"),
        reconcile_every=_minutes(declared, "reconcile_every_minutes"),
    )
    if feed.reconcile_every and feed.whole is None:
        raise DefinitionError("feed: reconcile_every_minutes needs `full`: with a watermark no run reads the whole")
    return feed


def _minutes(declared: Mapping[str, Any], name: str) -> timedelta | None:
    minutes = declared.get(name)
    if minutes is None:
        return None
    if not isinstance(minutes, int) or minutes < 1:
        raise DefinitionError(f"feed: {name} is a whole number of minutes")
    return timedelta(minutes=minutes)


def _operation(declared: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    return MappingProxyType(dict(declared[name])) if declared.get(name) is not None else None


def _watermark(declared: Mapping[str, Any] | None) -> Watermark | None:
    if declared is None:
        return None
    if unknown := sorted(set(declared) - _MARK):
        raise DefinitionError(f"feed: watermark: unknown {', '.join(unknown)}")
    begin = declared.get("begin", "1970-01-01T00:00:00Z")
    if not isinstance(begin, str | int):
        raise DefinitionError("feed: watermark: begin is text or a number")
    overlap = timedelta(seconds=float(declared.get("overlap_seconds", 3600)))
    return Watermark(text(declared["column"], "feed: watermark/column"), begin, overlap)
