"""Composing an answer: first everything but signatures, then the signatures, over one stored form.

The unsigned answer is fixed before the ledger row is committed: salts, `jti`, times. After a crash the stored form is
signed as it stands, so a retry gets the same evidence and nothing is fetched twice.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from catalog.matters.roles import told_apart
from hub.clock import rfc3339
from hub.intake.resolver import ASKED, Outcome, Resolution
from hub.intake.resolving.values import Seen
from hub.intake.wording import next_step, why
from hub.issuing.keys.desk import Certified, SigningDesk
from hub.ledger.entries import Sealed
from hub.ledger.receipts import receipt
from signing import sd_jwt
from signing.canonical import b64u, canonical, sha256, strict_loads, unb64u
from signing.errors import MalformedError
from signing.jose import sign_jws

BUNDLE_TYPE: Final = "evidence-bundle+jwt"
EVIDENCE_FORMAT: Final = "dc+sd-jwt"
MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""How much of a source's answer may leave. Every reader of a stored or signed answer takes what holds this much."""
MAX_ANSWER_DEPTH: Final = 56
_STORED_DEPTH: Final = 128
OF_WHAT: Final = ("certificate", "interface", "stand_in")
"""The members that say what a copy is of."""
_WHERE_THERE: Final = ("role", "number", "material", "question", "rule", "asked_of", "holder_asked")
_BROUGHT: Final = frozenset({"copy_handed_in", "commitment_given"})
"""Reasons of what was satisfied by asking the person, now or later: no paper was spared."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy without its signature, and what the answer says of it. `described` names in its own member what it is
    of, where that is no certificate.
    """

    prepared: sd_jwt.Prepared
    claims: Mapping[str, Any]
    source: Mapping[str, Any]
    certificate: Mapping[str, Any]
    obtained_at: str
    described: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The stored form."""
        return {
            "prepared": {"payload": self.prepared.payload, "disclosures": list(self.prepared.disclosures)},
            "claims": dict(self.claims),
            "source": dict(self.source),
            **(dict(self.described) or {"certificate": dict(self.certificate)}),
            "obtained_at": self.obtained_at,
        }


@dataclass(frozen=True, slots=True)
class Item:
    """One requirement's answer without signatures. `read` is what the hub has read for it, by record: for conditions
    and parties of other requirements, and for nobody else.
    """

    resolution: Resolution
    copies: tuple[Copy, ...]
    read: tuple[Mapping[str, Any], ...] = field(default=(), repr=False, compare=False)
    seen: Seen | None = field(default=None, repr=False, compare=False)
    """By which it was judged; None: by the question of its request, and no source."""
    foreseen: Outcome | None = field(default=None, compare=False)
    """How it will end, where something stands in for it that is looked for when it is decided: for conditions."""

    @property
    def ends(self) -> Outcome:
        """How it ends, as other requirements see it."""
        return self.foreseen or self.resolution.outcome

    def unsigned(self, language: str) -> dict[str, Any]:
        """The canonical unsigned payload that the ledger row commits to."""
        resolution = self.resolution
        requirement = resolution.requirement
        return {
            "code": requirement.code,
            "title": requirement.title(language),
            "party": requirement.party,
            **told_apart(requirement.party),
            "outcome": resolution.outcome.value,
            "rung": resolution.rung.value if resolution.rung else None,
            "why": why(resolution.why.code, resolution.why.params, language),
            "next_step": next_step(resolution.why.code, language),
            "copies": [copy.as_json() for copy in self.copies],
        }


def unsigned_answer(
    *,
    request_id: str,
    case_no: str,
    audience: str,
    issuer: str,
    request_hash: str,
    decided_at: datetime,
    items: Sequence[Mapping[str, Any]],
    entries: Sequence[Sealed],
) -> dict[str, Any]:
    """The stored form of a decided request: all of the answer but its signatures."""
    return {
        "request_id": request_id,
        "case_no": case_no,
        "audience": audience,
        "issuer": issuer,
        "request_hash": request_hash,
        "decided_at": rfc3339(decided_at),
        "items": list(items),
        "entries": [
            {"id": entry.id, "time": rfc3339(entry.recorded_at), "commitment": b64u(entry.commitment)}
            for entry in entries
        ],
    }


def item_hash(item: Mapping[str, Any]) -> str:
    """What the ledger row of an item commits to."""
    return sha256(canonical(item)).hex()


def stored(answer: Mapping[str, Any]) -> bytes:
    """Bytes of a decided answer, for storing."""
    return _json(answer)


def read_stored(data: bytes) -> dict[str, Any]:
    """Read what `stored` wrote. Raises: MalformedError."""
    answer: dict[str, Any] = strict_loads(data, max_bytes=len(data), max_depth=_STORED_DEPTH)
    return answer


def can_be_read_again(records: Sequence[Mapping[str, Any]]) -> bool:
    """Whether an answer with these records can be read by whoever signs it after a crash.

    Asked before it is decided: a decided answer that nobody can read would be disclosed, and never given.
    """
    try:
        strict_loads(_json(records), max_bytes=MAX_ANSWER_BYTES, max_depth=MAX_ANSWER_DEPTH)
    except (MalformedError, RecursionError, TypeError, ValueError):
        return False
    return True


SignedItem = tuple[dict[str, Any], dict[str, Any]]
"""An item with its signatures: as it is shown, and as the bundle names it."""


class EvidenceSigner:
    """Puts copies, receipts and bundle under their signatures; answers the response body.

    Only for an answer whose ledger rows are committed.
    """

    def __init__(self, desk: SigningDesk, *, log_origin: str) -> None:
        self._desk = desk
        self._log_origin = log_origin

    def __call__(self, answer: Mapping[str, Any], entries: Sequence[Sealed]) -> bytes:
        """The signed answer."""
        return self.whole(answer, entries, self.items(answer, entries))

    def items(self, answer: Mapping[str, Any], entries: Sequence[Sealed]) -> list[SignedItem]:
        """Its items, each signed for itself."""
        copier, hub = self._desk.hub("purpose-copy"), self._desk.hub("hub")
        return [
            _signed_item(
                item,
                entry,
                copier,
                receipt(entry, issuer=answer["issuer"], log_origin=self._log_origin, signer=hub.signer),
            )
            for item, entry in zip(answer["items"], entries, strict=True)
        ]

    def whole(self, answer: Mapping[str, Any], entries: Sequence[Sealed], signed: Sequence[SignedItem]) -> bytes:
        """The answer around signed items, which are not signed anew: whoever has them has what the bundle names."""
        return _whole(answer, entries, signed, hub=self._desk.hub("hub"))


def _signed_item(item: Mapping[str, Any], entry: Sealed, copier: Certified, signed_receipt: str) -> SignedItem:
    evidence = [_signed_copy(copy, copier) for copy in item["copies"]]
    shown = {name: item[name] for name in ("code", "title", "party", "outcome", "rung", "why", "next_step")}
    shown |= {name: item[name] for name in _WHERE_THERE if name in item}
    if evidence:
        shown["evidence"] = evidence[0]
        if len(evidence) > 1:
            shown["further_evidence"] = evidence[1:]
    shown["receipt"] = signed_receipt
    named = {name: item[name] for name in ("code", "party", "outcome", "rung")}
    return shown, named | {"entry": entry.id, "tokens": [sha256(copy["token"].encode()).hex() for copy in evidence]}


def _whole(
    answer: Mapping[str, Any], entries: Sequence[Sealed], signed: Sequence[SignedItem], *, hub: Certified
) -> bytes:
    bundle = {
        "iss": answer["issuer"],
        "aud": answer["audience"],
        "iat": int(entries[0].recorded_at.timestamp()) if entries else 0,
        "jti": answer["request_id"],
        "case_no": answer["case_no"],
        "request_hash": answer["request_hash"],
        "requirements": [named for _, named in signed],
    }
    body = {
        "evidence_request_id": answer["request_id"],
        "case_no": answer["case_no"],
        "decided_at": answer["decided_at"],
        "requirements": [shown for shown, _ in signed],
        "still_needed": _still_needed(answer["items"]),
        "owed": _owed(answer["items"]),
        "waiting": _waiting(answer["items"]),
        "saved": _saved(answer["items"]),
        "bundle": sign_jws(bundle, signer=hub.signer, typ=BUNDLE_TYPE, header=hub.header),
    }
    return _json(body)


def restored_entries(answer: Mapping[str, Any]) -> list[Sealed]:
    """The entries of a stored answer, enough of them to sign receipts."""
    return [
        Sealed(entry["id"], datetime.fromisoformat(entry["time"]), unb64u(entry["commitment"]), {})
        for entry in answer["entries"]
    ]


def _json(value: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> bytes:
    """Plain JSON: these bytes are stored and sent as they are, nobody rebuilds them to check a hash."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _signed_copy(copy: Mapping[str, Any], copier: Certified) -> dict[str, Any]:
    prepared = sd_jwt.Prepared(copy["prepared"]["payload"], tuple(copy["prepared"]["disclosures"]))
    return {
        "format": EVIDENCE_FORMAT,
        "token": sd_jwt.sign(prepared, signer=copier.signer, header=copier.header),
        "claims": copy["claims"],
        "source": copy["source"],
        "obtained_at": copy["obtained_at"],
        **{name: copy[name] for name in OF_WHAT if name in copy},
    }


def _still_needed(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """Codes of what the person is asked for, each once: of whom, the items say."""
    return list(dict.fromkeys(item["code"] for item in items if Outcome(item["outcome"]) in ASKED))


def _owed(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a department or the hub owes the case, by when: none of it is asked of the person."""
    return [{"code": item["code"], "party": item["party"], **item["owed"]} for item in items if "owed" in item]


def _waiting(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What somebody has promised an answer to, by when: none of it is asked of the person."""
    return [
        {"code": item["code"], "party": item["party"]} | item["why"]["params"]
        for item in items
        if item["outcome"] == Outcome.PENDING and item["why"]["code"] != "waits_for"
    ]


def _saved(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Papers this answer spares: one per requirement and party that is proved without asking (design §1)."""
    proved = [item for item in items if item["outcome"] == Outcome.SATISFIED and item["why"]["code"] not in _BROUGHT]
    return {"papers": len(proved), "titles": [item["title"] for item in proved]}
