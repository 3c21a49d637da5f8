"""Verifying: the numbered procedure of docs/verification.md, the same for the API, the page and the command line.

    (1) structure → (2) chain → (3) signature → (4) entitlement → (5) status → (6) time → (7) receiver → verdict

A step that fails ends the procedure with `failed`; one that cannot be decided leaves `indeterminate`, which a later
failure overrides. Nothing that was not verified is shown.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final

from certificates.errors import NumberingError
from certificates.lifecycle import Status
from certificates.numbering import Identifier, parse
from certificates.profile import CIVIL_ZONE, VCT_PREFIX
from certificates.purpose_copy import VCT as COPY_VCT
from certificates.trust import KeyCustody, TrustPolicy
from certificates.types import RESERVED_CLAIMS
from certificates.verdict import PROCEDURE, Result, Step, TokenKind, Verdict
from signing import sd_jwt
from signing.errors import SigningError
from signing.jose import check_claims
from signing.pki import Leaf

__all__ = ["Result", "StatusQuestion", "StatusSource", "Step", "TokenKind", "Verdict", "verify_certificate"]


@dataclass(frozen=True, slots=True)
class StatusQuestion:
    """Which status is asked for: the list entry a licence names, or, for a copy, the certificate it was made from."""

    identifier: str
    uri: str | None
    index: int | None


StatusSource = Callable[[StatusQuestion], Status | None]
"""None: the status cannot be had."""


class _FailedError(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class _Procedure:
    """One verification. Each step returns None, or why it could not decide; it raises what it fails with."""

    token: bytes
    trust: TrustPolicy
    statuses: StatusSource
    audience: str | None
    now: datetime
    split: sd_jwt.Split | None = None
    leaf: Leaf | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    kind: TokenKind = TokenKind.UNKNOWN
    identifier: Identifier | None = None
    entitled: bool = False
    status: str = "unknown"

    def structure(self) -> None:
        """(1) An SD-JWT within the size bound, whose header can be read."""
        self.split = sd_jwt.split(self.token)

    def chain(self) -> None:
        """(2) The signer's chain leads to a trust anchor."""
        assert self.split is not None  # noqa: S101  # step 1 went before
        try:
            self.leaf = self.trust.leaf(self.split.jws.header, now=self.now)
        except SigningError as error:
            # "expired" alone would read as if the licence were.
            raise _FailedError(f"chain_{error.reason}") from None

    def signature(self) -> None:
        """(3) The signature holds and every disclosure belongs to it."""
        assert self.split is not None  # noqa: S101
        assert self.leaf is not None  # noqa: S101  # step 2 went before
        self.claims = sd_jwt.verify(self.split, key=self.leaf.public).claims

    def entitlement(self) -> None:
        """(4) It is a licence or a copy, and this signer may sign it: a department its types, the hub its copies."""
        assert self.leaf is not None  # noqa: S101
        kind = _kind(self.claims.get("vct"))
        identifier = _identifier(self.claims)
        if identifier is None:
            raise _FailedError("identifier")
        if self.claims.get("iss") not in self.leaf.uris:
            raise _FailedError("issuer_uri")
        if kind is TokenKind.LICENCE:
            self._check_issuer(self.leaf, identifier)
        elif "purpose-copy" not in self.leaf.roles or self.claims["iss"] != self.trust.hub_uri:
            raise _FailedError("not_the_hubs_copy_key")
        self.kind, self.identifier, self.entitled = kind, identifier, True

    def _check_issuer(self, leaf: Leaf, identifier: Identifier) -> None:
        issuer = self.trust.issuers.get(leaf.organization_id)
        if issuer is None or "issuer" not in leaf.roles or leaf.organization_id != identifier.issuer_code:
            raise _FailedError("issuer_not_entitled")
        if identifier.type_code not in issuer.types or self.claims["vct"] != VCT_PREFIX + identifier.type_code:
            raise _FailedError("type_not_entitled")
        match self.claims["certificate"]:
            case {"issuer": {"uscc": identifier.issuer_code}}:
                pass
            case _:  # people read the issuer on the licence, not the one in its chain
                raise _FailedError("issuer_not_entitled")

    def check_status(self) -> str | None:
        """(5) The certificate's status now, before its dates: a revoked licence says so even after its end.

        Not to be had is undecided for a licence; a copy carries none of its own.
        """
        uri = index = None
        if self.kind is TokenKind.LICENCE:
            uri, index = self._status_entry()
        found = self.statuses(StatusQuestion(self.claims["certificate"]["identifier"], uri, index))
        if found is None:
            return "status_unavailable" if self.kind is TokenKind.LICENCE else None
        self.status = found.value
        if found is not Status.VALID:
            raise _FailedError(f"certificate_{found.value}")
        return None

    def _status_entry(self) -> tuple[str, int]:
        match self.claims.get("status"):
            case {"status_list": {"uri": uri, "idx": index}}:
                pass
            case _:
                raise _FailedError("status_missing")
        # Whoever may pick the list picks its answer: only lists of this hub.
        if not isinstance(uri, str) or not uri.startswith(f"{self.trust.hub_uri}/status-lists/"):
            raise _FailedError("status_reference")
        if type(index) is not int or index < 0:
            raise _FailedError("status_reference")
        return uri, index

    def time(self) -> None:
        """(6) Issued, begun, and not ended: instants in seconds, civil dates in Asia/Shanghai with an inclusive end."""
        required = _COPY_TIMES if self.kind is TokenKind.PURPOSE_COPY else _LICENCE_TIMES
        check_claims(
            self.claims,
            issuer=None,
            audience=None,
            seconds=self.now.timestamp(),
            max_lifetime=None,
            required=required,
        )
        today = self.now.astimezone(CIVIL_ZONE).date()
        match self.claims["certificate"]:
            case {"valid_from": begins, "valid_until": ends}:
                pass
            case _:
                raise _FailedError("dates")
        if today < _civil_date(begins):
            raise _FailedError("not_yet_valid")
        if ends is not None and today > _civil_date(ends):
            raise _FailedError("expired")

    def receiver(self) -> str | None:
        """(7) A purpose copy is for its receiver alone."""
        if self.kind is TokenKind.LICENCE:
            return None
        if self.audience is None:
            return "audience_not_given"
        if self.claims.get("aud") != self.audience:
            raise _FailedError("audience_mismatch")
        return None

    def verdict(self, result: Result, reason: str, steps: list[Step]) -> Verdict:
        """What may be said of the token; who signed it and what it says only after steps 1 to 4."""
        seen: dict[str, Any] = {}
        if self.entitled and self.leaf is not None and self.identifier is not None:
            described: Mapping[str, Any] = self.claims["certificate"]
            issuer, purpose = self.trust.issuers.get(self.identifier.issuer_code), self.claims.get("purpose")
            custody = described.get("custody") if issuer is None else issuer.custody.value
            seen = {
                "certificate": {**described, "type": self.identifier.type_code},
                "signed_by": self.leaf.organization,
                "custody": custody if custody in _CUSTODIES else None,
                "claims": {name: value for name, value in self.claims.items() if name not in RESERVED_CLAIMS},
                "purpose": purpose if isinstance(purpose, dict) else None,
            }
        return Verdict(result, reason, self.kind, self.now, tuple(steps), status=self.status, **seen)


