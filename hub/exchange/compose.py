"""The answer of a query: fixed without signatures before its ledger row, signed from the stored form after it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from catalog.grants import Grant
from catalog.interface_store import StoredInterface
from hub.clock import rfc3339
from hub.intake.resolver import Outcome, Why
from hub.intake.wording import next_step, why
from hub.issuing.keys.desk import SigningDesk
from hub.ledger.entries import Sealed
from hub.ledger.receipts import receipt
from signing.canonical import b64u
from signing.jose import sign_jws

ANSWER_TYPE: Final = "query-answer+jwt"


@dataclass(frozen=True, slots=True)
class Found:
    """What a question found. `records` hold granted fields only, and are non-empty exactly when it is satisfied."""

    outcome: Outcome
    why: Why
    records: tuple[Mapping[str, Any], ...] = ()
    obtained_at: datetime | None = None
    as_of: datetime | None = None
    cached: bool = False
    stale: bool = False
    marks: tuple[str, ...] = ()


def unsigned_content(
    found: Found, stored: StoredInterface, grant: Grant, *, department: str, language: str, now: datetime
) -> dict[str, Any]:
    """The canonical unsigned payload that the ledger row commits to."""
    obtained = found.obtained_at or now
    return {
        "interface": stored.interface.code,
        "version": stored.version,
        "outcome": found.outcome.value,
        "why": why(found.why.code, found.why.params, language),
        "next_step": next_step(found.why.code, language),
        "records": [dict(record) for record in found.records],
        "grant": grant.id,
        "source": {
            "kind": "interface",
            "department": department,
            "code": stored.interface.source,
            "as_of": rfc3339(found.as_of) if found.as_of else None,
        },
        "obtained_at": rfc3339(obtained),
        "age_seconds": max(0, int((now - obtained).total_seconds())),
        "cached": found.cached,
        "stale": found.stale,
    }


def unsigned_answer(
    content: Mapping[str, Any],
    entry: Sealed,
    *,
    request_id: str,
    case_no: str,
    audience: str,
    issuer: str,
    request_hash: str,
    kind: str = "query",
) -> dict[str, Any]:
    """The stored form of a decided query: all of the answer but its signatures."""
    return {
        "kind": kind,
        "request_id": request_id,
        "case_no": case_no,
        "audience": audience,
        "issuer": issuer,
        "request_hash": request_hash,
        "content": dict(content),
        "entries": [{"id": entry.id, "time": rfc3339(entry.recorded_at), "commitment": b64u(entry.commitment)}],
    }


class QuerySigner:
    """Puts answer and receipt under the hub's signature. Only for an answer whose ledger row is committed."""

    def __init__(self, desk: SigningDesk, *, log_origin: str, answer_type: str = ANSWER_TYPE) -> None:
        self._desk = desk
        self._log_origin = log_origin
        self._answer_type = answer_type

    def __call__(self, answer: Mapping[str, Any], entries: Sequence[Sealed]) -> bytes:
        """The signed answer: what it says in clear, the same under a signature, and the receipt of its entry."""
        hub = self._desk.hub("hub")
        (entry,) = entries
        claims = {
            "iss": answer["issuer"],
            "aud": answer["audience"],
            "iat": int(entry.recorded_at.timestamp()),
            "jti": answer["request_id"],
            "case_no": answer["case_no"],
            "request_hash": answer["request_hash"],
            "entry": entry.id,
            **answer["content"],
        }
        body = {
            "query_id": answer["request_id"],
            "case_no": answer["case_no"],
            **answer["content"],
            "receipt": receipt(
                entry,
                issuer=answer["issuer"],
                log_origin=self._log_origin,
                signer=hub.signer,
                sandbox="sandbox" in answer["content"],
            ),
            "answer": sign_jws(claims, signer=hub.signer, typ=self._answer_type, header=hub.header),
        }
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
