"""What a verification has found so far, and the verdict that may be told of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from certificates.claims import RESERVED_CLAIMS
from certificates.numbering import Identifier
from certificates.verifying.known import Known, StatusSource, VerifierRules
from certificates.verifying.papers import Paper
from certificates.verifying.trust import KeyCustody, TrustPolicy, Vouched
from certificates.verifying.verdict import NO_LICENCE, Result, Step, TokenKind, Verdict

_CUSTODIES: Final = tuple(custody.value for custody in KeyCustody)


@dataclass(slots=True)
class Course:
    """What was asked, and what the steps taken have found."""

    paper: Paper
    trust: TrustPolicy
    statuses: StatusSource
    audience: str | None
    now: datetime
    proven_at: datetime | None
    known: Known | None
    rules: VerifierRules
    as_of: datetime | None
    vouched: Vouched | None = None
    lapsed: bool = False
    """The chain holds no longer, and held at the time that the signer claims."""
    claims: dict[str, Any] = field(default_factory=dict)
    kind: TokenKind = TokenKind.UNKNOWN
    identifier: Identifier | None = None
    shown: bool = False
    outside: str | None = None
    possessed: bool = False
    compared: bool = False
    """A purpose was asked for, and is the one in the copy."""
    status: str = "unknown"
    status_at: datetime | None = None

    def verdict(self, result: Result, reason: str, steps: list[Step]) -> Verdict:
        """What may be said of it; who signed it and what it says only after steps 1 to 4."""
        seen: dict[str, Any] = {}
        if self.shown and self.vouched is not None:
            purpose, leaf = self.claims.get("purpose"), self.vouched.leaf
            seen = {
                **self._of_what(),
                "signed_by": leaf.organization,
                "custody": self._custody(),
                "claims": {name: value for name, value in self.claims.items() if name not in self._members()},
                "purpose": purpose if isinstance(purpose, dict) else None,
                "suite": leaf.public.alg,
                "key": leaf.public.thumbprint,
                "trial": self.vouched.trial,
                "proven_at": self._proven(),
                "status_at": self.status_at,
                "possession_shown": self.possessed,
                "page": "" if self.known is None else self.known.page,
                "purpose_compared": None if self._shown_as() is TokenKind.LICENCE else self.compared,
            }
        kind = self._shown_as() if self.shown else TokenKind.UNKNOWN
        status = self.status if self.shown else "unknown"
        return Verdict(
            result,
            reason,
            kind,
            self.now,
            tuple(steps),
            status=status,
            format=self.paper.format,
            as_of=self.as_of,
            **seen,
        )

    def _of_what(self) -> dict[str, Any]:
        if self.identifier is not None:
            return {"certificate": {**self.claims["certificate"], "type": self.identifier.type_code}}
        described = self.claims.get(NO_LICENCE.get(self.kind, ""))
        return {"described": described} if isinstance(described, dict) else {}

    def _members(self) -> frozenset[str]:
        own = NO_LICENCE.get(self.kind)
        return RESERVED_CLAIMS if own is None else RESERVED_CLAIMS | {own}

    def _shown_as(self) -> TokenKind:
        """Of a purpose copy in hand the hub judges the licence that it was made from."""
        return TokenKind.PURPOSE_COPY if self.known is not None and self.known.copied else self.kind

    def _moment(self) -> datetime:
        return self.now if self.as_of is None else self.as_of

    def _proven(self) -> datetime | None:
        told = (self.proven_at, self.paper.proven_at, None if self.known is None else self.known.proven_at)
        return min((moment for moment in told if moment is not None), default=None)

    def _custody(self) -> str | None:
        if self.identifier is None:
            return None
        issuer = self.trust.issuers.get(self.identifier.issuer_code)
        custody = self.claims["certificate"].get("custody") if issuer is None else issuer.custody.value
        return custody if custody in _CUSTODIES else None
