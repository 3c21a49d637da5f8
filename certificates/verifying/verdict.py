"""The verdict on a presented token, and the table of the procedure that leads to it.

Wire format: `Verdict.to_json`. Numbers, names and reason codes of the steps are those of docs/verification.md; codes
are only ever added.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
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
    DATA_COPY = "data_copy"
    STAND_IN_COPY = "stand_in_copy"
    CASE_NOTICE = "case_notice"
    SHOWING = "showing"
    UNKNOWN = "unknown"


NO_LICENCE: Final[Mapping[TokenKind, str]] = MappingProxyType(
    {TokenKind.DATA_COPY: "interface", TokenKind.STAND_IN_COPY: "stand_in", TokenKind.CASE_NOTICE: "notice"}
)
"""What is not of a licence, and the claim that says what it is of: source data, what stands in for a record, a case."""


class Format(StrEnum):
    """In which form it was presented, by its content."""

    SD_JWT = "sd-jwt"
    PDF = "pdf"
    OFD = "ofd"
    JSON = "json"
    CONTROL_CODE = "control_code"
    OFFLINE_CODE = "offline_code"


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
    Rule(
        1,
        "structure",
        _JSON
        | _codes(
            "too_large not_an_sd_jwt segments header metadata control_code"
            " pdf_header pdf_not_signed pdf_byte_range not_sealed zip_bomb zip_name identifier file_structure"
            " base45 offline_code"
        ),
        undecided=_codes(
            "pdf_changed pdf_encrypted pdf_form pdf_not_certified pdf_object pdf_pages pdf_trailer pdf_xref"
            " pdf_xref_stream zip ofd_structure ofd_xml licence_unreadable"
        ),
    ),
    Rule(
        2,
        "signature",
        _JSON
        | _codes(
            "signature header_name alg typ payload disclosure salt reserved_name sd sd_alg chain_leaf_key"
            " chain_certificate never_disclosable unreferenced_disclosure duplicate_disclosure duplicate_digest"
            " claim_collision metadata_mismatch file_signature digest signing_certificate stamp_imprint stamp_time"
            " issued_in_future data_hash file_hash uncovered_file location signing_time seal_file seal_certificate"
            " seal_signature seal_role seal_not_yet_valid seal_expired chain_x5c"
        ),
        undecided=_codes("suite_unavailable ofd_structure ofd_xml pdf_object key_unknown"),
    ),
    Rule(
        3,
        "trust",
        _codes(
            "chain_certificate chain_leaf_key chain_expired chain_not_yet_valid chain_leaf_is_ca chain_key_usage"
            " chain_path chain_root_in_chain chain_unused_certificate chain_subject chain_anchor chain_too_long"
            " chain_not_compared vct identifier issuer_uri not_the_hubs_copy_key issuer_not_entitled type_not_entitled"
        ),
        undecided=_codes("suite_unavailable"),
    ),
    Rule(
        4,
        "time",
        _codes(
            "missing_iat missing_exp bad_iss bad_sub bad_aud bad_jti bad_iat bad_exp bad_nbf issued_in_future"
            " chain_expired chain_key_compromised chain_revoked"
        ),
        undecided=_codes("revocation_unknown"),
    ),
    Rule(
        5,
        "validity",
        _codes("not_yet_valid expired dates binding_mismatch"),
        undecided=_codes("validity_unavailable"),
    ),
    Rule(
        6,
        "status",
        _codes(
            "status_missing status_reference certificate_revoked certificate_suspended certificate_superseded"
            " certificate_withdrawn certificate_cancelled certificate_transferring certificate_transferred"
            " certificate_other copy_removed expired not_yet_valid"
        ),
        undecided=_codes("status_unavailable status_too_old status_went_back type_halted"),
    ),
    Rule(
        7,
        "holder",
        _codes("audience_mismatch purpose_mismatch binding_missing binding_wrong"),
        undecided=_codes("audience_not_given audience_unknown purpose_unknown binding_unavailable"),
    ),
    Rule(8, "policy", _codes("trial_not_accepted suite_not_accepted custody_not_accepted")),
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
    """How far what was presented can be trusted. `claims` holds only verified, disclosed values.

    Attributes:
        suite, key: the algorithm that signed, and the thumbprint of the key.
        trial: whether the chain leads to an authority for trying out.
        proven_at: since when it is proven to exist; what the signer claims is no proof.
        status_at: of which instant the status is.
        as_of: the instant that the question was about, if not now.
        possession_shown: whether the presenter showed, over the verifier's nonce, that the key in the token is his.
        purpose_compared: whether a purpose copy's purpose is that for which the verifier takes it; None: of a licence.
        hub: the other hub by whose trust list it was judged; None: by the own.
        described: of what is no licence, what it is of.
        page: `Known.page` of what was presented: for the hub's own account of who verified what, and never told.
    """

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
    format: Format | None = None
    suite: str | None = None
    key: str | None = None
    trial: bool | None = None
    proven_at: datetime | None = None
    status_at: datetime | None = None
    as_of: datetime | None = None
    hub: str | None = None
    possession_shown: bool | None = None
    purpose_compared: bool | None = None
    described: Mapping[str, Any] | None = None
    page: str = ""

    def to_json(self) -> dict[str, Any]:
        """The wire form."""
        return {
            "result": self.result.value,
            "reason": self.reason,
            "kind": self.kind.value,
            "certificate": dict(self.certificate) if self.certificate else None,
            **({NO_LICENCE[self.kind]: dict(self.described)} if self.described is not None else {}),
            "status": self.status,
            "signed_by": self.signed_by,
            "custody": self.custody,
            "format": self.format.value if self.format else None,
            "suite": self.suite,
            "key": self.key,
            "trial": self.trial,
            "proven_at": _instant(self.proven_at),
            "status_at": _instant(self.status_at),
            "as_of": _instant(self.as_of),
            "hub": self.hub,
            "possession_shown": self.possession_shown,
            "purpose_compared": self.purpose_compared,
            "checked_at": _instant(self.checked_at),
            "purpose": dict(self.purpose) if self.purpose else None,
            "claims": dict(self.claims),
            "steps": [
                {"step": step.step, "name": step.name, "result": step.result.value, "reason": step.reason}
                for step in self.steps
            ],
        }


def _instant(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
