"""A dry look at the first rows of a register: what would become of each. Nothing is written, nothing is issued.

Not seen by it: rows further down, and two rows of one file that contradict each other.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from itertools import islice
from typing import Any, BinaryIO, Final, Literal

from sqlalchemy import Connection

from catalog.store import Department
from certificates.definitions.certificate_type import CertificateType
from certificates.stores.certificates import latest_by_record
from hub.collection.mapping import Mapped
from hub.collection.mapping import Mapping as ColumnMapping
from hub.collection.reading.reader import Format, open_register
from hub.collection.reading.rows import BadRow, FileFacts, RawRow, RegisterFile
from hub.collection.reasons import Rejection
from hub.collection.weighing import weighed
from hub.issuing.plan import Decision, Effect, decide
from hub.issuing.single_instance import one_each
from hub.storage.vault import Vault

LOOKED: Final = 20
_HEAD_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class LookedRow:
    """A row and what would become of it. `claims` is empty where it is rejected, `why` where it is not."""

    number: int
    line: int
    effect: Effect
    raw: str = field(repr=False)
    claims: Mapping[str, str | int] = field(default_factory=dict, repr=False)
    why: Rejection = field(default_factory=lambda: Rejection(()))

    def as_json(self) -> dict[str, Any]:
        """As the API tells it."""
        reasons = [asdict(reason) for reason in self.why.reasons]
        effect = "rejected" if self.effect is Effect.REFUSED else self.effect.value
        return {
            "row": self.number,
            "line": self.line,
            "effect": effect,
            "claims": dict(self.claims),
            "reasons": reasons,
        }


def columns_of(register: RegisterFile, form: Format, sheet: str | None) -> tuple[str, ...]:
    """The named columns of a register; of JSON lines, those of its first mebibyte. Blocks. Raises: RegisterError."""
    with open_register(_near(register, form), sheet=sheet, declared=form) as reader:
        return tuple(column for column in reader.columns if column)


def first_rows(
    register: RegisterFile, form: Format, sheet: str | None
) -> tuple[list[RawRow | BadRow], tuple[str, ...]]:
    """The first rows, and the columns. Blocks. Raises: RegisterError."""
    with open_register(_near(register, form), sheet=sheet, declared=form) as reader:
        return list(islice(reader, LOOKED)), reader.columns


def weigh(
    tx: Connection,
    rows: Sequence[RawRow | BadRow],
    columns: tuple[str, ...],
    *,
    mapping: ColumnMapping,
    kind: CertificateType,
    issuer: Department,
    vault: Vault,
    as_of: datetime,
    today: date,
) -> list[LookedRow]:
    """What each row would become, against the library as it is. Raises: MappingError, RegisterError."""
    mapper = mapping.bind(kind, columns)
    looked = [(row, mapper.apply(row)) for row in rows]
    good = {
        row.number: weighed(found, kind, issuer.code, vault, as_of=as_of, today=today)
        for row, found in looked
        if isinstance(found, Mapped)
    }
    known = latest_by_record(tx, kind.code, issuer.id, {item.record_hash for item in good.values()})
    items = list(good.values())
    decisions = [decide(item, known.get(item.record_hash)) for item in items]
    one = one_each(tx, kind, issuer.id, items, decisions, today=today, lock=False)
    decided = dict(zip(good, one.decisions, strict=True))
    return [
        _rejected(row, found) if isinstance(found, Rejection) else _decided(row, found, decided[row.number])
        for row, found in looked
    ]


def _rejected(row: RawRow | BadRow, why: Rejection) -> LookedRow:
    return LookedRow(row.number, row.line, Effect.REFUSED, row.raw, why=why)


def _decided(row: RawRow | BadRow, found: Mapped, decision: Decision) -> LookedRow:
    if decision.effect is Effect.REFUSED:
        return _rejected(row, Rejection.of_row(decision.reason or "row_failed"))
    return LookedRow(row.number, row.line, decision.effect, row.raw, found.claims)


def _near(register: RegisterFile, form: Format) -> RegisterFile:
    # The columns of JSON lines are those of every line: a look would read, and open, a gigabyte.
    return _Head(register) if form is Format.JSON_LINES else register


class _Head:
    """The first whole lines of a register."""

    def __init__(self, register: RegisterFile) -> None:
        self.name = register.name
        self.suffix = register.suffix
        self._register = register

    def open(self, mode: Literal["rb"], /) -> BinaryIO:
        with self._register.open(mode) as stream:
            head = stream.read(_HEAD_BYTES)
            more = bool(stream.read(1))
        return io.BytesIO(head[: head.rfind(b"\n") + 1 or len(head)] if more else head)

    def stat(self) -> FileFacts:
        return self._register.stat()
