"""Sealed copies 材料共享章 that stand in: handed in for this case, or in another one that a grant reaches."""

from typing import Any, Final

import structlog
from sqlalchemy import Connection

from hub.clock import BEIJING
from hub.intake.ladder import Rung
from hub.intake.lower import copy_store as store
from hub.intake.lower.copy_store import SEALED, SealedCopy
from hub.intake.lower.values import StandIn, bound_to, kind_of
from hub.intake.lower.wanting import Wanted
from hub.ledger.guards import latest_changes
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import sha256, strict_loads

_log = structlog.get_logger(__name__)
_BOUND: Final = ("digest", "valid_until", "kind")
SEALED_AS: Final = 1
"""The change of a copy, as the ledger numbers them, by which it was sealed; its withdrawal is the next one."""


def copy_place(copy_id: str, column: str) -> str:
    """Where something of a copy is stored, for its encryption."""
    return f"sealed_copies:{copy_id}:{column}"


class HandedIn:
    """Looks for sealed copies. They are of the party that they were sealed for and serve no other."""

    def __init__(self, *, vault: Vault) -> None:
        self._vault = vault

    def held(self, tx: Connection, wanted: Wanted) -> StandIn | None:
        """A copy that satisfies."""
        if not wanted.requirement.stand_ins.sealed_copy:
            return None
        asked = (wanted.requirement.code, wanted.requirement.party)
        mine = [copy for copy in store.copies_of(tx, wanted.case.id) if (copy.code, copy.party) == asked]
        found = [(copy, True) for copy in reversed(mine) if copy.state == SEALED]
        if wanted.reuses and wanted.identified:
            lookup, name = wanted.party.lookup_hash, wanted.party.name_hash
            assert lookup is not None and name is not None  # noqa: S101, PT018  # it is identified
            today = wanted.now.astimezone(BEIJING).date().isoformat()
            office = None if wanted.grants else wanted.case.department_id
            kind = kind_of(wanted.matter.code, wanted.requirement)
            elsewhere = store.reusable(tx, lookup, name, kind, office=office, today=today)
            found += [(copy, False) for copy in elsewhere if copy.case_id != wanted.case.id]
        for copy, here in found:
            stands_in = self._stand_in(tx, copy, wanted, here=here)
            if stands_in is not None:
                return stands_in
        return None

    def _stand_in(self, tx: Connection, copy: SealedCopy, wanted: Wanted, *, here: bool) -> StandIn | None:
        said = self._said(tx, copy, wanted)
        if said is None or copy.token is None:
            return None
        key = self._vault.data_key(copy.data_key, copy.kek_kid)
        token = key.decrypt(copy_place(copy.id, "token"), copy.token)
        shown = {
            "sealed_on": copy.sealed_on,
            "document_digest": copy.digest,
            "media_type": copy.media_type,
            "office": copy.department,
        } | ({"pages": copy.pages} if copy.pages else {})
        why = "copy_handed_in" if here else "copy_reused"
        return StandIn(Rung.SEALED_COPY, copy.id, sha256(token).hex(), copy.department, why, shown, copy.sealed_at)

    def _said(self, tx: Connection, copy: SealedCopy, wanted: Wanted) -> dict[str, Any] | None:
        """What was sealed, where it is about this party and as the row says; else an alarm, and nothing."""
        try:
            key = self._vault.data_key(copy.data_key, copy.kek_kid)
            plain = key.decrypt(copy_place(copy.id, "content"), copy.content)
            said: dict[str, Any] = strict_loads(plain, max_bytes=len(plain))
        except IntegrityBrokenError:
            said = {}
        same = all(said.get(name) == getattr(copy, name) for name in _BOUND)
        same = same and said.get("office") == copy.department
        same = same and latest_changes(tx, [copy.id]).get(copy.id, ("", 0))[1] == SEALED_AS
        if not same or said.get("bound") != bound_to(wanted.party):
            _log.error("guarded_row_broken", alarm=True, where="sealed_copies")
            return None
        return said
