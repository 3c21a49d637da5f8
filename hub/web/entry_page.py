"""The public page of one entry of the log 账本条目: what anybody may see of it, and its proof, checked in the browser.

Its kind is told no closer than whether it is about somebody or about the hub: whoever reads all ids from the tiles must
not be able to count looks, refusals or orders by this page.
"""

from base64 import b64encode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from hub.deps import HubDep, UuidText
from hub.ledger.public_entry import public_entry
from hub.web.pages import Lang, public_page

router = APIRouter(include_in_schema=False)


@router.get("/ledger/entries/{entry_id}", response_class=HTMLResponse)
async def entry(request: Request, hub: HubDep, entry_id: UuidText, lang: Lang = None) -> HTMLResponse:
    """One entry, with its proof under the newest checkpoint that witnesses co-signed, if that covers it."""
    found = await hub.database.read(lambda tx: public_entry(tx, entry_id, under=hub.witnessing.under(tx)))
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
