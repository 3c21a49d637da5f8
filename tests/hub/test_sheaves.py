"""Sheaves of intents that a crash left: what is wrong with one keeps neither the others nor the hub."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from catalog.bulk import encode
from catalog.store import find_department
from catalog.tables import table
from certificates.tables import CertificateRow
from hub.clock import new_id
from hub.issuing.plan import Record, keyed
from hub.issuing.sheaves import VERSIONS, Sheaf, tie
from hub.issuing.tables import IntentSheafRow
from hub.runtime import Hub
from hub.storage.errors import ConflictError
from tests.keys.library import companies, signed_by
from tests.support import AMR, Place, issue

SHEAVES = table(IntentSheafRow)
CERTIFICATES = table(CertificateRow)


async def tied(hub: Hub, *numbers: int) -> Sheaf:
    """Licences whose intents a crash left in a sheaf."""
    issued, issuer = hub.types.find("business_licence"), await hub.database.read(lambda tx: find_department(tx, AMR))
    assert issued is not None
    assert issuer is not None
    now = datetime.now(UTC)
    records = [Record(item, now, now.date()) for number in numbers for item in companies(number, 1)]
    rows = [keyed(record, issued.type, AMR, hub.vault) for record in records]
    intended = await hub.issuing.intend(rows, issued=issued, issuer=issuer)
    here = VERSIONS.c.id.in_([item.version_id for item in intended.unsigned])

    def unit(tx: Connection) -> Sheaf:
        found = [dict(row) for row in tx.execute(select(VERSIONS).where(here)).mappings()]
        tx.execute(delete(VERSIONS).where(here))
        of = CERTIFICATES.c.id.in_([row["certificate_id"] for row in found])
        tx.execute(update(CERTIFICATES).where(of).values(current_version=1))
        pieces: list[Any] = list(encode("postgresql", VERSIONS, list(found[0]), found))
        sheaf = Sheaf(
            id=new_id(),
            type_code=issued.type.code,
            owner_department_id=issuer.id,
            version_columns=list(found[0]),
            versions=b"".join(pieces),
            holder_columns=[],
            holders=b"",
            created_at=hub.clock(),
        )
        tie(tx, sheaf)
        return sheaf

    return await hub.database.write(unit)


@pytest.mark.parametrize("harm", ["copied", "cut", "columns"])
@pytest.mark.sampled
async def test_a_damaged_sheaf_stays_alone(place: Place, hub: Hub, harm: str) -> None:
    before = await signed_by(hub)
    damaged = await tied(hub, 1_000, 1_001)

    def unit(tx: Connection) -> None:
        if harm == "copied":
            row = dict(tx.execute(select(SHEAVES)).mappings().one())
            tx.execute(insert(SHEAVES).values(row | {"id": new_id()}))
        else:
            changed = {"versions": damaged.versions[:-7]} if harm == "cut" else {"version_columns": ["id"]}
            tx.execute(update(SHEAVES).values(changed))

    await hub.database.write(unit)
    await tied(hub, 1_002)
    async with place.open():  # it starts all the same
        pass
    assert len(await signed_by(hub)) == len(before) + (3 if harm == "copied" else 1)
    assert len(await hub.database.read(lambda tx: tx.execute(select(SHEAVES.c.id)).all())) == 1
    (decision,) = await issue(hub, *companies(1_003, 1))
    assert decision.reason is None
    if harm == "cut":  # nobody can say what became of it: not issued twice
        await tied(hub, 1_004)
        with pytest.raises(ConflictError):
            await issue(hub, *companies(1_001, 1))
        await issue(hub, *companies(1_004, 1))  # what is whole is untied beside it
