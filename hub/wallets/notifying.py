"""What a wallet tells of what it got (OpenID4VCI 1.0 §11): kept, deleted, or not to be stored.

What it says it has not is refused from then on. Its own words about why are not kept: they may say anything of anybody.
"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, select, update

from catalog.tables import table
from certificates.copies.tables import CopiesRow
from hub.clock import Clock
from hub.storage.database import Database
from hub.storage.errors import ConflictError
from hub.storage.vault import Vault
from hub.wallets import bonds
from hub.wallets.ending import end_batches
from hub.wallets.errors import WalletError
from hub.wallets.once import replayed
from hub.wallets.proofs import Dpop
from hub.wallets.tables import WalletBatchRow
from hub.wallets.tokens import Tokens

EVENTS: Final[Mapping[str, str]] = {
    "credential_accepted": "accepted",
    "credential_deleted": "deleted",
    "credential_failure": "failure",
}
DELETED: Final = "wallet.deleted"
_BATCHES: Final = table(WalletBatchRow)
_COPIES: Final = table(CopiesRow)
_UNKNOWN: Final = WalletError("invalid_notification_id", "none of this wallet's")


class WalletNotices:
    """The notification endpoint."""

    def __init__(self, database: Database, *, vault: Vault, tokens: Tokens, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._tokens = tokens
        self._clock = clock

    async def take(self, token: str, dpop: Dpop, notification_id: str, event: str) -> None:
        """Take it; the same once more changes nothing, whatever has ended by it. Where the last copies of a bond were
        deleted, it ends too; what could not be stored may be asked for again.

        Raises: WalletError.
        """
        told, now = EVENTS.get(event), self._clock()
        if told is None:
            raise WalletError("invalid_notification_request", f"event must be one of {', '.join(EVENTS)}")

        def unit(tx: Connection) -> bool:
            good_for = self._tokens.read(tx, token, dpop, now, ended=True)
            mine = (_BATCHES.c.id == notification_id) & (_BATCHES.c.bond_id == good_for.bond_id)
            if tx.execute(select(_BATCHES.c.id).where(mine)).one_or_none() is None:
                return False
            tx.execute(update(_BATCHES).where(mine).values(told=told))
            if told != "accepted":
                detail = {"event": event, "wallet": good_for.client_id}
                whose = good_for.subject_id
                end_batches(tx, self._vault, whose, [notification_id], kind=DELETED, detail=detail, now=now)
                if told == "deleted" and not _any_left(tx, good_for.bond_id):
                    bonds.end(tx, self._vault, good_for.bond_id, now, why="deleted")
            return True

        try:
            known = await self._database.write(unit)
        except ConflictError:
            raise replayed(status=401) from None
        if not known:
            raise WalletError(_UNKNOWN.error, _UNKNOWN.description)


def _any_left(tx: Connection, bond_id: str) -> bool:
    left = select(_BATCHES.c.id).join(_COPIES, _COPIES.c.id == _BATCHES.c.id)
    query = left.where(_BATCHES.c.bond_id == bond_id, _COPIES.c.ended_at.is_(None)).limit(1)
    return tx.execute(query).first() is not None
