"""Stored answers held against the ledger: what was given out must be, byte for byte, what the entry committed to."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.tables import table
from hub.intake.answers import answer_place, case_key
from hub.intake.compose import OF_WHAT, item_hash
from hub.intake.rulings import Ruling
from hub.intake.store import Case
from hub.intake.tables import EvidenceRequestRow
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import strict_loads
from signing.errors import MalformedError
from signing.jose import take_apart

_REQUESTS: Final = table(EvidenceRequestRow)
_DEPTH: Final = 128
_MAX_TOKEN_BYTES: Final = 16 * 1024 * 1024
_SIGNED: Final = frozenset({"evidence", "further_evidence", "receipt"})
"""Members that an answer has beside what its entry committed to."""


class Stored:
    """The answers of a case, read once. A body that is not what was stored has no items."""

    def __init__(self, tx: Connection, vault: Vault, case: Case) -> None:
        self._items: dict[str, Mapping[tuple[str, str], Mapping[str, Any]] | None] = {}
        key = case_key(vault, case)
        columns = (_REQUESTS.c.id, _REQUESTS.c.state, _REQUESTS.c.answer)
        for row in tx.execute(select(*columns).where(_REQUESTS.c.case_id == case.id, _REQUESTS.c.kind == "evidence")):
            if row.answer is None:
                continue
            try:
                body = key.decrypt(answer_place(row.id), row.answer)
                self._items[row.id] = _items(strict_loads(body, max_bytes=len(body), max_depth=_DEPTH), row.state)
            except (IntegrityBrokenError, MalformedError, KeyError, TypeError, ValueError, AttributeError):
                self._items[row.id] = None

    def holds(self, ruling: Ruling) -> bool | None:
        """Whether the answer says what the entry committed to; None: no answer is stored any more."""
        request = ruling.said("request_id")
        if request not in self._items:
            return None
        item = (self._items[request] or {}).get(ruling.about)
        return item is not None and item_hash(item) == ruling.said("payload_hash")


def _items(body: Mapping[str, Any], state: str) -> dict[tuple[str, str], Mapping[str, Any]]:
    """The unsigned items of an answer, by requirement and party."""
    if state != "done":
        return {(item["code"], item["party"]): item for item in body["items"]}
    owed = {(item["code"], item["party"]): item for item in body.get("owed", ())}
    return {(item["code"], item["party"]): _unsigned(item, owed) for item in body["requirements"]}


def _unsigned(item: Mapping[str, Any], owed: Mapping[tuple[str, str], Mapping[str, Any]]) -> dict[str, Any]:
    """An item of an answer without its signatures: as `compose.Item.unsigned` made it."""
    given = [*([item["evidence"]] if "evidence" in item else []), *item.get("further_evidence", ())]
    found = {name: value for name, value in item.items() if name not in _SIGNED}
    found["copies"] = [_copy(evidence) for evidence in given]
    debt = owed.get((item["code"], item["party"]))
    if debt is not None:
        found["owed"] = {name: value for name, value in debt.items() if name not in {"code", "party", "role", "number"}}
    return found


def _copy(evidence: Mapping[str, Any]) -> dict[str, Any]:
    token, *disclosures = str(evidence["token"]).split("~")
    payload = strict_loads(
        take_apart(token, max_bytes=_MAX_TOKEN_BYTES).payload, max_bytes=_MAX_TOKEN_BYTES, max_depth=_DEPTH
    )
    return {
        "prepared": {"payload": payload, "disclosures": disclosures[:-1]},
        **{name: evidence[name] for name in ("claims", "source", "obtained_at")},
        **{name: evidence[name] for name in OF_WHAT if name in evidence},
    }
