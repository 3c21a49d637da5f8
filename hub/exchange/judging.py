"""What a source's rows mean: mapped, held against the published contract, and only then an outcome. Pure.

A source may be wrong, drift, lie or be taken over. Its answer counts only when every row maps, fits the schema, is
about the one who was asked about and, where the interface confirms identities, bears his name.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from adapters.port import Answer, Value
from catalog.interface_store import StoredInterface
from catalog.interfaces import Interface
from hub.exchange.compose import Found
from hub.exchange.contract import AnswerContract, Difference
from hub.exchange.derived import derive
from hub.exchange.mapping import RowFault, RowMapper, compile_mapping
from hub.intake.resolver import Outcome, Why

Values = Mapping[str, Any]
_KEPT: Final = 4096


@dataclass(frozen=True, slots=True)
class Reading:
    """Mapped records that fit the contract, and when they were obtained."""

    records: tuple[Values, ...]
    obtained_at: datetime
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the answer must be about. `name_matches` compares a name with the party's, by keyed hash."""

    params: Mapping[str, Value]
    fields: frozenset[str]
    identity_known: bool
    today: date
    name_matches: Callable[[str], bool] | None
    several: bool = False
    """Whether somebody will say which of several records is meant."""


class Reader:
    """Reads answers of one interface version. Immutable; compile once."""

    def __init__(self, interface: Interface) -> None:
        self._interface = interface
        self._mapper: RowMapper = compile_mapping(interface)
        self.contract = AnswerContract(interface)

    def read(self, answer: Answer, *, now: datetime) -> Reading | Difference:
        """Map and check every row; one that does not fit spoils the answer."""
        records = []
        for row in answer.rows:
            mapped = self._mapper.apply(row)
            different = self.contract.difference(mapped)
            if different is not None or isinstance(mapped, RowFault):
                return different or Difference("", "row")
            records.append(mapped.values)
        return Reading(tuple(records), now, answer.as_of)

    def judge(self, reading: Reading, asked: Asked, *, cached: bool = False, stale: bool = False) -> Found | Difference:
        """The outcome of a reading. A Difference is an answer about somebody else."""
        interface = self._interface
        for field, param in interface.echoes.items():
            if any(record.get(field) != asked.params[param] for record in reading.records):
                return Difference(field, "other_record")
        records = reading.records
        if interface.identity_name is not None and asked.name_matches is not None:
            matches = asked.name_matches
            if any(not matches(str(record.get(interface.identity_name, ""))) for record in records):
                return Found(Outcome.IDENTITY_UNCONFIRMED, Why("identity_unconfirmed"))
        if not records:
            return self._none(asked)
        if len(records) > 1 and not interface.many and not asked.several:
            return Found(Outcome.AMBIGUOUS, Why("several_records", {"count": len(records)}))
        return Found(
            Outcome.SATISFIED,
            Why("satisfied"),
            records=tuple(self._granted(record, asked) for record in records),
            obtained_at=reading.obtained_at,
            as_of=reading.as_of,
            cached=cached,
            stale=stale,
        )

    def _none(self, asked: Asked) -> Found:
        if not asked.identity_known:
            return Found(Outcome.IDENTITY_UNCONFIRMED, Why("identity_unconfirmed"))
        if self._interface.complete:
            return Found(Outcome.DECLARED_NONE, Why("no_record"))
        return Found(Outcome.NO_SOURCE, Why("source_has_none"))

    def _granted(self, record: Values, asked: Asked) -> Values:
        """The one place where fields are filtered (threat S13)."""
        values = derive(self._interface, record, today=asked.today)
        return {name: values[name] for name in sorted(asked.fields) if name in values}


class Readers:
    """Readers by interface version, compiled once."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int], Reader] = OrderedDict()

    def of(self, stored: StoredInterface) -> Reader:
        """The reader of this version."""
        key = (stored.id, stored.row_version)
        reader = self._known.get(key)
        if reader is None:
            reader = self._known[key] = Reader(stored.interface)
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return reader


def unavailable(code: str, **params: Any) -> Found:
    """A source that did not answer, or not as it promised: never "none", never a refusal."""
    return Found(Outcome.SOURCE_UNAVAILABLE, Why(code, params))


def as_stored(reading: Reading) -> dict[str, Any]:
    """A reading for the cache."""
    return {
        "records": [dict(record) for record in reading.records],
        "obtained_at": reading.obtained_at.isoformat(),
        "as_of": reading.as_of.isoformat() if reading.as_of else None,
    }


def from_stored(value: Mapping[str, Any]) -> Reading:
    """What `as_stored` made."""
    records: Sequence[Values] = value["records"]
    as_of = value["as_of"]
    return Reading(
        tuple(records), datetime.fromisoformat(value["obtained_at"]), datetime.fromisoformat(as_of) if as_of else None
    )
