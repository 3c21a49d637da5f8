"""Matters are believed only with a right MAC: they decide what may be read about a person.

A version's row never changes, so its MAC says that the hub wrote it. That none was taken away, which would bring an
older one back into force, the ledger says: each version is numbered there, under an object of the matter's own.
"""

import uuid
from dataclasses import replace
from datetime import date, datetime
from itertools import groupby
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from catalog.errors import DefinitionError
from catalog.matter_store import (
    StoredMatter,
    dated_versions,
    in_force,
    matter_versions,
    next_version,
    set_current,
    stored_matter,
    write_guard,
    write_matter,
)
from catalog.matters.values import Matter
from hub.access.actors import Actor
from hub.clock import BEIJING, new_id
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import latest_changes, settled
from hub.registry.matters.owning import check_owner, owned, owner_object
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical

MATTERS_OBJECT: Final = "00000000-0000-7000-8000-000000000051"
"""Of which the ledger speaks once: since then a matter without a MAC is not believed."""
_OBJECTS: Final = uuid.UUID("0f3f6a52-0f0c-5a8c-8f0a-6a3c1d7c51e4")
"""Name space of the ids by which ledger entries name matters."""
_WHERE: Final = "matters"
_log = structlog.get_logger(__name__)


def matter_object(code: str) -> str:
    """A matter, all its versions, in ledger entries."""
    return str(uuid.uuid5(_OBJECTS, code))


def check_matter(vault: Vault, stored: StoredMatter) -> None:
    """Before a version is read. Raises: IntegrityBrokenError."""
    vault.check_row_mac(_meaning(stored), stored.mac or b"", where=_WHERE)


def believed_versions(tx: Connection, vault: Vault, code: str) -> list[StoredMatter]:
    """All versions of a matter, oldest first, and whose they are.

    Raises: IntegrityBrokenError: one is not the hub's, or its owner's, or one is gone.
    """

    def look() -> list[StoredMatter]:
        known = matter_versions(tx, code)
        for stored in known:
            check_matter(vault, stored)
        name = matter_object(code)
        said = latest_changes(tx, [name, *(owner_object(stored) for stored in known)])
        for stored in known:
            check_owner(vault, stored, said)
        numbered = said.get(name, ("", 0))[1]
        if numbered != max((item.version for item in known), default=0):
            raise IntegrityBrokenError(_WHERE)
        return known

    return settled(look)


def put_version(
    tx: Connection, vault: Vault, key: DataKey, *, definition: dict[str, Any], owner_id: str, by: Actor, now: datetime
) -> StoredMatter:
    """Write the next version of a matter with its entry. Cases that are open keep the version they were opened under.

    Raises: DefinitionError; IntegrityBrokenError; ConflictError when another version came first.
    """
    today = now.astimezone(BEIJING).date()
    known = believed_versions(tx, vault, str(definition.get("code", "")))
    made = next_version(
        known, matter_id=new_id(), definition=definition, owner_department_id=owner_id, now=now, today=today
    )
    made = owned(vault, replace(made, mac=vault.row_mac(_meaning(made))))
    write_matter(tx, made)
    set_current(tx, [*known, made], today)
    detail = {
        "code": made.code,
        "version": made.version,
        "digest": made.digest(),
        "in_force_from": made.in_force_from,
        "in_force_until": made.in_force_until,
        "actor": by.as_json(),
    }
    drafts = [_draft("catalog.matter", detail, key, matter_object(made.code), made.version)]
    if not _is_guarded(tx):
        drafts.append(_draft("catalog.matters_guarded", {"matters": []}, key, MATTERS_OBJECT, 1))
    append(tx, [seal(draft, now=now) for draft in drafts])
    return made


def begins(tx: Connection, on: date) -> bool:
    """Whether there is something to do when a hub is opened: rows to adopt, or versions whose day has come or gone."""
    unguarded = not _is_guarded(tx) and bool(matter_versions(tx))
    dated = dated_versions(tx)
    return unguarded or any(
        item.current is not (chosen is not None and chosen.id == item.id)
        for some in _by_code(dated)
        for chosen in (in_force(some, on),)
        for item in some
    )


