"""What a feed's operations must be, so that a run misses no row and a look-up passes for no list."""

from collections.abc import Mapping
from typing import Any, Final

from adapters.registry import finds_by_key
from catalog.errors import DefinitionError
from hub.collection.feeds.definition import Feed

_BY: Final = frozenset({"files", "objects", "push"})
"""Kinds that list in the order of a named column."""


def check_operation(
    feed: Feed, operation: Mapping[str, Any], *, kind: str, params: frozenset[str], key_column: str
) -> None:
    """Refuse an operation that its source's adapter has taken, and that a feed cannot be run with.

    Raises: DefinitionError.
    """
    if finds_by_key(kind, operation) and operation is not feed.by_holder:
        raise DefinitionError("feed: a look-up by `key` lists nothing; `operation` and `full` need `rows` and `by`")
    if operation is feed.by_holder and "by" in operation:
        raise DefinitionError("feed: by_holder asks for one key; `by` lists a register")
    if kind in _BY and operation.get("by", key_column) != key_column:
        raise DefinitionError(f"feed: by: rows are listed by the column of their record's key, {key_column}")
    if operation is feed.full and operation.get("rows") == "changed":
        raise DefinitionError("feed: full: changes are no whole register; `rows: all` is")
    mark = feed.watermark
    if "sequence" in params and (mark is None or not isinstance(mark.begin, int)):
        raise DefinitionError("feed: a source that numbers its rows needs a watermark whose `begin` is a number")
