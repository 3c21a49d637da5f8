"""Verifying what a hub answered, offline: the bytes and the key set are enough, today or in ten years.

    jwks = Jwks.read(Path("jwks.json").read_bytes())
    answer = verify_query_answer(Path("answer.json").read_bytes(), jwks)

Every function checks, in this order: (1) signature, by the `kid` in the key set, and the type of the token;
(2) issuer, receiver, request, as far as the caller says what they must be; (3) that what stands in clear is what is
signed; (4) the receipt, that it is of the same entry. The result is read from under the signature.

Not checked: that the entry is in the log (`check_receipt` in `yizheng_client.log`), that the key set is the hub's
(keep it as it came over TLS), and that a purpose copy is still in force (`Client.verify`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from yizheng_client.errors import VerificationError
from yizheng_client.jose import Jwks, b64u, read_json, unb64u
from yizheng_client.models import (
    Evidence,
    EvidenceAnswer,
    QueryAnswer,
    Receipt,
    RequirementAnswer,
    Why,
    instant,
    mapping,
    text,
)

QUERY_TYPE: Final = "query-answer+jwt"
SANDBOX_PREFIX: Final = "yz_test_"
"""Begins the client_id of sandbox credentials. Their answers are of a type of their own and pass for nobody else."""
BUNDLE_TYPE: Final = "evidence-bundle+jwt"
RECEIPT_TYPE: Final = "ledger-receipt+jwt"
COPY_TYPE: Final = "dc+sd-jwt"
_OF_THE_SIGNATURE: Final = frozenset({"iss", "aud", "iat", "jti", "entry", "request_hash"})
"""Claims that have no member of their name in clear."""

_KINDS: Final = {
    "urn:yizheng:purpose-copy": ("purpose_copy", "certificate"),
    "urn:yizheng:data-copy": ("data_copy", "interface"),
    "urn:yizheng:stand-in-copy": ("stand_in_copy", "stand_in"),
}
"""What a copy is of, by its `vct`: only the first is of a licence."""
_NEVER_DISCLOSED: Final = frozenset(
    {"iss", "aud", "exp", "nbf", "iat", "jti", "cnf", "vct", "status", "_sd", "_sd_alg", "..."}
)
"""What a disclosure may not be called: it would stand in for what the signer said."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What an answer must be for; None is not compared. `issued_from`: the earliest `iat`, in seconds since 1970."""

    issuer: str | None = None
    audience: str | None = None
    request_hash: str | None = None
    request_id: str | None = None
    issued_from: float | None = None


ANYTHING: Final = Expected()


def request_hash(path: str, body: bytes) -> str:
    """What an answer binds itself to: SHA-256 of `POST`, the path and the exact body, each followed by a line feed."""
    return hashlib.sha256(b"POST\n" + path.encode() + b"\n" + body + b"\n").hexdigest()


def verify_query_answer(answer: bytes | str, jwks: Jwks, expected: Expected = ANYTHING) -> QueryAnswer:
    """A query's answer that the hub signed. Raises: VerificationError."""
    body = _document(answer)
    sandbox = (expected.audience or "").startswith(SANDBOX_PREFIX)
    claims = jwks.verify(text(body, "answer"), typ=f"sandbox-{QUERY_TYPE}" if sandbox else QUERY_TYPE)
    _check_expected(claims, expected)
    if body.get("query_id") != claims.get("jti"):
        raise VerificationError("body_differs")
    for name in claims.keys() - _OF_THE_SIGNATURE:
        if name not in body or not _same(body[name], claims[name]):
            raise VerificationError("body_differs")
    records = claims.get("records")
    if not isinstance(records, list) or not all(isinstance(item, dict) for item in records):
        raise VerificationError("no_records")
    return QueryAnswer(
        query_id=text(claims, "jti"),
        case_no=text(claims, "case_no"),
        interface=text(claims, "interface"),
        version=_number(claims, "version"),
        outcome=text(claims, "outcome"),
        why=Why.read(claims.get("why")),
        next_step=claims.get("next_step"),
        records=tuple(records),
        grant=text(claims, "grant"),
        source=mapping(claims.get("source")),
        obtained_at=instant(claims, "obtained_at"),
        age_seconds=_number(claims, "age_seconds"),
        cached=claims.get("cached") is True,
        stale=claims.get("stale") is True,
        audience=text(claims, "aud"),
        request_hash=text(claims, "request_hash"),
        receipt=_receipt_of(body, jwks, issuer=text(claims, "iss"), entry=text(claims, "entry")),
        raw=answer.encode() if isinstance(answer, str) else answer,
    )


def verify_evidence(answer: bytes | str, jwks: Jwks, expected: Expected = ANYTHING) -> EvidenceAnswer:
    """An answer to a request for evidence: bundle, each purpose copy, each receipt. Raises: VerificationError."""
    body = _document(answer)
    claims = jwks.verify(text(body, "bundle"), typ=BUNDLE_TYPE)
    _check_expected(claims, expected)
    if (body.get("evidence_request_id"), body.get("case_no")) != (claims.get("jti"), claims.get("case_no")):
        raise VerificationError("body_differs")
    shown, signed = _objects(body, "requirements"), _objects(claims, "requirements")
    if len(shown) != len(signed):
        raise VerificationError("body_differs")
    return EvidenceAnswer(
        evidence_request_id=text(claims, "jti"),
        case_no=text(claims, "case_no"),
        requirements=tuple(_requirement(item, under, claims, jwks) for item, under in zip(shown, signed, strict=True)),
        audience=text(claims, "aud"),
        request_hash=text(claims, "request_hash"),
        raw=answer.encode() if isinstance(answer, str) else answer,
    )


