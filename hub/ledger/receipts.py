"""Receipts 回执: the hub's signed promise that an entry is, or within a second will be, in the tree."""

from typing import Any, Final

from hub.clock import rfc3339
from hub.ledger.entries import Sealed
from signing.canonical import b64u, strict_loads
from signing.jose import sign_jws, verify_jws
from signing.keys import Signer, VerifyingKey

RECEIPT_TYPE: Final = "ledger-receipt+jwt"


def receipt(entry: Sealed, *, issuer: str, log_origin: str, signer: Signer, sandbox: bool = False) -> str:
    """Sign a receipt. Only for an entry whose transaction has been committed. One of the sandbox says so."""
    claims = {
        "iss": issuer,
        "iat": int(entry.recorded_at.timestamp()),
        "log": log_origin,
        "entry": entry.id,
        "time": rfc3339(entry.recorded_at),
        "commitment": b64u(entry.commitment),
    }
    return sign_jws(claims | ({"sandbox": True} if sandbox else {}), signer=signer, typ=RECEIPT_TYPE)


def read_receipt(token: str, *, key: VerifyingKey) -> dict[str, Any]:
    """The claims of a receipt whose signature holds. That the entry is in the tree is the proof's to say.

    Raises: SigningError.
    """
    claims: dict[str, Any] = strict_loads(verify_jws(token, key=key, typ=RECEIPT_TYPE).payload, max_bytes=8192)
    return claims
