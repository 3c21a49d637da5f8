"""Access tokens of wallets, each bound to a key by DPoP: given out for a bond, read where licences are fetched.

Opaque, of 256 random bits and the MAC of its row, ten minutes; the database has a hash.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, update

from catalog.tables import table
from hub.access.sessions import hashed
from hub.clock import new_id
from hub.storage.vault import Vault
from hub.wallets import bonds
from hub.wallets.bearing import bearer, bears
from hub.wallets.bonds import Bond
from hub.wallets.errors import WalletError
from hub.wallets.metadata import BATCH, DETAILS
from hub.wallets.once import replayed, use
from hub.wallets.proofs import Dpop
from hub.wallets.tables import WalletTokenRow

LIFE: Final = timedelta(minutes=10)
COPIES: Final = 2 * BATCH
"""How many copies of licences one token is good for."""
_TOKENS: Final = table(WalletTokenRow)
_MEANING: Final = (
    "id",
    "subject_id",
    "configuration",
    "certificate_ids",
    "by_identifier",
    "thumbprint",
    "client_id",
    "expires_at",
    "bond_id",
)
"""What a token vouches for: all but how many copies are left."""
_GIVEN: Final = ("subject_id", "configuration", "certificate_ids", "by_identifier", "thumbprint", "client_id")
"""What a token has of its bond."""


@dataclass(frozen=True, slots=True)
class Token:
    """What a token is good for."""

    id: str
    subject_id: str
    configuration: str
    certificate_ids: Sequence[str]
    by_identifier: bool
    client_id: str
    copies_left: int
    bond_id: str


def names_of(configuration: str, certificate_ids: Sequence[str]) -> dict[str, str]:
    """By which identifiers a wallet names what its token is good for. They mean something beside this token alone: in
    public a licence has no name but its number, which a later version changes.
    """
    return {f"{configuration}.{place}": item for place, item in enumerate(certificate_ids, 1)}


class Tokens:
    """Gives out and reads them."""

    def __init__(self, *, vault: Vault) -> None:
        self._vault = vault

    def give(self, tx: Connection, bond: Bond, now: datetime, *, by_identifier: bool = False) -> dict[str, Any]:
        """A new token for a bond: the answer of the token endpoint (OpenID4VCI 1.0 §6.2).

        Args:
            by_identifier: whether licences are to be named by identifiers, though the bond does not ask for it.
        """
        given = {name: bond.row[name] for name in _GIVEN}
        given["by_identifier"] |= by_identifier
        row = given | {
            "id": new_id(),
            "bond_id": bond.row["id"],
            "copies_left": max(COPIES, BATCH * len(given["certificate_ids"])),
            "expires_at": now + LIFE,
        }
        token = bearer(self._vault, _MEANING, row)
        tx.execute(insert(_TOKENS).values(token_hash=hashed(token), **row))
        details = {
            "type": DETAILS,
            "credential_configuration_id": given["configuration"],
            "credential_identifiers": list(names_of(given["configuration"], given["certificate_ids"])),
        }
        answer: dict[str, Any] = {"access_token": token, "token_type": "DPoP", "expires_in": int(LIFE.total_seconds())}
        answer["scope"] = given["configuration"]  # of those asked for some may have been passed over (RFC 6749 §5.1)
        if bond.refresh_token is not None:
            answer["refresh_token"] = bond.refresh_token
        return answer | ({"authorization_details": [details]} if given["by_identifier"] else {})

    def read(self, tx: Connection, token: str, dpop: Dpop, now: datetime, *, ended: bool = False) -> Token:
        """What a token is good for, in the hand of its key. Uses the proof up.

        Args:
            ended: whether one whose bond has ended will do, for what gives nothing out.
        Raises: WalletError ("invalid_token", "invalid_dpop_proof").
        """
        if not use(tx, dpop.once, dpop.until, now):
            raise replayed(status=401)
        where = (_TOKENS.c.token_hash == hashed(token)) & (_TOKENS.c.expires_at > now)
        row = tx.execute(select(_TOKENS).where(where).with_for_update()).one_or_none()
        if row is None or not self._good(row, token, dpop) or not (bonds.hold(tx, row.bond_id) or ended):
            raise WalletError("invalid_token", "unknown, over, or of another key", status=401)
        return Token(
            row.id,
            row.subject_id,
            row.configuration,
            row.certificate_ids,
            row.by_identifier,
            row.client_id,
            row.copies_left,
            row.bond_id,
        )

    def _good(self, row: Row[Any], token: str, dpop: Dpop) -> bool:
        same_key = hmac.compare_digest(row.thumbprint, dpop.thumbprint)
        return same_key and bears(self._vault, _MEANING, row._asdict(), token) and row.bond_id is not None

    @staticmethod
    def spend(tx: Connection, token: Token, copies: int) -> None:
        """So many copies are given out."""
        mine = update(_TOKENS).where(_TOKENS.c.id == token.id)
        tx.execute(mine.values(copies_left=_TOKENS.c.copies_left - copies))
