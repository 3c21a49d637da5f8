"""What may be used once: nonces that the hub gives out, and proofs that wallets sign.

A nonce needs no row until it is used: it carries its end and a MAC, so that nobody fills the database by asking.
"""

import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from catalog.tables import table
from hub.access.sessions import hashed
from hub.storage.vault import Vault
from hub.wallets.errors import WalletError
from hub.wallets.tables import WalletSeenRow
from signing.canonical import b64u

NONCE_LIFE: Final = timedelta(minutes=5)
_KEPT: Final = timedelta(days=1)
_SEEN: Final = table(WalletSeenRow)


def new_nonce(vault: Vault, now: datetime) -> str:
    """A nonce that is good for five minutes, once."""
    said = f"{int((now + NONCE_LIFE).timestamp())}.{secrets.token_urlsafe(18)}"
    return f"{said}.{_mac(vault, said)}"


def use_nonce(tx: Connection, vault: Vault, nonce: str, now: datetime) -> None:
    """Use one up, in the transaction of what it was given out for. Raises: WalletError ("invalid_nonce")."""
    said, _, mac = nonce.rpartition(".")
    ends = said.partition(".")[0]
    right = hmac.compare_digest(mac.encode(), _mac(vault, said).encode())  # before anything of it is read
    if not right or now.timestamp() >= int(ends):
        raise WalletError("invalid_nonce", "unknown or too old: ask for another")
    if not use(tx, f"nonce\x1f{nonce}", datetime.fromtimestamp(int(ends), UTC), now):
        raise WalletError("invalid_nonce", "used before: ask for another")


def use(tx: Connection, once: str, until: datetime, now: datetime) -> bool:
    """Remember it; False: it was used before. Of two at the same moment one gets a ConflictError."""
    digest = hashed(once)
    # Kept for a day longer: a clock that went back must not open the window again.
    tx.execute(delete(_SEEN).where(_SEEN.c.expires_at < now - _KEPT))
    if tx.execute(select(_SEEN.c.used_hash).where(_SEEN.c.used_hash == digest)).first() is not None:
        return False
    tx.execute(insert(_SEEN).values(used_hash=digest, expires_at=until))
    return True


def replayed(*, status: int = 400) -> WalletError:
    """The refusal of a DPoP proof that was used before; `status` is 401 where a token goes with it (RFC 9449 §7.1)."""
    return WalletError("invalid_dpop_proof", "used before", status=status)


def _mac(vault: Vault, said: str) -> str:
    return b64u(vault.row_mac(f"wallet-nonce\x1f{said}".encode()))
