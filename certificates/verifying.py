"""Verifying: the numbered procedure of docs/verification.md, the same for the API, the page and the command line.

    (1) structure → (2) chain, role and entitlement → (3) signature → (4) status → (5) time → (6) receiver → (7) verdict

A step that fails ends the procedure with `failed`; one that cannot be decided leaves `indeterminate`, which a later
failure overrides. Nothing that was not verified is shown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from certificates.errors import NumberingError
from certificates.lifecycle import Status
from certificates.numbering import Identifier, parse
from certificates.profile import CIVIL_ZONE, VCT_PREFIX
from certificates.purpose_copy import VCT as COPY_VCT
from certificates.trust import TrustPolicy
from signing import sd_jwt
from signing.errors import ChainError, ClaimError, SigningError
from signing.jose import read_header
from signing.pki import Leaf

MAX_TOKEN_BYTES: Final = 65536
FUTURE_LEEWAY: Final = timedelta(seconds=10)
_OWN_CLAIMS: Final = frozenset(
    {"iss", "vct", "iat", "exp", "nbf", "status", "certificate", "aud", "cnf", "jti", "purpose"}
)


class Result(StrEnum):
    """The three verdicts. `indeterminate` is never to be read as `passed`."""

    PASSED = "passed"
    FAILED = "failed"
    INDETERMINATE = "indeterminate"


class TokenKind(StrEnum):
    """What was presented."""

    LICENCE = "licence"
    PURPOSE_COPY = "purpose_copy"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StatusQuestion:
    """Which status is asked for: the list entry a licence names, or, for a copy, the certificate it was made from."""

    identifier: str
    uri: str | None
    index: int | None


StatusSource = Callable[[StatusQuestion], Status | None]
"""None: the status cannot be had."""


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step and how it ended."""

    step: int
    name: str
    result: Result
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far a presented token can be trusted. `claims` holds only verified, disclosed values."""

    result: Result
    reason: str
    kind: TokenKind
    checked_at: datetime
    steps: tuple[Step, ...]
    certificate: Mapping[str, Any] | None = None
    status: str = "unknown"
    signed_by: str | None = None
    custody: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    purpose: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {
            "result": self.result.value,
            "reason": self.reason,
            "kind": self.kind.value,
            "certificate": dict(self.certificate) if self.certificate else None,
            "status": self.status,
            "signed_by": self.signed_by,
            "custody": self.custody,
            "checked_at": self.checked_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "purpose": dict(self.purpose) if self.purpose else None,
            "claims": dict(self.claims),
            "steps": [
                {"step": step.step, "name": step.name, "result": step.result.value, "reason": step.reason}
                for step in self.steps
            ],
        }


class _FailedError(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class _Procedure:
    """The state of one verification."""

    token: bytes
    trust: TrustPolicy
    statuses: StatusSource
    audience: str | None
    now: datetime
    steps: list[Step] = field(default_factory=list)
    undecided: str | None = None
    kind: TokenKind = TokenKind.UNKNOWN
    status: str = "unknown"
    leaf: Leaf | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    identifier: Identifier | None = None

    def structure(self) -> None:
        """(1) A readable SD-JWT of a kind we know, within the size bound."""
        if len(self.token) > MAX_TOKEN_BYTES:
            raise _FailedError("too_large")
        try:
            end = self.token.index(b"~")
        except ValueError:
            raise _FailedError("not_an_sd_jwt") from None
        self.header = read_header(self.token[:end], max_bytes=MAX_TOKEN_BYTES)

    def chain(self) -> None:
        """(2a) The signer's chain leads to a trust anchor."""
        self.leaf = self.trust.leaf(self.header, now=self.now)

    def signature(self) -> None:
        """(3) The signature holds and every disclosure belongs to it."""
        assert self.leaf is not None  # noqa: S101  # step 2 went before
        self.claims = sd_jwt.verify(self.token, key=self.leaf.public).claims
        vct = self.claims.get("vct")
        if vct == COPY_VCT:
            self.kind = TokenKind.PURPOSE_COPY
        elif isinstance(vct, str) and vct.startswith(VCT_PREFIX):
            self.kind = TokenKind.LICENCE
        else:
            raise _FailedError("vct")
        try:
            self.identifier = parse(self.claims["certificate"]["identifier"])
        except (KeyError, TypeError, NumberingError):
            raise _FailedError("identifier") from None

    def entitlement(self) -> None:
        """(2b) This signer may sign this: a department its own types, the hub's copy key copies of this hub."""
        assert self.leaf is not None  # noqa: S101
        assert self.identifier is not None  # noqa: S101
        if self.claims.get("iss") not in self.leaf.uris:
            raise _FailedError("issuer_uri")
        if self.kind is TokenKind.PURPOSE_COPY:
            if "purpose-copy" not in self.leaf.roles or self.claims["iss"] != self.trust.hub_uri:
                raise _FailedError("not_the_hubs_copy_key")
            return
        issuer = self.trust.issuers.get(self.leaf.organization_id)
        if (
            "issuer" not in self.leaf.roles
            or self.leaf.organization_id != self.identifier.issuer_code
            or issuer is None
        ):
            raise _FailedError("issuer_not_entitled")
        if (
            self.identifier.type_code not in issuer.types
            or self.claims["vct"] != VCT_PREFIX + self.identifier.type_code
        ):
            raise _FailedError("type_not_entitled")

    def time(self) -> None:
        """(5) Issued, begun, and not ended: instants in seconds, civil dates in Asia/Shanghai with an inclusive end."""
        seconds = self.now.timestamp()
        issued, ends = self.claims.get("iat"), self.claims.get("exp")
        if type(issued) is not int or issued > seconds + FUTURE_LEEWAY.total_seconds():
            raise _FailedError("issued_in_future")
        if ends is not None and (type(ends) is not int or seconds >= ends):
            raise _FailedError("expired")
        if self.kind is TokenKind.PURPOSE_COPY:
            if ends is None:
                raise _FailedError("missing_exp")
            return
        today = self.now.astimezone(CIVIL_ZONE).date()
        described = self.claims["certificate"]
        try:
            if today < date.fromisoformat(described["valid_from"]):
                raise _FailedError("not_yet_valid")
            if described["valid_until"] is not None and today > date.fromisoformat(described["valid_until"]):
                raise _FailedError("expired")
        except (KeyError, TypeError, ValueError):
            raise _FailedError("dates") from None

    def check_status(self) -> None:
        """(4) The certificate's status now, before its dates: a revoked licence says so even after its end.

        Not to be had is undecided for a licence; a copy carries none of its own.
        """
        assert self.identifier is not None  # noqa: S101
        uri: Any = None
        index: Any = None
        if self.kind is TokenKind.LICENCE:
            try:
                entry = self.claims["status"]["status_list"]
                uri, index = entry["uri"], entry["idx"]
            except (KeyError, TypeError):
                raise _FailedError("status_missing") from None
            if (
                not isinstance(uri, str)
                or type(index) is not int
                or not uri.startswith(f"{self.trust.hub_uri}/status-lists/")
            ):
                raise _FailedError("status_reference")
        found = self.statuses(StatusQuestion(self.identifier.text, uri, index))
        if found is None:
            if self.kind is TokenKind.LICENCE:
                self.undecided = self.undecided or "status_unavailable"
            return
        self.status = found.value
        if found is not Status.VALID:
            raise _FailedError(f"certificate_{found.value}")

    def receiver(self) -> None:
        """(6) A purpose copy is for its receiver alone."""
        if self.kind is not TokenKind.PURPOSE_COPY:
            return
        if self.audience is None:
            self.undecided = self.undecided or "audience_not_given"
        elif self.claims.get("aud") != self.audience:
            raise _FailedError("audience_mismatch")


