"""Looking at a source before an interface exists: which parameters an operation takes, and what one row looks like.

The row never leaves: only column names, masked values and guesses of what each column is. Every look is on the ledger.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

from sqlalchemy import Connection

from adapters.errors import DefinitionFaultError, SourceError
from adapters.port import Context, Value
from catalog import source_store
from catalog.errors import DefinitionError, IdentifierError
from catalog.identifiers import check
from catalog.source_store import StoredSource
from hub.access.actors import Actor, Role
from hub.clock import Clock
from hub.exchange.pool import budget_of
from hub.registry.recording import digest_of, plain_json, record
from hub.registry.sources import DISABLED, OpenSources
from hub.registry.trial import masked
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey

MAX_COLUMNS: Final = 100
_ROWS_LOOKED_AT: Final = 20
_TEST: Final = Context(purpose="interface sample")
_DATE: Final = re.compile(r"\d{4}(?:[-/.年月]\d{1,2}){2}日?(?: 00:00:00)?|(?:19|20)\d{2}[01]\d[0-3]\d")
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*")


@dataclass(frozen=True, slots=True)
class Column:
    """A column as a sample showed it. `kind` is a guess, `longest` the characters of its longest value."""

    name: str
    kind: str
    shown: str = field(repr=False)
    longest: int


@dataclass(frozen=True, slots=True)
class Sample:
    """The outcome: `code` is empty when the source answered, else how it failed (`adapters.errors`)."""

    code: str
    milliseconds: int
    rows: int
    columns: tuple[Column, ...]


class SamplingService:
    """Looks at the sources of one's own department. Values of parameters and rows are neither logged nor stored."""

    def __init__(self, database: Database, *, pool: OpenSources, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._pool = pool
        self._log_key = log_key
        self._clock = clock

    async def params(self, actor: Actor, code: str, operation: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of the parameters that an operation takes; the source is not asked.

        Raises: DefinitionError(`operation/<place>: <rule>`), MissingError, ForbiddenError.
        """
        source = await self._source(actor, code)
        try:
            opened = await self._pool.source(source)
            return tuple(sorted(opened.prepare(plain_json(operation)).params))
        except DefinitionFaultError as error:
            raise DefinitionError(f"operation{error.pointer}: {error.rule}") from None

    async def sample(
        self, actor: Actor, code: str, operation: Mapping[str, Any], params: Mapping[str, Value]
    ) -> Sample:
        """Ask once. Use records of invented or test persons. A source that fails is an answer, not an error.

        Raises: as `params`.
        """
        source = await self._source(actor, code)
        began = monotonic()
        rows: Sequence[Mapping[str, Any]] = ()
        failed = "disabled" if source.state == DISABLED else ""
        try:
            opened = await self._pool.source(source)
            prepared = opened.prepare(plain_json(operation))
            if not failed:
                budget = budget_of(source.definition)
                rows = (await opened.ask(prepared, params, budget=budget, context=_TEST)).rows
        except DefinitionFaultError as error:
            raise DefinitionError(f"operation{error.pointer}: {error.rule}") from None
        except SourceError as error:
            failed = error.code
        found = Sample(failed, round((monotonic() - began) * 1000), len(rows), _columns(rows))
        detail = {"code": code, "operation": digest_of(plain_json(operation)), "outcome": failed or "answered"}
        now = self._clock()

        def unit(tx: Connection) -> None:
            record(tx, self._log_key, actor, "source.sample", detail, now=now)

        await self._database.write(unit)
        return found

    async def _source(self, actor: Actor, code: str) -> StoredSource:
        def unit(tx: Connection) -> StoredSource:
            stored = source_store.find_source(tx, code)
            if stored is None:
                raise MissingError("source")
            actor.require(Role.OWNER_ENGINEER, owner=stored.owner_department_id)
            return stored

        return await self._database.read(unit)


def _columns(rows: Sequence[Mapping[str, Any]]) -> tuple[Column, ...]:
    found: dict[str, list[Any]] = {}
    for row in rows[:_ROWS_LOOKED_AT]:
        for name, value in row.items():
            found.setdefault(str(name)[:100], []).append(value)
    return tuple(_column(name, values) for name, values in list(found.items())[:MAX_COLUMNS])


def _column(name: str, values: Sequence[Any]) -> Column:
    filled = [value for value in values if value not in (None, "")]
    longest = max((len(str(value)) for value in filled if not isinstance(value, list | dict)), default=0)
    shown = masked(filled[0]) if filled else ""
    return Column(name, guess(filled), shown if isinstance(shown, str) else str(shown), longest)


def guess(values: Sequence[Any]) -> str:
    """What a column is, if every value says so: a `hub.exchange.mapping_rules.As`; text when in doubt."""
    if not values:
        return "text"
    if any(isinstance(value, list | dict) for value in values):
        return "json"
    if all(isinstance(value, bool) for value in values):
        return "boolean"
    if all(type(value) is int for value in values):
        return "integer"
    texts = [str(value) for value in values]
    if all(_is("001", text) for text in texts):
        return "uscc"
    if all(_is("111", text) for text in texts):
        return "citizen_id"
    if all(_DATE.fullmatch(text) for text in texts):
        return "date"
    return "datetime" if all(_INSTANT.fullmatch(text) for text in texts) else "text"


def _is(id_type: str, text: str) -> bool:
    try:
        check(id_type, text.strip().upper())
    except IdentifierError:
        return False
    return True
