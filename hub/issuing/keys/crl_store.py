"""Rows of revocation lists of authorities outside: read with their guard, written with their ledger entry.

Whoever can write the database can neither have a list forgotten nor put last month's back: a row is believed with a
right MAC and the latest entry, and the ledger counts the changes of all rows, so that a deleted one is missed. A list
itself is read only when its digest is a new one: it may be megabytes.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from catalog.tables import table
from hub.access.actors import Actor
from hub.clock import rfc3339
from hub.issuing.tables import AuthorityCrlRow
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import latest_changes, settled
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical, sha256

_LISTS: Final = table(AuthorityCrlRow)
_WHERE: Final = "authority_crls"
LISTS_OBJECT: Final = "00000000-0000-7000-8000-000000000024"
"""Every change of a row is an entry of this one object of the ledger, too, whose number counts them."""


@dataclass(frozen=True, slots=True)
class AuthorityList:
    """What the hub has of an authority's lists, without the list. `digest` is empty before the first one."""

    id: str
    fingerprint: str
    authority: bytes
    digest: str
    number: str
    this_update: datetime | None
    next_update: datetime | None
    url: str
    changed_at: datetime
    row_version: int = 0
    ledger_entry_id: str = ""
    mac: bytes = b""
    tried_at: datetime | None = None
    failed: str = ""

    def meaning(self) -> bytes:
        """Everything the MAC covers."""
        content = {
            "id": self.id,
            "fingerprint": self.fingerprint,
            "authority": sha256(self.authority).hex(),
            "digest": self.digest,
            "number": self.number,
            "instants": [item and rfc3339(item) for item in (self.this_update, self.next_update, self.changed_at)],
            "url": self.url,
            "row_version": self.row_version,
            "ledger_entry_id": self.ledger_entry_id,
        }
        return b"authority crl\x1f" + canonical(content)


_COLUMNS: Final = tuple(_LISTS.c[name] for name in AuthorityList.__slots__)


def read_lists(tx: Connection, vault: Vault, *, for_update: bool = False) -> list[AuthorityList]:
    """Of every authority, in the order in which they came. Raises: IntegrityBrokenError."""
    return settled(lambda: _read_lists(tx, vault, for_update=for_update))


def _read_lists(tx: Connection, vault: Vault, *, for_update: bool) -> list[AuthorityList]:
    query = select(*_COLUMNS).order_by(_LISTS.c.id)
    found = [AuthorityList(*row) for row in tx.execute(query.with_for_update() if for_update else query)]
    latest = latest_changes(tx, [LISTS_OBJECT, *(item.id for item in found)])
    if sum(item.row_version for item in found) != latest.get(LISTS_OBJECT, ("", 0))[1]:
        raise IntegrityBrokenError(_WHERE)
    for item in found:
        vault.check_row_mac(item.meaning(), item.mac, where=_WHERE)
        if latest.get(item.id) != (item.ledger_entry_id, item.row_version):
            raise IntegrityBrokenError(_WHERE)
    return found


def read_crl_of(tx: Connection, item: AuthorityList) -> bytes:
    """The list itself, DER. Raises: IntegrityBrokenError: it is another one than its row says."""
    crl = tx.execute(select(_LISTS.c.crl).where(_LISTS.c.id == item.id)).scalar_one()
    if sha256(crl).hex() != item.digest:
        raise IntegrityBrokenError(_WHERE)
    return bytes(crl)


def write_list(
    tx: Connection,
    vault: Vault,
    item: AuthorityList,
    kind: str,
    *,
    crl: bytes | None = None,
    actor: Actor,
    log_key: DataKey,
    now: datetime,
) -> AuthorityList:
    """Write what is new of an authority with its guard and its ledger entry; `crl` None leaves the list as it is."""
    names = ("fingerprint", "digest", "number", "url")
    entry = Draft(
        kind=kind,
        detail={name: getattr(item, name) for name in names} | {"actor": actor.as_json()},
        key=log_key,
        object_id=item.id,
        object_version=item.row_version + 1,
    )
    number = latest_changes(tx, [LISTS_OBJECT]).get(LISTS_OBJECT, ("", 0))[1] + 1
    count = Draft(
        kind="crl.changed",
        detail={"authority": item.fingerprint},
        key=log_key,
        object_id=LISTS_OBJECT,
        object_version=number,
    )
    append(tx, [seal(entry, now=now), seal(count, now=now)])
    written = replace(item, row_version=item.row_version + 1, ledger_entry_id=entry.id, changed_at=now)
    written = replace(written, mac=vault.row_mac(written.meaning()))
    values: dict[str, Any] = {name: getattr(written, name) for name in AuthorityList.__slots__}
    changed = values if crl is None else values | {"crl": crl}
    if tx.execute(update(_LISTS).where(_LISTS.c.id == item.id).values(**changed)).rowcount == 0:
        tx.execute(insert(_LISTS).values(**values, crl=crl or b""))
    return written


def note_try(tx: Connection, list_id: str, *, now: datetime, failed: str) -> None:
    """When the authority was last asked for its list, and why that failed, if it did."""
    tx.execute(update(_LISTS).where(_LISTS.c.id == list_id).values(tried_at=now, failed=failed[:64]))
