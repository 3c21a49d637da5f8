"""Pages that a compromised key signed are given out no more; whoever asks next gets one under the key in force.

Their rows stay, to tell what that key signed, and so do their control codes: what those open is the licence, by what
the hub knows itself, and the paper in somebody's drawer is still of it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import Connection

from certificates.rendering import store
from certificates.rendering.store import INTENDED, WITHDRAWN, Rendition
from hub.issuing.stamping import queue as stamping_queue
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import latest_changes, made_at
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault

_PAGE: Final = 200
_log = structlog.get_logger(__name__)


def stolen_by(tx: Connection, rendition: Rendition, compromised: Mapping[str, datetime]) -> str | None:
    """Of the keys that signed this page, one that was compromised when the page was begun; None: none was.

    By the ledger's time of the intent, as for licences: no MAC covers the row's own.
    """
    if rendition.state == INTENDED:
        return None
    suspects = [kid for kid in (rendition.signing_kid, rendition.code_kid) if kid in compromised]
    if not suspects:
        return None
    made = made_at(tx, [rendition.id]).get(rendition.id)
    return next((kid for kid in suspects if made is None or made >= compromised[kid]), None)


def withdraw(tx: Connection, vault: Vault, rendition: Rendition, *, kid: str, key: DataKey, now: datetime) -> bool:
    """Give it out no more, with an entry under `key`, which names nobody; False: somebody changed it meanwhile.

    The caller has held the row against its guard.
    """
    (_, number) = latest_changes(tx, [rendition.id]).get(rendition.id, ("", 0))
    entry = Draft(
        kind="certificate.page_withdrawn",
        detail={"rendition": rendition.id, "format": rendition.format, "kid": kid},
        key=key,
        object_id=rendition.id,
        object_version=number + 1,
    )
    changed = replace(rendition, state=WITHDRAWN, content=b"", ledger_entry_id=entry.id)
    changed = replace(changed, mac=vault.row_mac(changed.meaning()))
    if not store.withdraw_rendition(tx, changed, was=rendition):
        return False
    append(tx, [seal(entry, now=now)])
    stamping_queue.forget(tx, purpose=stamping_queue.RENDITION, reference=rendition.id)
    return True


def withdraw_some(
    tx: Connection, vault: Vault, kid: str, since: datetime, after: str | None, *, key: DataKey, now: datetime
) -> str | None:
    """Withdraw the next of what this key signed since; answers where to go on, None at the end.

    A row that somebody else wrote is an alarm and stays: it is never given out.
    """
    read = store.signed_with(tx, kid, after=after, limit=_PAGE)
    for rendition in read:
        try:
            vault.check_row_mac(rendition.meaning(), rendition.mac, where="certificate_renditions")
        except IntegrityBrokenError as error:
            _log.error("guarded_row_broken", alarm=True, where=error.where, rendition=rendition.id)
            continue
        if stolen_by(tx, rendition, {kid: since}) is not None:
            withdraw(tx, vault, rendition, kid=kid, key=key, now=now)
    return read[-1].id if read else None