def turn_over(tx: Connection, on: date) -> int:
    """Bring the versions of the day into force; answers how many rows changed. Not checked: who wrote them."""
    return set_current(tx, dated_versions(tx), on)


def adopt(tx: Connection, vault: Vault, key: DataKey, now: datetime) -> int:
    """Put matters of a release that did not guard them under a MAC; answers how many. Once in a hub's life."""
    known = [] if _is_guarded(tx) else matter_versions(tx)
    if not known:
        return 0
    for stored in known:
        write_guard(tx, owned(vault, replace(stored, mac=vault.row_mac(_meaning(stored)))))
    drafts = [
        _draft(
            "catalog.matter_guarded",
            {"code": code, "digests": [item.digest() for item in versions]},
            key,
            matter_object(code),
            versions[-1].version,
        )
        for code, versions in ((code, list(some)) for code, some in groupby(known, key=lambda item: item.code))
    ]
    detail = {"matters": [[item.code, item.version] for item in known]}
    drafts.append(_draft("catalog.matters_guarded", detail, key, MATTERS_OBJECT, 1))
    append(tx, [seal(draft, now=now) for draft in drafts])
    return len(known)


def look_through(tx: Connection, vault: Vault, on: date) -> int:
    """Bring the versions of the day into force, and say of every row that is not the hub's, or that nobody can read:
    lists leave these out without a word. Answers how many changed.
    """
    known = matter_versions(tx)
    good = []
    for stored in known:
        try:
            check_matter(vault, stored)
            stored.matter()
        except (DefinitionError, IntegrityBrokenError, ValueError) as error:
            _log.error("matter_not_believed", alarm=True, matter=stored.id, error=type(error).__name__)
        else:
            good.append(stored)
    bad = {(item.code_system, item.code) for item in known} - {(item.code_system, item.code) for item in good}
    return set_current(tx, [item for item in known if (item.code_system, item.code) not in bad], on)


class MatterBook:
    """The versions by which cases are judged, each believed again whenever it is used."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._read: dict[str, tuple[StoredMatter, Matter]] = {}

    def matter(self, tx: Connection, matter_id: str) -> Matter:
        """The version that a case was opened under. Read once and looked at each time: what stands in the row now must
        be what was believed then.

        Raises: IntegrityBrokenError.
        """
        stored = stored_matter(tx, matter_id)
        if stored is None:
            raise IntegrityBrokenError(_WHERE)
        return self._believed(stored)

    def opening(self, tx: Connection, code: str, on: date) -> tuple[str, Matter] | None:
        """Row id and matter of the version of a case that is filed on this day. Raises: IntegrityBrokenError."""
        chosen = in_force(believed_versions(tx, self._vault, code), on)
        return None if chosen is None else (chosen.id, self._believed(chosen))

    def _believed(self, stored: StoredMatter) -> Matter:
        # Which one is current, and whose it is, may change and judges nothing.
        same = replace(stored, current=False, owner_department_id="", owner_version=0, owner_mac=None)
        known = self._read.get(stored.id)
        if known is not None and known[0] == same:
            return known[1]
        check_matter(self._vault, stored)
        matter = stored.matter()
        self._read[stored.id] = (same, matter)
        return matter


def _by_code(versions: list[StoredMatter]) -> list[list[StoredMatter]]:
    named = sorted(versions, key=lambda item: (item.code, item.code_system, item.version))
    return [list(some) for _, some in groupby(named, key=lambda item: (item.code, item.code_system))]


def _is_guarded(tx: Connection) -> bool:
    return MATTERS_OBJECT in latest_changes(tx, [MATTERS_OBJECT])


def _draft(kind: str, detail: dict[str, Any], key: DataKey, object_id: str, number: int) -> Draft:
    return Draft(kind=kind, detail=detail, key=key, object_id=object_id, object_version=number)


def _meaning(stored: StoredMatter) -> bytes:
    return b"matter\x1f" + canonical(stored.meaning())
