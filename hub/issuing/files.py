"""Reading a stored licence back, for its issuer and its holder: a look that is itself on the ledger."""

from typing import Any

from sqlalchemy import Connection

from catalog.identifiers import normalise_id
from certificates import store
from hub.issuing.drafting import document_place
from hub.issuing.plan import lookup_hash
from hub.issuing.status import UnknownCertificateError
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import check_guards
from hub.runtime import Hub


async def read_document(hub: Hub, identifier: str) -> bytes:
    """The signed token of an issued version. Its ledger row is committed before the bytes are answered.

    Raises: UnknownCertificateError; IntegrityBrokenError.
    """
    now = hub.clock()

    def unit(tx: Connection) -> bytes:
        version = store.find_version(tx, identifier)
        if version is None or version.state != "issued":
            raise UnknownCertificateError
        check_guards(tx, hub.vault, versions=[version])
        subject = store.subject_by_id(tx, version.subject_id)
        key = hub.vault.data_key(subject.data_key, subject.kek_kid)
        detail = {"identifier": identifier, "by": "issuer"}
        append(tx, [seal(Draft(kind="certificate.export", detail=detail, key=key, subject_id=subject.id), now=now)])
        return key.decrypt(document_place(version.id), version.document)

    return await hub.database.write(unit)


async def identifiers_of(hub: Hub, id_type: str, id_number: str) -> list[dict[str, Any]]:
    """Identifier, type and status of a holder's current certificates."""
    wanted = lookup_hash(hub.vault, id_type, normalise_id(id_type, id_number).value)

    def unit(tx: Connection) -> list[dict[str, Any]]:
        _, held = store.held_by(tx, [wanted], list(hub.types.current()))
        check_guards(tx, hub.vault, versions=[item.record for item in held])
        return [
            {"identifier": item.record.identifier, "type": item.record.type_code, "status": item.record.status}
            for item in held
        ]

    return await hub.database.read(unit)
