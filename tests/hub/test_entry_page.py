"""The public page of an entry: its proof, and nothing of a person."""

import pytest
from sqlalchemy import select

from catalog.tables import table
from hub.clock import new_id
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import open_hub
from tests.hub.city import CANARIES, PERSON, identity_claims
from tests.support import POLICE, Place, issue

_ENTRIES = table(LedgerEntryRow)


@pytest.mark.embedded
async def test_anybody_sees_that_it_is_in_the_log_and_nothing_of_whom_it_is_about(place: Place) -> None:
    async with open_hub(place.settings()) as hub, place.client(hub) as client:
        await issue(hub, identity_claims(), slug="identity_card", issuer=POLICE)
        about = select(_ENTRIES).where(_ENTRIES.c.subject_id.is_not(None)).limit(1)
        row = await hub.database.read(lambda tx: tx.execute(about).one())
        waiting = await client.get(f"/ledger/entries/{row.id}")
        await hub.ledger.drain()
        page = await client.get(f"/ledger/entries/{row.id}")
        proof = (await client.get(f"/api/v1/ledger/entries/{row.id}/proof")).json()
        assert page.status_code == waiting.status_code == 200
        for text in (f'data-entry="{row.id}"', proof["leaf_hash"], "proof.js"):
            assert text.replace("+", "&#43;") in page.text or text in page.text
        for text in (row.kind, row.subject_id, PERSON["name"], PERSON["id_number"], *CANARIES):
            assert text not in page.text
        assert "关于某个人或某个办件" in page.text
        assert "about a person or a case" in (await client.get(f"/ledger/entries/{row.id}?lang=en")).text
        assert (await client.get(f"/ledger/entries/{new_id()}")).status_code == 404
        assert (await client.get("/ledger/entries/nonsense")).status_code in {404, 422}