_STEPS: Final[tuple[tuple[int, str, Callable[[_Procedure], None]], ...]] = (
    (1, "structure", _Procedure.structure),
    (2, "chain", _Procedure.chain),
    (3, "signature", _Procedure.signature),
    (2, "entitlement", _Procedure.entitlement),
    (4, "status", _Procedure.check_status),
    (5, "time", _Procedure.time),
    (6, "receiver", _Procedure.receiver),
)


def verify_certificate(
    token: bytes, *, trust: TrustPolicy, statuses: StatusSource, audience: str | None, now: datetime
) -> Verdict:
    """Check a presented licence or purpose copy and say how far it can be trusted. Never raises for what was presented.

    Args:
        token: compact SD-JWT with all or some disclosures, ASCII.
        statuses: answers the status questions; it may not go to the network here.
        audience: who is verifying, for purpose copies; None leaves them undecided.
        now: aware UTC instant used for every date check.
    Source: docs/verification.md; RFC 9901 §7.
    """
    procedure = _Procedure(token, trust, statuses, audience, now)
    for number, name, step in _STEPS:
        before = procedure.undecided
        try:
            step(procedure)
        except _FailedError as error:
            return _verdict(procedure, number, name, error.reason)
        except (ChainError, ClaimError, SigningError) as error:
            return _verdict(procedure, number, name, error.reason)
        undecided = procedure.undecided if procedure.undecided != before else None
        procedure.steps.append(Step(number, name, Result.INDETERMINATE if undecided else Result.PASSED, undecided))
    result = Result.INDETERMINATE if procedure.undecided else Result.PASSED
    return _finish(procedure, result, procedure.undecided or "ok")


def _verdict(procedure: _Procedure, number: int, name: str, reason: str) -> Verdict:
    procedure.steps.append(Step(number, name, Result.FAILED, reason))
    return _finish(procedure, Result.FAILED, reason)


def _finish(procedure: _Procedure, result: Result, reason: str) -> Verdict:
    """(7) The verdict. Claims are shown only when signature and entitlement held."""
    entitled = any(step.name == "entitlement" and step.result is Result.PASSED for step in procedure.steps)
    claims = procedure.claims if entitled else {}
    described = claims.get("certificate")
    custody = None
    if entitled:
        custody = described.get("custody", "hub_held") if isinstance(described, dict) else None
    return Verdict(
        result=result,
        reason=reason,
        kind=procedure.kind if entitled else TokenKind.UNKNOWN,
        checked_at=procedure.now,
        steps=tuple(procedure.steps),
        certificate=described,
        status=procedure.status,
        signed_by=procedure.leaf.organization if procedure.leaf and entitled else None,
        custody=custody,
        claims={name: value for name, value in claims.items() if name not in _OWN_CLAIMS},
        purpose=claims.get("purpose"),
    )


def presented_identifier(token: bytes) -> str | None:
    """The identifier a token claims to be of, unverified: only to look its status up beforehand."""
    try:
        described = sd_jwt.parse(token).payload["certificate"]
        return parse(described["identifier"]).text
    except (SigningError, NumberingError, KeyError, TypeError):
        return None
