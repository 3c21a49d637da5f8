"""What lies in the library: which key signed what, and the signed tokens."""

from typing import Any

from sqlalchemy import select

from catalog.tables import table
from certificates.stores import certificates as store
from certificates.tables import CertificateVersionRow
from hub.issuing.drafting import document_place
from hub.runtime import Hub
from tests.support import AMR, enterprise_claims, valid_uscc

ISSUER = f"issuer/{AMR}"
LICENCE = "11990000MB0000002Q001"
_VERSIONS = table(CertificateVersionRow)


def companies(first: int, count: int) -> list[dict[str, Any]]:
    return [enterprise_claims(uscc=valid_uscc(f"91990100MA{number:07d}")) for number in range(first, first + count)]


async def signed_by(hub: Hub) -> dict[str, str]:
    """Identifier → key, of everything that is signed."""
    query = select(_VERSIONS.c.identifier, _VERSIONS.c.signing_kid).where(_VERSIONS.c.state == "issued")
    rows = await hub.database.read(lambda tx: tx.execute(query).all())
    return {row.identifier: row.signing_kid for row in rows}


async def tokens(hub: Hub, identifiers: list[str]) -> dict[str, bytes]:
    """The signed licences themselves."""

    def unit(tx: Any) -> dict[str, bytes]:
        found = {}
        for identifier in identifiers:
            version = store.find_version(tx, identifier)
            assert version is not None
            row = tx.exec_driver_sql(f"SELECT data_key, kek_kid FROM subjects WHERE id = '{version.subject_id}'").one()
            key = hub.vault.data_key(bytes(row.data_key), row.kek_kid)
            found[identifier] = key.decrypt(document_place(version.id), version.document)
        return found

    return await hub.database.read(unit)
