"""Accounts and their links are believed only as the hub wrote them: whoever writes the database gives himself no role,
no department, nobody's name at the provider, no password, and no link that sets one.

A row is under a MAC over all that it says, and every change of an account is numbered in the ledger under its id, so
that yesterday's row, MAC and all, is none either. What is not believed is nobody, wherever an account is looked for,
and an alarm (docs/decisions/0066).
"""

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Row

from hub.clock import rfc3339
from hub.storage.vault import Vault
from signing.canonical import canonical

_ACCOUNT: Final = (
    "id", "owner_department_id", "user_name", "display_name", "roles", "password_hash", "external_id", "break_glass",
    "active", "version", "created_at", "opened_at", "opened_by", "link_by", "link_until",
)  # fmt: skip
"""All but `notices_seen_at`, by which nobody gains anything."""
_LINK: Final = ("secret_hash", "staff_id", "expires_at", "made_by")
_log = structlog.get_logger(__name__)


def account_mac(vault: Vault, row: Mapping[str, Any]) -> bytes:
    """The MAC to store with an account."""
    return vault.row_mac(b"staff\x1f" + canonical(_said(row, _ACCOUNT)))


def link_mac(vault: Vault, row: Mapping[str, Any], version: int) -> bytes:
    """The MAC to store with a link, for its account as it is now: a link outlives no change of it."""
    return vault.row_mac(b"staff-link\x1f" + canonical(_said(row, _LINK) | {"version": version}))


def written_by_us(vault: Vault, row: Row[Any]) -> bool:
    """Whether the hub wrote this account; not, whether it is the last that it wrote of it."""
    return row.mac is not None and hmac.compare_digest(account_mac(vault, row._asdict()), row.mac)


def is_believed(vault: Vault, row: Row[Any]) -> bool:
    """Whether it is the account as the ledger last numbered it (`said`); an alarm, if it is not."""
    if written_by_us(vault, row) and row.said == row.version:
        return True
    _log.error("guarded_row_broken", alarm=True, where="staff", account=row.id)
    return False


def _said(row: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: rfc3339(value) if isinstance(value := row[name], datetime) else value for name in names}
