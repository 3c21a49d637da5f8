"""The public page of one entry of the log 账本条目: what anybody may see of it, and its proof, checked in the browser.

Its kind is told no closer than whether it is about somebody or about the hub: whoever reads all ids from the tiles must
not be able to count looks, refusals or orders by this page.
"""

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection, select

from catalog.tables import table
from hub.deps import HubDep, UuidText
from hub.ledger.errors import NotSequencedError
from hub.ledger.proofs import InclusionProof, prove_inclusion
from hub.ledger.tables import LedgerEntryRow
from hub.storage.errors import MissingError
from hub.web.pages import Lang, public_page

router = APIRouter(include_in_schema=False)
_ENTRIES = table(LedgerEntryRow)


@dataclass(frozen=True, slots=True)
class _Entry:
    id: str
    at: datetime
    about_somebody: bool
    proof: InclusionProof | None


@router.get("/ledger/entries/{entry_id}", response_class=HTMLResponse)
async def entry(request: Request, hub: HubDep, entry_id: UuidText, lang: Lang = None) -> HTMLResponse:
    """One entry, with its proof under the newest checkpoint that witnesses co-signed, if that covers it."""

    def unit(tx: Connection) -> _Entry:
        row = tx.execute(select(_ENTRIES).where(_ENTRIES.c.id == entry_id)).one_or_none()
        if row is None:
            raise MissingError("entry")
        try:
            proof = prove_inclusion(tx, entry_id, under=hub.witnessing.under(tx))
        except NotSequencedError:
            proof = None
        return _Entry(row.id, row.recorded_at, row.subject_id is not None or row.case_id is not None, proof)

    found = await hub.database.read(unit)
    proof = found.proof
    return public_page(
        "entry.html",
        request,
        lang,
        proven=found,
        about_somebody=found.about_somebody,
        proof=proof,
        leaf_hash=b64encode(proof.leaf_hash).decode() if proof else "",
        nodes=[b64encode(node).decode() for node in proof.path] if proof else [],
        log_key=hub.ledger.verifier,
    )
