"""Secrets that carry the MAC of the row behind them: one written or changed by SQL opens nothing (threat S9)."""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog

from hub.clock import rfc3339
from hub.storage.vault import Vault
from signing.canonical import b64u, canonical

_log = structlog.get_logger(__name__)


def bearer(vault: Vault, meaning: Sequence[str], row: Mapping[str, Any]) -> str:
    """A new secret for a row, whose columns of `meaning` it vouches for."""
    return f"{secrets.token_urlsafe(32)}.{_mac(vault, meaning, row)}"


def bears(vault: Vault, meaning: Sequence[str], row: Mapping[Any, Any], secret: str) -> bool:
    """Whether the row, which was found by this very secret, says what it said when the secret was made for it. One that
    does not was written past the hub, and somebody is told.
    """
    right = hmac.compare_digest(secret.rpartition(".")[2].encode(), _mac(vault, meaning, row).encode())
    if not right:
        _log.error("guarded_row_broken", alarm=True, where="wallets")
    return right


def _mac(vault: Vault, meaning: Sequence[str], row: Mapping[Any, Any]) -> str:
    said = {name: rfc3339(value) if isinstance(value := row[name], datetime) else value for name in meaning}
    return b64u(vault.row_mac(b"wallet-bearer\x1f" + canonical(said)))
