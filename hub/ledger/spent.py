"""What may happen once is held by the ledger: the end of a code, a visit or a session is the first entry about it.

A row says that it lives, and whoever writes the database can put back one that has ended, MAC and all. Its end stands
in the ledger as version 1 of its id, of which there is one (`UNIQUE (object_id, object_version)`): `spent` asks for it
in the very statement that reads or ends the row, and a second end is refused by the database. Whoever deletes the
entry, or takes the id from it, is told by `ledger verify`.
"""

from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists

from catalog.tables import table
from hub.ledger.tables import LedgerEntryRow
from hub.storage.vault import Vault

END: Final = 1
_ENTRIES: Final = table(LedgerEntryRow).alias("ends")


def spent(object_id: ColumnElement[str] | str) -> ColumnElement[bool]:
    """Whether the ledger knows the end of the row with this id; a part of the statement that reads or changes it."""
    return exists().where(and_(_ENTRIES.c.object_id == object_id, _ENTRIES.c.object_version == END))


def id_of(vault: Vault, what: str, *parts: str) -> str:
    """An id for something that has none, a read of a card or a voucher: keyed, so that the ledger's row tells nobody
    which it was.
    """
    return str(UUID(bytes=vault.lookup_hash(f"once-{what}", *parts)[:16]))
