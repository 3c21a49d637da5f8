"""Copies in wallets end while their licence goes on: a phone is lost, a wallet deleted them, their holder was erased.

Row, ledger entry and the job that publishes the list are one transaction; from its commit on the hub refuses them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, select

from catalog.tables import table
from certificates.copies.store import Copies, end_copies, read_copies, standing_of
from certificates.stores.holders import subject_by_id
from hub.issuing.transitions.writing import PUBLISH_STATUS
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import check_guards, guarded_copies
from hub.storage.errors import IntegrityBrokenError
from hub.storage.jobs import enqueue
from hub.storage.vault import DataKey, Vault
from hub.wallets.tables import (
    WalletAuthorizationRow,
    WalletBatchRow,
    WalletBondRow,
    WalletCredentialRow,
    WalletOfferRow,
    WalletTokenRow,
)

_AUTHORIZATIONS: Final = table(WalletAuthorizationRow)
_BATCHES: Final = table(WalletBatchRow)
_BONDS: Final = table(WalletBondRow)
_CREDENTIALS: Final = table(WalletCredentialRow)
_OFFERS: Final = table(WalletOfferRow)
_TOKENS: Final = table(WalletTokenRow)


def end_batches(
    tx: Connection,
    vault: Vault,
    subject_id: str,
    ids: Sequence[str],
    *,
    kind: str,
    detail: Mapping[str, Any],
    now: datetime,
) -> int:
    """End these of one holder, each with an entry of this kind in his ledger; answers how many had not ended before.

    Raises: IntegrityBrokenError: also where one of them is somebody else's, which no batch of his says by itself.
    """
    standing = [item for item in read_copies(tx, ids, lock=True) if item.ended_at is None]
    check_guards(tx, vault, copies=standing)
    if any(item.subject_id != subject_id for item in standing):
        raise IntegrityBrokenError("wallet_batches")
    subject = subject_by_id(tx, subject_id)
    key = vault.data_key(subject.data_key, subject.kek_kid)
    for item in standing:
        _end(tx, vault, item, kind=kind, detail=detail, key=key, subject_id=subject.id, now=now)
    _publish(tx, standing, now)
    return len(standing)


def forget_wallets(tx: Connection, vault: Vault, subject_id: str, log_key: DataKey, now: datetime) -> None:
    """Of whoever is erased: copies are refused; offers, codes, tokens and bonds are gone. Under the log's key, since
    his own is no more.
    """
    for rows in (_OFFERS, _AUTHORIZATIONS):  # first: whoever exchanges one has made its bond by then, or makes none
        tx.execute(delete(rows).where(rows.c.subject_id == subject_id))
    tx.execute(select(_BONDS.c.id).where(_BONDS.c.subject_id == subject_id).with_for_update()).all()  # none is used now
    standing = standing_of(tx, subject_id)
    for item in standing:
        _end(tx, vault, item, kind="wallet.erased", detail={}, key=log_key, subject_id=None, now=now)
    _publish(tx, standing, now)
    mine = select(_BATCHES.c.id).where(_BATCHES.c.subject_id == subject_id)
    tx.execute(delete(_CREDENTIALS).where(_CREDENTIALS.c.batch_id.in_(mine)))
    for rows in (_TOKENS, _BATCHES, _BONDS):
        tx.execute(delete(rows).where(rows.c.subject_id == subject_id))


def _end(
    tx: Connection,
    vault: Vault,
    item: Copies,
    *,
    kind: str,
    detail: Mapping[str, Any],
    key: DataKey,
    subject_id: str | None,
    now: datetime,
) -> None:
    draft = Draft(
        kind=kind,
        detail=dict(detail),
        key=key,
        subject_id=subject_id,
        object_id=item.id,
        object_version=item.row_version + 1,
    )
    append(tx, [seal(draft, now=now)])
    end_copies(tx, guarded_copies(item.ended(now, draft.id), vault))


def _publish(tx: Connection, ended: Sequence[Copies], now: datetime) -> None:
    for number in sorted({item.status_list for item in ended}):
        enqueue(tx, PUBLISH_STATUS, {"number": number}, now=now)
