"""An act on a certificate, as somebody asks for it: read strictly, held to its rule, kept as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, Self

from certificates.errors import ActError
from certificates.lifecycle.history import EARLIEST, moment_of
from certificates.lifecycle.rules import RULES, By, Reason, check_act, check_links
from certificates.lifecycle.states import MAKING, Operation
from hub.clock import rfc3339

VERIFIED: Final = {
    "digest": 64,
    "format": 16,
    "hub": 200,
    "signed_by": 200,
    "status": 32,
    "checked_at": 32,
}
"""What the hub says of a licence from elsewhere that it was shown (`arriving`); nobody else does."""
_ORIGIN: Final = {"identifier": 128, "number": 128, "authority": 200, "released": 200, **VERIFIED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What is to be done, why, and with what. `claims` are personal: never in a log.

    Attributes:
        effective_at: since when it is true; None: from now on.
        claims: of the version that it makes.
        issued_on: its first day; None is today.
        origin: identifier and number of a licence that comes from elsewhere, the authority there, and by which
            letter that let it go; with what was verified of it.
        predecessor: identifier of a version of this hub that a transfer in replaces.
    """

    operation: Operation
    reason_code: Reason
    reason: str
    legal_basis: str
    effective_at: datetime | None = None
    claims: Mapping[str, Any] | None = field(default=None, repr=False)
    issued_on: date | None = None
    origin: Mapping[str, str] | None = None
    predecessor: str | None = None

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Out of JSON. Raises: ActError naming the member."""
        operation = _member(given, "operation", Operation)
        code = given.get("reason_code") or _only_reason(operation)
        return cls(
            operation=operation,
            reason_code=_member({"reason_code": code}, "reason_code", Reason),
            reason=str(given.get("reason") or ""),
            legal_basis=str(given.get("legal_basis") or ""),
            effective_at=_when(given.get("effective_at")),
            claims=given.get("claims"),
            issued_on=_day(given.get("issued_on")),
            origin=_origin(given.get("origin")),
            predecessor=given.get("predecessor"),
        )

    def check(self, by: By, *, of_version: bool) -> None:
        """Hold it to the rule of its operation. `of_version`: it is done to a version that is named beside it.

        Raises: ActError.
        """
        check_act(self.operation, by=by, reason=self.reason_code, text=self.reason, legal_basis=self.legal_basis)
        check_links(
            self.operation,
            predecessor=of_version or self.predecessor is not None,
            origin=self.origin is not None,
            claims=self.claims is not None,
        )
        if self.operation in MAKING and self.effective_at is not None:
            raise ActError("effective_at", "not_allowed")  # what it makes begins with its first day
        if self.operation not in MAKING and self.issued_on is not None:
            raise ActError("issued_on", "not_allowed")

    def as_json(self) -> dict[str, Any]:
        """As it is stored, sealed where it holds claims; `read` reads it back."""
        return {
            "operation": self.operation.value,
            "reason_code": self.reason_code.value,
            "reason": self.reason,
            "legal_basis": self.legal_basis,
            "effective_at": rfc3339(self.effective_at) if self.effective_at else None,
            "claims": dict(self.claims) if self.claims is not None else None,
            "issued_on": self.issued_on.isoformat() if self.issued_on else None,
            "origin": dict(self.origin) if self.origin else None,
            "predecessor": self.predecessor,
        }


def _member(given: Mapping[str, Any], name: str, kind: type[Any]) -> Any:
    try:
        return kind(given.get(name))
    except ValueError:
        raise ActError(name, "unknown") from None


def _only_reason(operation: Operation) -> str:
    """The reason, where an operation has but one beside "other"."""
    named = RULES[operation].reasons - {Reason.OTHER}
    if len(named) == 1:
        return next(iter(named)).value
    raise ActError("reason_code", "required")


def _when(text: Any) -> datetime | None:
    if text is None:
        return None
    try:
        if len(str(text)) == len("2026-05-03"):  # a day's beginning: an act of that day counts on it
            text = f"{text}T00:00:00+08:00"
        return moment_of(str(text))
    except ValueError:
        raise ActError("effective_at", "neither_day_nor_instant") from None


def _day(text: Any) -> date | None:
    if text is None:
        return None
    try:
        day = date.fromisoformat(str(text))
    except ValueError:
        raise ActError("issued_on", "no_day") from None
    if day.year < EARLIEST:
        raise ActError("issued_on", "out_of_the_calendar")
    return day


def _origin(given: Any) -> dict[str, str] | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or not {"identifier", "number"} <= given.keys() <= _ORIGIN.keys():
        raise ActError("origin", "identifier_and_number")
    for name, value in given.items():
        if not isinstance(value, str) or not 0 < len(value.strip()) <= _ORIGIN[name]:
            raise ActError(f"origin/{name}", "length")
    return dict(given)
