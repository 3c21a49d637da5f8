"""Mapping: which column becomes which claim, declared as data and applied to rows. Rows never make it raise."""

from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, Self

from catalog import identifiers
from certificates.claims import Format
from certificates.definitions.certificate_type import CertificateType
from certificates.lifecycle.states import Operation
from hub.collection.errors import MappingError, UnknownColumnError
from hub.collection.reading.conversions import ConversionError, Converter, DateSpelling, converter_for
from hub.collection.reading.rows import BadRow, GoneRow, RawRow
from hub.collection.reasons import Reason, Rejection, code_of_rule, reason
from hub.collection.register_state import Ended, RegisterState
from signing.canonical import canonical, sha256

ALL_SPELLINGS: Final = frozenset(DateSpelling)
# Registers hold text that begins with a plus or minus; nothing that is data begins with these.
_FORMULA: Final = ("=", "@", "＝", "＠")


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """How one column becomes one claim. `absent_values` are compared after trimming and mean that there is no value."""

    claim: str
    trim: bool
    absent_values: frozenset[str]
    dates: frozenset[DateSpelling] = ALL_SPELLINGS


@dataclass(frozen=True, slots=True)
class Mapped:
    """A row that fits its type; `normalised` names the claims whose spelling had to be repaired.

    Where it `ended` in its register, only the record's key is sure to be among the claims.
    """

    claims: dict[str, str | int]
    normalised: tuple[str, ...]
    ended: Ended | None = None


@dataclass(frozen=True)
class Mapping:
    """A declared mapping. `version` is its author's count, `digest` tells two contents apart whatever they call it."""

    version: int
    columns: Table[str, ColumnRule] = field(hash=False)
    status: RegisterState | None = None

    @property
    def read_columns(self) -> tuple[str, ...]:
        """Every column that a register must have."""
        return tuple(dict.fromkeys((*self.columns, *(self.status.columns if self.status else ()))))

    def __post_init__(self) -> None:
        claims = [rule.claim for rule in self.columns.values()]
        for column, rule in self.columns.items():
            if not column or column != column.strip():
                raise MappingError(f"columns/{column}", "column_name")
            if claims.count(rule.claim) > 1:
                raise MappingError(f"columns/{column}", "claim_twice")

    @classmethod
    def of_type(cls, certificate_type: CertificateType) -> Self:
        """Give the mapping that comes with a certificate type."""
        return cls(
            certificate_type.mapping_version,
            MappingProxyType(
                {
                    column: ColumnRule(claim, trim=True, absent_values=certificate_type.absent_values)
                    for column, claim in certificate_type.default_mapping.items()
                }
            ),
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical declaration, hexadecimal: what a report and a batch record remember."""
        return sha256(canonical(self._declaration())).hex()

    def bind(self, certificate_type: CertificateType, columns: tuple[str, ...]) -> "RowMapper":
        """Check the mapping against a type and a file's columns, once for all rows. Other columns are ignored.

        Raises:
            MappingError: `unknown_claim`, `required_claim_not_mapped`.
            UnknownColumnError: the file lacks a column that the mapping names.
        """
        for column, rule in self.columns.items():
            if rule.claim not in certificate_type.claims:
                raise MappingError(f"columns/{column}", "unknown_claim")
        mapped = {rule.claim for rule in self.columns.values()}
        for claim in certificate_type.claims.values():
            if claim.required and claim.name not in mapped:
                raise MappingError(f"claims/{claim.name}", "required_claim_not_mapped")
        if missing := [column for column in self.read_columns if column not in columns]:
            raise UnknownColumnError(missing, columns)
        return RowMapper(self, certificate_type)

    def apply(self, row: RawRow | BadRow, certificate_type: CertificateType) -> Mapped | Rejection:
        """Map one row; for many, `bind` once."""
        columns = tuple(row.cells) if isinstance(row, RawRow) else self.read_columns
        return self.bind(certificate_type, columns).apply(row)

    def _declaration(self) -> dict[str, Any]:
        said = {"status": self.status.declaration()} if self.status else {}
        return said | {
            "version": self.version,
            "columns": {
                column: {
                    "claim": rule.claim,
                    "trim": rule.trim,
                    "absent": sorted(rule.absent_values),
                    "dates": sorted(rule.dates),
                }
                for column, rule in self.columns.items()
            },
        }


@dataclass(frozen=True, slots=True)
class _Step:
    column: str
    claim: str
    trim: bool
    absent_values: frozenset[str]
    convert: Converter | None


class RowMapper:
    """A mapping bound to a certificate type and to columns that are there. Holds no state between rows."""

    def __init__(self, mapping: Mapping, certificate_type: CertificateType) -> None:
        self._type = certificate_type
        self._status = mapping.status
        self._steps = tuple(
            _Step(
                column,
                rule.claim,
                rule.trim,
                rule.absent_values,
                converter_for(certificate_type.claims[rule.claim].format, rule.dates),
            )
            for column, rule in mapping.columns.items()
        )
        self._column_of = {rule.claim: column for column, rule in mapping.columns.items()}

    def apply(self, row: RawRow | BadRow) -> Mapped | Rejection:
        """Turn a row into claims that fit the type, or say everything that is wrong with it. Never raises."""
        if isinstance(row, BadRow):
            return Rejection.of_row(row.reason)
        cells = row.cells
        claims: dict[str, str | int] = {}
        normalised: list[str] = []
        reasons: list[Reason] = []
        for step in self._steps:
            cell = cells[step.column]
            text = cell.strip() if step.trim else cell
            if text in step.absent_values:
                continue
            if text.startswith(_FORMULA):
                reasons.append(reason("formula", column=step.column, claim=step.claim))
                continue
            value: str | int = text
            if step.convert is not None:
                try:
                    value = step.convert(text)
                except ConversionError as error:
                    reasons.append(reason(error.code, column=step.column, claim=step.claim))
                    continue
            claims[step.claim] = value
            if str(value) != cell:
                normalised.append(step.claim)
        self._normalise_holder(claims, normalised)
        problems = self._type.check_claims(claims)
        state = _GONE if isinstance(row, GoneRow) else self._status.of(cells) if self._status else None
        if isinstance(state, Reason):
            reasons.append(state)
        elif state is not None:
            # What else its row says is no longer of use: registers empty the cells of what has ended.
            problems = [problem for problem in problems if problem.claim == self._type.record_key]
            reasons = [each for each in reasons if each.claim == self._type.record_key]
        if not (problems or reasons or isinstance(state, Reason)):
            return Mapped(claims, tuple(normalised), state)
        told = {each.claim for each in reasons}
        reasons += [
            reason(code_of_rule(problem.rule), column=self._column_of.get(problem.claim, ""), claim=problem.claim)
            for problem in problems
            if problem.claim not in told
        ]
        return Rejection(tuple(reasons))

    def _normalise_holder(self, claims: dict[str, str | int], normalised: list[str]) -> None:
        """Repair the holder's identifier where only another claim of the row says of which type it is."""
        rule = self._type.holder
        id_type = rule.id_type if rule.id_type_claim is None else claims.get(rule.id_type_claim)
        text = claims.get(rule.id)
        if self._type.claims[rule.id].format in _IDENTIFIERS or text is None or id_type not in identifiers.ID_TYPES:
            return
        repaired = identifiers.normalise_id(str(id_type), str(text))
        claims[rule.id] = repaired.value
        if repaired.changed and rule.id not in normalised:
            normalised.append(rule.id)


_GONE: Final = Ended(Operation.REVOKE, None, gone=True)
_IDENTIFIERS: Final = frozenset({Format.USCC, Format.CITIZEN_ID})
