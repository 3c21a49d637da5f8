"""A stored licence read back at the command line: its files, and what a holder has."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog.identifiers import normalise_id
from certificates.stores import certificates as store
from certificates.stores.holders import find_subjects
from hub.issuing.held_then import held_then
from hub.issuing.plan import lookup_hash
from hub.issuing.renditions.files import SD_JWT
from hub.ledger.guards import check_guards
from hub.runtime import Hub


async def read_document(hub: Hub, identifier: str, wanted: str = SD_JWT) -> bytes:
    """A file of an issued version, for the issuer at the command line; see `LicenceFiles.give`."""
    by = {"kind": "command", "id": "issuer"}
    found = await hub.faces.files.give(identifier, wanted, language="zh-CN", by=by, allowed=lambda _: True)
    return found.content


async def identifiers_of(
    hub: Hub, id_type: str, id_number: str, *, as_of: datetime | None = None
) -> list[dict[str, Any]]:
    """Identifier, type and status of a holder's current certificates; or of what stood at a moment, and how."""
    wanted = lookup_hash(hub.vault, id_type, normalise_id(id_type, id_number).value)

    def unit(tx: Connection) -> list[dict[str, Any]]:
        if as_of is not None:
            subjects = find_subjects(tx, [wanted]).values()
            return [
                {"identifier": item.record.identifier, "type": item.record.type_code, "status": item.status}
                for item in held_then(tx, hub.vault, subjects, as_of, now=hub.clock())
            ]
        _, held = store.held_by(tx, [wanted], hub.types.codes())
        check_guards(tx, hub.vault, held=held)
        return [
            {"identifier": item.record.identifier, "type": item.record.type_code, "status": item.record.status}
            for item in held
        ]

    return await hub.database.read(unit)
