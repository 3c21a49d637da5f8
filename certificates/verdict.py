"""The verdict on a presented token, and the table of the procedure that leads to it.

Wire format: `Verdict.to_json`. Numbers, names and reason codes of the steps are those of docs/verification.md; codes
are only ever added.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final


class Result(StrEnum):
    """The three verdicts. `indeterminate` is never to be read as `passed`."""

    PASSED = "passed"
    FAILED = "failed"
    INDETERMINATE = "indeterminate"


class TokenKind(StrEnum):
    """What was presented; unknown until a signer who may sign it has said so."""

    LICENCE = "licence"
    PURPOSE_COPY = "purpose_copy"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Rule:
    """One step of the procedure: its number, its name and every reason with which it can fail or stay undecided."""

    number: int
    name: str
    failures: frozenset[str]
    undecided: frozenset[str] = frozenset()


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


_JSON: Final = _codes("base64url json depth duplicate_name number character encoding")
"""What a strict reader finds wrong with bytes, wherever they stand."""

PROCEDURE: Final = (
    Rule(1, "structure", _JSON | _codes("too_large not_an_sd_jwt segments header")),
    Rule(
        2,
        "chain",
        _codes(
            "chain_x5c chain_certificate chain_leaf_key chain_expired chain_not_yet_valid chain_leaf_is_ca"
            " chain_key_usage chain_path chain_root_in_chain chain_unused_certificate chain_subject chain_anchor"
        ),
    ),
    Rule(
        3,
        "signature",
        _JSON
        | _codes(
            "signature header_name alg typ payload disclosure salt reserved_name sd sd_alg"
            " never_disclosable unreferenced_disclosure duplicate_disclosure duplicate_digest claim_collision"
        ),
    ),
    Rule(
        4,
        "entitlement",
        _codes("vct identifier issuer_uri not_the_hubs_copy_key issuer_not_entitled type_not_entitled"),
    ),
    Rule(
        5,
        "status",
        _codes("status_missing status_reference certificate_revoked certificate_suspended certificate_superseded"),
        undecided=_codes("status_unavailable"),
    ),
    Rule(
        6,
        "time",
        _codes(
            "missing_iat missing_exp bad_iss bad_sub bad_aud bad_jti bad_iat bad_exp bad_nbf issued_in_future"
            " not_yet_valid expired dates"
        ),
    ),
    Rule(7, "receiver", _codes("audience_mismatch"), undecided=_codes("audience_not_given")),
)
"""The steps, in the order in which they are taken."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was taken, and how it ended."""

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
