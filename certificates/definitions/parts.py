"""The parts of a certificate type: small frozen values, each with one rule. `reading.parts_of` makes them."""

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Literal


class Kind(StrEnum):
    """What the document is in law: 证照, 证明, 批文, 鉴定, 办事结果."""

    CERTIFICATE = "certificate"
    PROOF = "proof"
    APPROVAL = "approval"
    APPRAISAL = "appraisal"
    RESULT = "result"


class Stage(StrEnum):
    """Where in a life a licence stands 人生阶段, in the order of a dossier: of a person, then of a body."""

    IDENTITY = "identity"
    BIRTH = "birth"
    SCHOOL = "school"
    WORK = "work"
    FAMILY = "family"
    HOUSING = "housing"
    TRAVEL = "travel"
    WELFARE = "welfare"
    RETIREMENT = "retirement"
    FOUNDING = "founding"
    PERMITS = "permits"
    QUALIFICATION = "qualification"
    TAX = "tax"
    CHANGE = "change"
    CLOSING = "closing"
    AFTER = "after"
    OTHER = "other"


class Custody(StrEnum):
    """Where the claims live: here, or at the source, which is asked when they are used."""

    LIBRARY = "library"
    INDEX = "index"


class Suite(StrEnum):
    """A signature suite a type may be signed in. The token is ES256, always."""

    ES256 = "es256"
    SM2 = "sm2"
    """Its OFD."""
    RSA = "rsa"
    """Its PDF alone, for readers that know nothing else."""


class DocumentFormat(StrEnum):
    """A form in which a licence may be handed out."""

    SD_JWT = "sd-jwt"
    PDF = "pdf"
    OFD = "ofd"
    JSON = "json"


class OnMissing(StrEnum):
    """What becomes of a licence whose row is gone from a whole register."""

    KEEP = "keep"
    REVOKE = "revoke"


class Reissue(StrEnum):
    """How a changed row is issued: the next version of the same licence (变更), or a new number (换发新证)."""

    VERSION = "version"
    SERIAL = "serial"


@dataclass(frozen=True, slots=True)
class DefiningAuthority:
    """Who defined the type; its USCC opens the type code."""

    name: str
    uscc: str


PRINCIPAL = "holder"
"""The role of the one holder of a type that names no roles."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a certificate is about."""

    id_type: str
    id_number: str = field(repr=False)
    name: str = field(repr=False)
    role: str = PRINCIPAL


@dataclass(frozen=True, slots=True)
class HolderRule:
    """Which claims name a holder. The identifier type is fixed for the type, or stands in `id_type_claim`."""

    id: str
    name: str
    id_type: str | None = None
    id_type_claim: str | None = None
    role: str = PRINCIPAL

    def claims(self) -> tuple[str, ...]:
        """The claims that together name this holder."""
        return (self.id, self.name) if self.id_type_claim is None else (self.id_type_claim, self.id, self.name)

    def holder_of(self, claims: Mapping[str, str | int]) -> Holder:
        """The holder that a record names. Raises: KeyError when it names none."""
        id_type = self.id_type if self.id_type_claim is None else claims[self.id_type_claim]
        return Holder(str(id_type), str(claims[self.id]), str(claims[self.name]), self.role)


@dataclass(frozen=True, slots=True)
class ValidityRule:
    """When a certificate ends: never, after `years`, `months` or `days`, or on the civil day in `claim` (which may be
    absent: no end). At most one of the four is set. A period counts from the day in `start`, the register's own day of
    issue; None: from the day on which the hub issued it, which says nothing of how old the record was by then.
    """

    years: int | None = None
    claim: str | None = None
    months: int | None = None
    days: int | None = None
    start: str | None = None

    def valid_until(self, issued_on: date, claims: Mapping[str, str | int]) -> date | None:
        """Name the last day of validity, inclusive; None is no end.

        A period of years or months ends on the corresponding day, and where the month has none, on the month's last
        day (民法典 art. 202); of a period of days the first does not count (art. 201).
        """
        if self.claim is not None:
            text = claims.get(self.claim)
            return None if text is None else date.fromisoformat(str(text))
        first = issued_on if self.start is None else date.fromisoformat(str(claims[self.start]))
        if self.days is not None:
            return first + timedelta(days=min(self.days, (date.max - first).days))
        months = self.months if self.years is None else 12 * self.years
        if months is None:
            return None
        years, month = divmod(first.month - 1 + months, 12)
        year, month = first.year + years, month + 1
        if year > date.max.year:  # a register may write any day
            return date.max
        return date(year, month, min(first.day, calendar.monthrange(year, month)[1]))


@dataclass(frozen=True, slots=True)
class FaceRule:
    """How a face looks. What is None, or an empty `rows`, is the rendering's to choose by kind."""

    template: str | None = None
    orientation: Literal["portrait", "landscape"] | None = None
    accent: str | None = None
    rows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SealRule:
    """The seal's words, None: the issuer's name; and its outline."""

    text: str | None = None
    shape: Literal["round", "oval"] = "round"


@dataclass(frozen=True, slots=True)
class RegisterRule:
    """What the register does to licences that exist."""

    on_missing: OnMissing = OnMissing.KEEP
    reissue: Reissue = Reissue.VERSION


@dataclass(frozen=True, slots=True)
class SourceRule:
    """Of `custody: index`: the interface that is asked when a licence is used; claim → field of its answer; claim → the
    values by which the source says that the licence has ended.
    """

    interface: str
    claims: Mapping[str, str]
    ended: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Supports:
    """In which suites a licence may be signed and in which forms handed out."""

    suites: tuple[Suite, ...] = (Suite.ES256, Suite.SM2)
    formats: tuple[DocumentFormat, ...] = tuple(DocumentFormat)