_CUSTODIES: Final = tuple(custody.value for custody in KeyCustody)
_LICENCE_TIMES: Final = frozenset({"iat"})
_COPY_TIMES: Final = frozenset({"iat", "exp"})
_METHODS: Final[tuple[Callable[[_Procedure], str | None], ...]] = (
    _Procedure.structure,
    _Procedure.chain,
    _Procedure.signature,
    _Procedure.entitlement,
    _Procedure.check_status,
    _Procedure.time,
    _Procedure.receiver,
)
_STEPS: Final = tuple(
    (Step(rule.number, rule.name, Result.PASSED), method) for rule, method in zip(PROCEDURE, _METHODS, strict=True)
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
    Raises: ValueError: naive `now`.
    Source: docs/verification.md; RFC 9901 §7.
    """
    if now.tzinfo is None:
        raise ValueError("now must be an aware datetime")
    procedure = _Procedure(token, trust, statuses, audience, now)
    undecided: str | None = None
    steps: list[Step] = []
    for passed, take in _STEPS:
        try:
            reason = take(procedure)
        except (_FailedError, SigningError) as error:
            steps.append(replace(passed, result=Result.FAILED, reason=error.reason))
            return procedure.verdict(Result.FAILED, error.reason, steps)
        if reason is None:
            steps.append(passed)
        else:
            steps.append(replace(passed, result=Result.INDETERMINATE, reason=reason))
            undecided = undecided or reason
    if undecided is not None:
        return procedure.verdict(Result.INDETERMINATE, undecided, steps)
    return procedure.verdict(Result.PASSED, "ok", steps)


def presented_identifier(token: bytes) -> str | None:
    """The identifier a token claims to be of, unverified: only to look its status up beforehand."""
    try:
        identifier = _identifier(sd_jwt.parse(token).payload)
    except SigningError:
        return None
    return None if identifier is None else identifier.text


def _kind(vct: object) -> TokenKind:
    if vct == COPY_VCT:
        return TokenKind.PURPOSE_COPY
    if isinstance(vct, str) and vct.startswith(VCT_PREFIX):
        return TokenKind.LICENCE
    raise _FailedError("vct")


def _identifier(claims: Mapping[str, Any]) -> Identifier | None:
    match claims.get("certificate"):
        case {"identifier": str() as text}:
            try:
                return parse(text)
            except NumberingError:
                return None
    return None


def _civil_date(text: object) -> date:
    """A date as YYYY-MM-DD and in no other of the spellings of ISO 8601. Raises _FailedError."""
    try:
        day = date.fromisoformat(str(text))
    except ValueError:
        raise _FailedError("dates") from None
    if day.isoformat() != text:
        raise _FailedError("dates")
    return day
