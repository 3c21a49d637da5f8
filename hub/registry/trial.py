"""A live test: one question put to the source by its own engineer, read as the exchange would; values are masked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from adapters.port import Row, Value
from catalog.interfaces import Interface
from hub.exchange.contract import AnswerContract
from hub.exchange.derived import derive
from hub.exchange.mapping import RowFault, compile_mapping

MAX_SHOWN: Final = 20
PASSED: Final = "satisfied"


@dataclass(frozen=True, slots=True)
class TrialFault:
    """What is wrong with one row (1 is the first): field, empty for the whole row, and code."""

    row: int
    field: str
    code: str


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The outcome of a live test.

    `code`: `satisfied`, `no_record`, `several_records` (one was promised), `other_record` (an echo differs),
    `contract` (see `faults`), or how the source failed (`adapters.errors`). `columns` are the names the source used, so
    that a mapping can be corrected. Values in `records` are masked: first character and length.
    """

    passed: bool
    code: str
    seconds: float
    rows: int
    columns: tuple[str, ...] = ()
    records: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    faults: tuple[TrialFault, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For answers."""
        return {
            "passed": self.passed,
            "code": self.code,
            "milliseconds": round(self.seconds * 1000),
            "rows": self.rows,
            "columns": list(self.columns),
            "records": [dict(record) for record in self.records],
            "faults": [{"row": fault.row, "field": fault.field, "code": fault.code} for fault in self.faults],
        }


def read_trial(
    interface: Interface, rows: Sequence[Row], params: Mapping[str, Value], *, seconds: float, today: date
) -> TrialResult:
    """Judge the rows of a live test. Raises: DefinitionError when the mapping does not compile."""
    mapper, contract = compile_mapping(interface), AnswerContract(interface)
    records: list[dict[str, Any]] = []
    faults: list[TrialFault] = []
    for number, row in enumerate(rows, start=1):
        mapped = mapper.apply(row)
        if isinstance(mapped, RowFault):
            faults += [TrialFault(number, name, code) for name, code in mapped.reasons]
            continue
        faults += [
            TrialFault(number, fault.pointer.removeprefix("/"), fault.rule) for fault in contract.check(mapped.values)
        ]
        records.append(derive(interface, mapped.values, today=today))
    code = _code(interface, rows, records, faults, params)
    return TrialResult(
        passed=code == PASSED,
        code=code,
        seconds=seconds,
        rows=len(rows),
        columns=_columns(rows),
        records=tuple({name: masked(value) for name, value in record.items()} for record in records[:MAX_SHOWN]),
        faults=tuple(faults[:MAX_SHOWN]),
    )


def _code(
    interface: Interface,
    rows: Sequence[Row],
    records: Sequence[Mapping[str, Any]],
    faults: Sequence[TrialFault],
    params: Mapping[str, Value],
) -> str:
    if not rows:
        return "no_record"
    if faults:
        return "contract"
    if any(record.get(name) != params[param] for record in records for name, param in interface.echoes.items()):
        return "other_record"
    return "several_records" if len(rows) > 1 and not interface.many else PASSED


def masked(value: Any) -> Any:
    """A value as a test may show it: `衢***(8)`. Yes and no are shown; inside lists and objects the same holds."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, Mapping):
        return {f"member {index}": masked(item) for index, item in enumerate(value.values(), start=1)}
    if isinstance(value, list | tuple):
        return [masked(item) for item in value[:MAX_SHOWN]]
    text = str(value)
    return f"{text[:1]}***({len(text)})" if len(text) > 1 else "***"


def _columns(rows: Sequence[Row]) -> tuple[str, ...]:
    names: dict[str, None] = {}
    for row in rows[:MAX_SHOWN]:
        if isinstance(row, Mapping):
            names |= dict.fromkeys(str(name)[:100] for name in row)
    return tuple(names)[:200]
