"""Of several records the one that a case is about 按情形缩小: which of them say what the person said of the case.

Equality alone, over fields that the need reads anyway. What the person said proves nothing: it chooses among what a
register has of the party, and where nothing fits, nothing is proved and nothing is ruled out.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from catalog.errors import DefinitionError
from catalog.expressions.reading import read_value
from catalog.expressions.values import Kind, Scope, Value, Values
from catalog.matters.values import Need

FACTS: Final = "facts."
MOST_FIELDS: Final = 5


def check_where(alternatives: Sequence[Sequence[Need]], scope: Scope, where: str) -> None:
    """Refuse to narrow by what is no fact of the matter, or by a field that nobody reads. Raises: DefinitionError."""
    for need in (need for needs in alternatives for need in needs):
        if len(need.where) > MOST_FIELDS:
            raise DefinitionError(f"{where}: where names at most {MOST_FIELDS} fields")
        for field, fact in need.where.items():
            if not fact.startswith(FACTS) or scope.get(fact, Kind.TEXTS) is Kind.TEXTS:
                raise DefinitionError(f"{where}: where/{field} names a fact of one value, as facts.CODE")
            if field not in need.wanted:
                raise DefinitionError(f"{where}: where/{field} is in neither fields nor reads")


def unsaid(need: Need, values: Values) -> tuple[str, ...]:
    """The facts by which it is narrowed that nobody has answered, by code."""
    return tuple(sorted({name.removeprefix(FACTS) for name in need.where.values() if values.get(name) is None}))


def fits(need: Need, record: Mapping[str, Any], values: Values) -> bool:
    """Whether a record says what the case says. A field that is missing, or of another kind, says something else."""
    return all(_same(record.get(field), values.get(fact)) for field, fact in need.where.items())


def _same(said: object, fact: Value | None) -> bool:
    if fact is None:
        return False
    if isinstance(fact, str):
        return isinstance(said, str) and _plain(said) == _plain(fact)
    return read_value(_kind(fact), said) == fact


def _kind(fact: Value) -> Kind:
    if isinstance(fact, bool):
        return Kind.BOOLEAN
    if isinstance(fact, int):
        return Kind.INTEGER
    if isinstance(fact, Decimal):
        return Kind.DECIMAL
    return Kind.DATE if isinstance(fact, date) else Kind.TEXTS


def _plain(text: str) -> str:
    """As people compare numbers of units: wide and narrow letters alike, without spaces."""
    return "".join(unicodedata.normalize("NFKC", text).split())
