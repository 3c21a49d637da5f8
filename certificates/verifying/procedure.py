"""Verifying: the numbered procedure of docs/verification.md, the same for API, page and command line, for every format.

    (1) structure → (2) signature → (3) trust → (4) time → (5) validity → (6) status → (7) holder → (8) policy → verdict

A step that fails ends the procedure with `failed`; one that cannot be decided leaves `indeterminate`, which a later
failure overrides. Nothing that was not verified is shown. What the formats have of their own is in `papers*`.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from certificates.verifying.known import NO_RULES, TYPE_HALTED, Known, StatusQuestion, StatusSource, VerifierRules
from certificates.verifying.papers import FailedError, Paper, SdJwtPaper, UndecidedError
from certificates.verifying.signed_claims import read_identifier
from certificates.verifying.steps import Procedure
from certificates.verifying.trust import TrustPolicy
from certificates.verifying.verdict import PROCEDURE, Result, Step, TokenKind, Verdict
from signing import sd_jwt
from signing.errors import ChainError, SigningError, SuiteUnavailableError

__all__ = [
    "TYPE_HALTED", "Result", "StatusQuestion", "StatusSource", "Step", "TokenKind", "Verdict", "presented_identifier",
    "verify_certificate", "verify_paper",
]  # fmt: skip

_METHODS: Final[tuple[Callable[[Procedure], str | None], ...]] = (
    Procedure.structure,
    Procedure.signature,
    Procedure.trust_list,
    Procedure.time,
    Procedure.validity,
    Procedure.check_status,
    Procedure.holder,
    Procedure.policy,
)
_STEPS: Final = tuple(
    (Step(rule.number, rule.name, Result.PASSED), method) for rule, method in zip(PROCEDURE, _METHODS, strict=True)
)


def verify_certificate(
    token: bytes,
    *,
    trust: TrustPolicy,
    statuses: StatusSource,
    audience: str | None,
    now: datetime,
    proven_at: datetime | None = None,
    known: Known | None = None,
    rules: VerifierRules = NO_RULES,
    as_of: datetime | None = None,
) -> Verdict:
    """`verify_paper` for a licence or purpose copy as text: a compact SD-JWT with all or some disclosures, ASCII."""
    return verify_paper(
        SdJwtPaper(token),
        trust=trust,
        statuses=statuses,
        audience=audience,
        now=now,
        proven_at=proven_at,
        known=known,
        rules=rules,
        as_of=as_of,
    )


def verify_paper(
    paper: Paper,
    *,
    trust: TrustPolicy,
    statuses: StatusSource,
    audience: str | None,
    now: datetime,
    proven_at: datetime | None = None,
    known: Known | None = None,
    rules: VerifierRules = NO_RULES,
    as_of: datetime | None = None,
) -> Verdict:
    """Check what was presented and say how far it can be trusted. Never raises for what was presented.

    Args:
        paper: made by `certificates.verifying.papers_reading.read_paper`, for this call alone.
        statuses: answers the status questions; it may not go to the network here.
        audience: who is verifying, for purpose copies and key bindings; None leaves them undecided.
        now: aware UTC instant used for every date check.
        proven_at: when it was signed at the latest, if a ledger or a time-stamp proves that: decides on what a key
            signed that has expired or was compromised since.
        known: what is known of it beside what was presented: from the hub's row, or from a proof.
        as_of: asked about another instant; validity and status are of then, trust is of now.
    Raises: ValueError: naive `now` or `as_of`.
    Source: docs/verification.md; RFC 9901 §7.
    """
    if now.tzinfo is None or (as_of is not None and as_of.tzinfo is None):
        raise ValueError("now must be an aware datetime")
    procedure = Procedure(paper, trust, statuses, audience, now, proven_at, known, rules, as_of)
    undecided: str | None = None
    steps: list[Step] = []
    for passed, take in _STEPS:
        try:
            reason = take(procedure)
        except (SuiteUnavailableError, UndecidedError) as error:
            # Nothing later can be said of what was not checked; it is this verifier that cannot tell.
            why = error.reason if isinstance(error, UndecidedError) else "suite_unavailable"
            steps.append(replace(passed, result=Result.INDETERMINATE, reason=why))
            return procedure.verdict(Result.INDETERMINATE, why, steps)
        except (FailedError, SigningError) as error:
            why = f"chain_{error.reason}" if isinstance(error, ChainError) else error.reason
            if isinstance(error, FailedError) and error.after is not None:
                steps.append(replace(passed, result=Result.FAILED, reason=error.after))
                passed = _STEPS[len(steps)][0]  # noqa: PLW2901  # the step that was asked in advance
            steps.append(replace(passed, result=Result.FAILED, reason=why))
            return procedure.verdict(Result.FAILED, why, steps)
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
        identifier = read_identifier(sd_jwt.parse(token).payload)
    except SigningError:
        return None
    return None if identifier is None else identifier.text
