"""The data-quality report 数据质量报告: what a mapping meets in a department's own rows, before anything is published.

Private to the owner. It tells counts and row numbers, never a value: whoever wants to see a row looks it up at home.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from catalog.interfaces import Interface
from hub.clock import rfc3339
from hub.exchange.contract import AnswerContract
from hub.exchange.mapping import compile_mapping
from hub.exchange.mapping_rules import As

EXAMPLES: Final = 10
GAP: Final = "gap"
DUPLICATE: Final = "duplicate"


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of defect: how many rows, and the numbers of the first ones (1 is the first row of data)."""

    count: int
    rows: tuple[int, ...]

    def as_json(self) -> dict[str, Any]:
        """For answers."""
        return {"count": self.count, "rows": list(self.rows)}


@dataclass(frozen=True, slots=True)
class FieldQuality:
    """What was found in one field. `faults` by code: conversions, identifiers (`id_check_digit`), schema keywords.

    `gaps` are rows without a value: a defect of a required field, a fact of another. `oldest` and `newest` are days.
    """

    name: str
    required: bool
    filled: int
    gaps: Finding
    normalised: Finding
    faults: Mapping[str, Finding]
    oldest: str | None
    newest: str | None

    @property
    def failing(self) -> int:
        """Rows that this field keeps from being published."""
        return sum(item.count for item in self.faults.values()) + (self.gaps.count if self.required else 0)

    def as_json(self) -> dict[str, Any]:
        """For answers."""
        return {
            "name": self.name,
            "required": self.required,
            "filled": self.filled,
            "gaps": self.gaps.as_json(),
            "normalised": self.normalised.as_json(),
            "faults": {code: item.as_json() for code, item in sorted(self.faults.items())},
            "oldest": self.oldest,
            "newest": self.newest,
        }


@dataclass(frozen=True, slots=True)
class QualityReport:
    """A dry run of a mapping. `usable` rows would be answered; `failing_required` lack or break a required field."""

    interface: str
    version: int
    mapping_digest: str
    rows: int
    usable: int
    failing_required: int
    unreadable: Finding
    duplicates: Finding
    key: tuple[str, ...]
    fields: tuple[FieldQuality, ...]
    as_of: datetime | None
    made_at: datetime

    def as_json(self) -> dict[str, Any]:
        """For answers, and for the owner's file. Additive changes only."""
        return {
            "interface": self.interface,
            "version": self.version,
            "mapping_digest": self.mapping_digest,
            "rows": self.rows,
            "usable": self.usable,
            "failing_required": self.failing_required,
            "unreadable": self.unreadable.as_json(),
            "duplicates": self.duplicates.as_json() | {"key": list(self.key)},
            "fields": [item.as_json() for item in self.fields],
            "as_of": rfc3339(self.as_of) if self.as_of else None,
            "made_at": rfc3339(self.made_at),
        }


@dataclass(slots=True)
class _Tally:
    count: int = 0
    rows: list[int] = field(default_factory=list)

    def add(self, number: int) -> None:
        self.count += 1
        if len(self.rows) < EXAMPLES:
            self.rows.append(number)

    def done(self) -> Finding:
        return Finding(self.count, tuple(self.rows))


@dataclass(slots=True)
class _Column:
    filled: int = 0
    gaps: _Tally = field(default_factory=_Tally)
    normalised: _Tally = field(default_factory=_Tally)
    faults: dict[str, _Tally] = field(default_factory=dict)
    days: list[str] = field(default_factory=list)

    def fault(self, code: str, number: int) -> None:
        self.faults.setdefault(code, _Tally()).add(number)

    def day(self, value: str) -> None:
        self.days = sorted({*self.days, value[:10]})
        del self.days[1:-1]


def dry_run(
    interface: Interface,
    rows: Iterable[Any],
    *,
    version: int,
    now: datetime,
    as_of: datetime | None = None,
    key: tuple[str, ...] = (),
) -> QualityReport:
    """Map and check every row of a sample. Rows never make it raise; CPU work, not for the event loop.

    `key` names the fields that tell records apart; by default the fields that echo a parameter.
    """
    run = _Run(interface, key or tuple(sorted(interface.echoes)))
    for number, row in enumerate(rows, start=1):
        run.add(number, row)
    return run.report(version=version, now=now, as_of=as_of)


class _Run:
    def __init__(self, interface: Interface, key: tuple[str, ...]) -> None:
        self._interface = interface
        self._mapper = compile_mapping(interface)
        self._contract = AnswerContract(interface)
        self._days = frozenset(rule.field for rule in self._mapper.rules if rule.kind in {As.DATE, As.DATETIME})
        self._stored = {name: item for name, item in interface.fields.items() if item.derived is None}
        self._key = tuple(name for name in key if name in self._stored)
        self._columns = {name: _Column() for name in self._stored}
        self._unreadable, self._duplicates = _Tally(), _Tally()
        self._seen: Counter[tuple[Any, ...]] = Counter()
        self._rows = self._usable = self._failing = 0

    def add(self, number: int, row: Any) -> None:
        self._rows += 1
        values, normalised, reasons = self._mapper.read(row)
        if any(not name for name, _ in reasons):
            self._unreadable.add(number)
            self._failing += 1
            return
        broken = dict(reversed(reasons))
        for fault in self._contract.check(values):
            name = fault.pointer.removeprefix("/").partition("/")[0]
            # A gap is counted as a gap; of several faults of one field the first tells enough.
            if name in self._columns and fault.rule != "required":
                broken.setdefault(name, fault.rule)
        for name, column in self._columns.items():
            self._note(column, name, number, values, normalised, broken)
        required = {name for name, item in self._stored.items() if item.required}
        self._failing += bool(required & broken.keys() or required - values.keys())
        self._usable += not broken and required <= values.keys()
        self._count_key(number, values)

    def _note(
        self,
        column: _Column,
        name: str,
        number: int,
        values: Mapping[str, Any],
        normalised: tuple[str, ...],
        broken: Mapping[str, str],
    ) -> None:
        if name in broken:
            column.fault(broken[name], number)
            return
        if name not in values:
            column.gaps.add(number)
            return
        column.filled += 1
        if name in normalised:
            column.normalised.add(number)
        if name in self._days:
            column.day(str(values[name]))

    def _count_key(self, number: int, values: Mapping[str, Any]) -> None:
        if not self._key or any(name not in values for name in self._key):
            return
        key = tuple(str(values[name]) for name in self._key)
        self._seen[key] += 1
        if self._seen[key] > 1 and not self._interface.many:
            self._duplicates.add(number)

    def report(self, *, version: int, now: datetime, as_of: datetime | None) -> QualityReport:
        return QualityReport(
            interface=self._interface.code,
            version=version,
            mapping_digest=self._mapper.digest,
            rows=self._rows,
            usable=self._usable,
            failing_required=self._failing,
            unreadable=self._unreadable.done(),
            duplicates=self._duplicates.done(),
            key=self._key,
            fields=tuple(self._field(name) for name in self._stored),
            as_of=as_of,
            made_at=now,
        )

    def _field(self, name: str) -> FieldQuality:
        column = self._columns[name]
        return FieldQuality(
            name=name,
            required=self._stored[name].required,
            filled=column.filled,
            gaps=column.gaps.done(),
            normalised=column.normalised.done(),
            faults={code: tally.done() for code, tally in column.faults.items()},
            oldest=column.days[0] if column.days else None,
            newest=column.days[-1] if column.days else None,
        )
