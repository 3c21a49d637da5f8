"""The evidence in an archive: answers byte for byte as they were given, each judged at the time of its ledger entry.

A bundle names, under the hub's signature, its entries and the SHA-256 of every purpose copy; receipts name the entries'
commitments; the ledger proves the entries. A purpose copy ended within hours of its making: here it is judged at the
time when it was made, and nobody presents it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from certificates.archive.keys import MAX_TOKEN_BYTES, KeyCertificates
from certificates.archive.ledger import ProvenEntry
from certificates.data_copy import DATA_VCT
from certificates.purpose_copy import VCT
from certificates.stand_in_copy import STAND_IN_VCT
from signing import sd_jwt
from signing.canonical import sha256, strict_loads
from signing.errors import SigningError
from signing.jose import take_apart, verify_jws

BUNDLE_TYPE: Final = "evidence-bundle+jwt"
ANSWER_TYPE: Final = "query-answer+jwt"
RECEIPT_TYPE: Final = "ledger-receipt+jwt"
_DEPTH: Final = 128
_DESCRIBED: Final = {VCT: "certificate", DATA_VCT: "interface", STAND_IN_VCT: "stand_in"}
"""The member that says what a copy is of."""
_SHOWN: Final = ("code", "party", "outcome")


class EvidenceError(Exception):
    """An answer that is not what it says; `reason` is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class CopyShown:
    """A purpose copy that was verified: of which licence, by which entry disclosed, and what it says of it."""

    identifier: str
    issuer: str
    type_code: str
    entry: str
    certificate: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EvidenceGround:
    """What answers are judged by. `proven_at`: everything existed then at the latest."""

    hub: str
    case_no: str
    entries: Mapping[str, ProvenEntry]
    keys: KeyCertificates
    proven_at: datetime
    tolerance: timedelta


def check_answer(data: bytes, ground: EvidenceGround) -> list[CopyShown]:
    """Verify one answer with all that it carries. Raises: EvidenceError."""
    try:
        body: dict[str, Any] = strict_loads(data, max_bytes=len(data), max_depth=_DEPTH)
        return _bundle(body, ground) if "bundle" in body else _query(body, ground)
    except SigningError as error:
        raise EvidenceError(error.reason) from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EvidenceError("answer") from error


def _bundle(body: dict[str, Any], ground: EvidenceGround) -> list[CopyShown]:
    """An answer to the requirements of the case."""
    entries = [_receipt(item["receipt"], ground) for item in body["requirements"]]
    times = (*(entry.recorded_at for entry in entries[:1]), ground.proven_at)
    key = ground.keys.by_header(body["bundle"], role="hub", times=times).public
    signed = _payload(verify_jws(body["bundle"], key=key, typ=BUNDLE_TYPE, max_bytes=MAX_TOKEN_BYTES).payload)
    _check_address(signed, body, "evidence_request_id", ground)
    found: list[CopyShown] = []
    for item, said, entry in zip(body["requirements"], signed["requirements"], entries, strict=True):
        evidence = [*([item["evidence"]] if "evidence" in item else []), *item.get("further_evidence", [])]
        if [item[name] for name in _SHOWN] != [said[name] for name in _SHOWN] or said["entry"] != entry.id:
            raise EvidenceError("bundle_other")
        if [sha256(each["token"].encode()).hex() for each in evidence] != said["tokens"]:
            raise EvidenceError("bundle_tokens")
        copies = [_copy(each, entry, signed["aud"], ground) for each in evidence]
        found += [copy for copy in copies if copy is not None]
    return found


def _query(body: dict[str, Any], ground: EvidenceGround) -> list[CopyShown]:
    """An answer of one interface: what stands in clear is what was signed."""
    entry = _receipt(body["receipt"], ground)
    key = ground.keys.by_header(body["answer"], role="hub", times=(entry.recorded_at, ground.proven_at)).public
    signed = _payload(verify_jws(body["answer"], key=key, typ=ANSWER_TYPE, max_bytes=MAX_TOKEN_BYTES).payload)
    _check_address(signed, body, "query_id", ground)
    shown = {name: value for name, value in body.items() if name not in {"query_id", "receipt", "answer"}}
    if signed["entry"] != entry.id or any(signed.get(name) != value for name, value in shown.items()):
        raise EvidenceError("answer_other")
    return []


def _check_address(signed: Mapping[str, Any], body: Mapping[str, Any], name: str, ground: EvidenceGround) -> None:
    if signed["iss"] != ground.hub:
        raise EvidenceError("hub_other")
    if not signed["case_no"] == body["case_no"] == ground.case_no:
        raise EvidenceError("case_other")
    if signed["jti"] != body[name]:
        raise EvidenceError("request_other")


def _receipt(token: str, ground: EvidenceGround) -> ProvenEntry:
    """The entry that a receipt promises, which the ledger proves. Its own time is believed because it is proven."""
    claimed = _payload(take_apart(token).payload)
    entry = ground.entries.get(str(claimed["entry"]))
    if entry is None:
        raise EvidenceError("entry_not_proven")
    if entry.recorded_at > ground.proven_at + ground.tolerance:
        raise EvidenceError("entry_time")
    key = ground.keys.by_kid(token, role="hub", times=(entry.recorded_at, ground.proven_at)).public
    claims = _payload(verify_jws(token, key=key, typ=RECEIPT_TYPE).payload)
    if (claims["entry"], claims["time"], claims["commitment"]) != (entry.id, entry.time, entry.commitment):
        raise EvidenceError("receipt_other")
    if claims["iss"] != ground.hub:
        raise EvidenceError("hub_other")
    return entry


def _copy(
    evidence: Mapping[str, Any], entry: ProvenEntry, audience: object, ground: EvidenceGround
) -> CopyShown | None:
    """A copy that was verified; None for one that is of no licence."""
    token = str(evidence["token"])
    times = (entry.recorded_at, ground.proven_at)
    key = ground.keys.by_header(token.partition("~")[0], role="purpose-copy", times=times).public
    verified = sd_jwt.verify(token, key=key)
    claims = verified.claims
    described = _DESCRIBED.get(claims["vct"])
    if described is None or claims["iss"] != ground.hub or claims["aud"] != audience:
        raise EvidenceError("copy_other")
    if claims["purpose"]["case_no"] != ground.case_no:
        raise EvidenceError("case_other")
    if {name: claims[name] for name in verified.disclosed} != evidence["claims"]:
        raise EvidenceError("claims_other")
    if any(member in evidence or member in claims for member in set(_DESCRIBED.values()) - {described}):
        raise EvidenceError("copy_other")
    if described != "certificate":
        if claims[described] != evidence[described]:
            raise EvidenceError("copy_other")
        return None
    certificate = claims["certificate"]
    if certificate["identifier"] != evidence["certificate"]["identifier"]:
        raise EvidenceError("certificate_other")
    issuer = certificate["issuer"]["uscc"]
    return CopyShown(certificate["identifier"], issuer, certificate["type"], entry.id, certificate)


def _payload(data: bytes) -> dict[str, Any]:
    payload = strict_loads(data, max_bytes=MAX_TOKEN_BYTES, max_depth=_DEPTH)
    if not isinstance(payload, dict):
        raise EvidenceError("payload")
    return payload