def verify_receipt(token: str, jwks: Jwks, *, issuer: str | None = None) -> Receipt:
    """A receipt that the hub signed. Raises: VerificationError."""
    claims = jwks.verify(token, typ=RECEIPT_TYPE)
    _check_expected(claims, Expected(issuer=issuer))
    return Receipt(
        entry=text(claims, "entry"),
        time=text(claims, "time"),
        log=text(claims, "log"),
        commitment=text(claims, "commitment"),
        issuer=text(claims, "iss"),
        token=token,
    )


def _requirement(
    shown: Mapping[str, Any], signed: Mapping[str, Any], bundle: Mapping[str, Any], jwks: Jwks
) -> RequirementAnswer:
    names = ("code", "party", "outcome", *(("rung",) if "rung" in signed else ()))  # earlier hubs signed no rung
    if any(not _same(shown.get(name), signed.get(name)) for name in names):
        raise VerificationError("body_differs")
    first = [shown["evidence"]] if "evidence" in shown else []
    further = _objects(shown, "further_evidence") if "further_evidence" in shown else []
    copies = [*_objects({"evidence": first}, "evidence"), *further]
    hashes = [hashlib.sha256(text(copy, "token").encode()).hexdigest() for copy in copies]
    if hashes != signed.get("tokens"):
        raise VerificationError("copies_differ")
    return RequirementAnswer(
        code=text(signed, "code"),
        party=text(signed, "party"),
        outcome=text(signed, "outcome"),
        title=str(shown.get("title", "")),
        rung=shown.get("rung"),
        why=Why.read(shown.get("why")),
        next_step=shown.get("next_step"),
        evidence=tuple(_copy(copy, bundle, jwks) for copy in copies),
        receipt=_receipt_of(shown, jwks, issuer=text(bundle, "iss"), entry=text(signed, "entry")),
        question=mapping(shown["question"]) if "question" in shown else None,
        material=shown.get("material"),
    )


def _copy(shown: Mapping[str, Any], bundle: Mapping[str, Any], jwks: Jwks) -> Evidence:
    token = text(shown, "token")
    if "~" not in token:
        raise VerificationError("disclosures")
    jws, *disclosures, binding = token.split("~")
    claims = jwks.verify(jws, typ=COPY_TYPE)
    _check_expected(claims, Expected(issuer=text(bundle, "iss"), audience=text(bundle, "aud")))
    disclosed = _disclosed(claims, disclosures)
    if binding or not _same(disclosed, shown.get("claims")):
        raise VerificationError("claims_differ")
    kind, described = _KINDS.get(text(claims, "vct"), (None, ""))
    if kind is None:
        raise VerificationError("vct")
    for member in {name for _, name in _KINDS.values()} - {described}:
        if member in shown or member in claims:  # it would pass for another kind
            raise VerificationError("copies_differ")
    return Evidence(
        format=COPY_TYPE,
        token=token,
        claims=disclosed,
        source=mapping(shown.get("source")),
        certificate=mapping(claims.get("certificate")) if described == "certificate" else {},
        expires_at=datetime.fromtimestamp(_number(claims, "exp"), UTC),
        kind=kind,
        interface=mapping(claims.get("interface")) if described == "interface" else {},
        stand_in=mapping(claims.get("stand_in")) if described == "stand_in" else {},
    )


def _disclosed(claims: Mapping[str, Any], disclosures: Sequence[str]) -> dict[str, Any]:
    """The disclosed claims of an SD-JWT (RFC 9901) whose claims are all at the top."""
    digests = claims.get("_sd")
    if claims.get("_sd_alg", "sha-256") != "sha-256" or not isinstance(digests, list):
        raise VerificationError("disclosures")
    found: dict[str, Any] = {}
    for disclosure in disclosures:
        read = read_json(unb64u(disclosure))
        known = isinstance(read, list) and len(read) == 3 and isinstance(read[1], str)
        digest = b64u(hashlib.sha256(disclosure.encode()).digest())
        if not known or digest not in digests or read[1] in _NEVER_DISCLOSED or read[1] in {*claims, *found}:
            raise VerificationError("disclosures")
        found[read[1]] = read[2]
    return found


def _receipt_of(shown: Mapping[str, Any], jwks: Jwks, *, issuer: str, entry: str) -> Receipt:
    receipt = verify_receipt(text(shown, "receipt"), jwks, issuer=issuer)
    if receipt.entry != entry:
        raise VerificationError("receipt_of_another")
    return receipt


def _check_expected(claims: Mapping[str, Any], expected: Expected) -> None:
    compared: Sequence[tuple[str, str | None, str]] = (
        ("iss", expected.issuer, "issuer"),
        ("aud", expected.audience, "audience"),
        ("request_hash", expected.request_hash, "request_differs"),
        ("jti", expected.request_id, "another_request"),
    )
    for name, wanted, reason in compared:
        if wanted is not None and claims.get(name) != wanted:
            raise VerificationError(reason)
    if expected.issued_from is not None and _number(claims, "iat") < expected.issued_from:
        raise VerificationError("older_than_the_request")


def _document(answer: bytes | str) -> dict[str, Any]:
    found = read_json(answer)
    if not isinstance(found, dict):
        raise VerificationError("not_an_answer")
    return found


def _objects(given: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = given.get(name)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise VerificationError(f"no_{name}")
    return found


def _number(given: Mapping[str, Any], name: str) -> int:
    found = given.get(name)
    if type(found) is not int:
        raise VerificationError(f"no_{name}")
    return found


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON; Python alone holds 1, 1.0 and True for the same."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(*pair) for pair in zip(one, other, strict=True))
    return type(one) is type(other) and bool(one == other)
