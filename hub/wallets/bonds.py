"""What ties a wallet to what its holder gave it: for thirty days it gets new tokens by itself, so that a licence issued
anew meanwhile is renewed in it without asking him again.

A refresh token is good once, for the wallet's own key (DPoP); each use brings the next. One that comes a second time
ends the bond: somebody has the wallet's key besides it, or it lost an answer, and its holder is asked again. That a
bond has ended says the ledger alone: no row that somebody writes begins it anew.
"""

import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from catalog.tables import table
from certificates.stores.holders import subject_by_id
from hub.access.sessions import hashed
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import latest_changes
from hub.storage.vault import Vault
from hub.wallets.bearing import bearer, bears
from hub.wallets.tables import WalletBondRow

LIFE: Final = timedelta(days=30)
"""From the holder's yes, however often it is used."""
RENEWALS: Final = 100
ENDED: Final = "wallet.renewal_ended"
_BONDS: Final = table(WalletBondRow)
_MEANING: Final = (
    "id",
    "subject_id",
    "configuration",
    "certificate_ids",
    "by_identifier",
    "thumbprint",
    "client_id",
    "turn",
    "made_at",
    "expires_at",
)
"""What a refresh token vouches for: the whole row."""
_TOKEN: Final = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.[A-Za-z0-9_.-]{1,200}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Bond:
    """A bond with the refresh token that is good for it next."""

    row: dict[str, Any]
    refresh_token: str | None


def begin(tx: Connection, vault: Vault, row: dict[str, Any], now: datetime) -> Bond:
    """A new bond; `row` says whose, which and for which key."""
    full = row | {"turn": 0, "made_at": now, "expires_at": now + LIFE}
    token = _token(vault, full)
    tx.execute(insert(_BONDS).values(refresh_hash=hashed(token), **full))
    return Bond(full, token)


def renew(tx: Connection, vault: Vault, token: str, thumbprint: str, now: datetime) -> Bond | None:
    """The bond of a refresh token, which is used up; None: it opens nothing (any more).

    Used before, by the bond's own key: the bond ends, on the ledger.
    """
    named = _TOKEN.fullmatch(token)
    if named is None:
        return None
    query = select(_BONDS).where(_BONDS.c.id == named[1], _BONDS.c.expires_at > now).with_for_update()
    found = tx.execute(query).one_or_none()
    if found is None or found.thumbprint != thumbprint or not stands(tx, found.id):
        return None
    row = _row(found)
    if found.refresh_hash is None or not hmac.compare_digest(found.refresh_hash, hashed(token)):
        end(tx, vault, found.id, now, why="reused")
        return None
    if not bears(vault, _MEANING, row, token):
        return None
    row["turn"] += 1
    following = _token(vault, row) if row["turn"] < RENEWALS else None
    digest = None if following is None else hashed(following)
    tx.execute(update(_BONDS).where(_BONDS.c.id == found.id).values(turn=row["turn"], refresh_hash=digest))
    return Bond(row, following)


def hold(tx: Connection, bond_id: str) -> bool:
    """Whoever ends it waits for this transaction, or is seen here; answers whether it still stands."""
    row = tx.execute(select(_BONDS.c.id).where(_BONDS.c.id == bond_id).with_for_update()).one_or_none()
    return row is not None and stands(tx, bond_id)


def stands(tx: Connection, bond_id: str) -> bool:
    """Whether the ledger knows of no end of it."""
    return not latest_changes(tx, [bond_id])


def end(tx: Connection, vault: Vault, bond_id: str, now: datetime, *, why: str) -> None:
    """No token of it opens anything from now on; what lies in the wallet stays. Doing so twice changes nothing.

    Args:
        why: "removed" by the holder, "deleted" in the wallet, "reused".
    """
    row = tx.execute(select(_BONDS).where(_BONDS.c.id == bond_id).with_for_update()).one()
    if not stands(tx, bond_id):
        return
    subject = subject_by_id(tx, row.subject_id)
    draft = Draft(
        kind=ENDED,
        detail={"wallet": row.client_id, "configuration": row.configuration, "why": why},
        key=vault.data_key(subject.data_key, subject.kek_kid),
        subject_id=subject.id,
        object_id=bond_id,
        object_version=1,
    )
    append(tx, [seal(draft, now=now)])
    tx.execute(update(_BONDS).where(_BONDS.c.id == bond_id).values(refresh_hash=None))


def _token(vault: Vault, row: dict[str, Any]) -> str:
    """Names its bond, so that one used twice is known."""
    return f"{row['id']}.{bearer(vault, _MEANING, row)}"


def _row(found: Row[Any]) -> dict[str, Any]:
    return {name: getattr(found, name) for name in _MEANING}
