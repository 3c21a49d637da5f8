"""Keys of the provincial gateway's dialect: appKey, and three secrets of which the outer two only fetch the next.

`sign` is MD5(appKey + secret + requestTime), lower-case hex (the dialect's rule, not our choice): it proves the secret
and binds nothing else, so the dialect is off until a system is given a key, and TLS is what protects the body.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

from sqlalchemy import Connection, and_, delete, insert, select, update

from catalog.store import add_system_key
from catalog.tables import SystemKeyRow, SystemRow, table
from hub.access.service import Caller
from hub.clock import new_id
from hub.exchange.tables import GatewayKeyRow
from hub.storage.vault import Vault
from signing.canonical import canonical, strict_loads

REFRESH_LIFETIME: Final = timedelta(hours=48)
REQUEST_LIFETIME: Final = timedelta(minutes=15)
FRESHNESS: Final = timedelta(minutes=5)
"""How far `requestTime` may be from the hub's clock."""
_KEYS: Final = table(GatewayKeyRow)
_SYSTEMS: Final = table(SystemRow)
_SYSTEM_KEYS: Final = table(SystemKeyRow)


@dataclass(frozen=True, slots=True)
class GatewaySecrets:
    """The three secrets of a key, and until when the inner two hold."""

    app: str = field(repr=False)
    refresh: str = field(default="", repr=False)
    refresh_until: int = 0
    request: str = field(default="", repr=False)
    request_until: int = 0

    @classmethod
    def new(cls) -> Self:
        """A fresh application secret."""
        return cls(secrets.token_hex(16))

    def refreshed(self, now: datetime) -> Self:
        """Fresh inner secrets; the old ones end at once."""
        return replace(
            self,
            refresh=secrets.token_hex(16),
            refresh_until=_milliseconds(now + REFRESH_LIFETIME),
            request=secrets.token_hex(16),
            request_until=_milliseconds(now + REQUEST_LIFETIME),
        )


@dataclass(frozen=True, slots=True)
class GatewayKey:
    """A stored key with its system."""

    id: str
    app_key: str
    row_version: int
    secrets: GatewaySecrets
    caller: Caller


def add_key(tx: Connection, system_id: str, found: GatewaySecrets, vault: Vault, *, now: datetime) -> str:
    """Write a key; answers its appKey. It is also a key of the system, so that taking the system out ends it."""
    key_id, app_key = new_id(), secrets.token_hex(12)
    data_key = vault.new_data_key()
    tx.execute(
        insert(_KEYS).values(
            id=key_id,
            system_id=system_id,
            app_key=app_key,
            sealed=data_key.encrypt(_place(key_id), _stored(found)),
            data_key=data_key.wrapped,
            kek_kid=data_key.kek_kid,
            row_version=1,
            changed_at=now,
        )
    )
    add_system_key(
        tx, id=new_id(), system_id=system_id, kid=_kid(app_key), jwk={"kty": "gateway"}, active=True, created_at=now
    )
    return app_key


def find_key(tx: Connection, app_key: str, vault: Vault) -> GatewayKey | None:
    """The key of this appKey, while its system and itself are in use."""
    query = (
        select(_KEYS, _SYSTEMS.c.client_id, _SYSTEMS.c.owner_department_id)
        .join(_SYSTEMS, _SYSTEMS.c.id == _KEYS.c.system_id)
        .join(_SYSTEM_KEYS, and_(_SYSTEM_KEYS.c.system_id == _SYSTEMS.c.id, _SYSTEM_KEYS.c.kid == _kid(app_key)))
        .where(_KEYS.c.app_key == app_key, _SYSTEMS.c.active.is_(True), _SYSTEM_KEYS.c.active.is_(True))
    )
    row = tx.execute(query).one_or_none()
    if row is None:
        return None
    plain = vault.data_key(row.data_key, row.kek_kid).decrypt(_place(row.id), row.sealed)
    known: dict[str, Any] = strict_loads(plain, max_bytes=4096)
    caller = Caller(row.system_id, row.client_id, row.owner_department_id, _kid(app_key), {}, float("inf"))
    return GatewayKey(row.id, app_key, row.row_version, GatewaySecrets(**known), caller)


def replace_secrets(tx: Connection, key: GatewayKey, found: GatewaySecrets, vault: Vault, *, now: datetime) -> bool:
    """Write new secrets over the version that was read; False when somebody was faster."""
    data_key = vault.new_data_key()
    where = and_(_KEYS.c.id == key.id, _KEYS.c.row_version == key.row_version)
    changed = tx.execute(
        update(_KEYS)
        .where(where)
        .values(
            sealed=data_key.encrypt(_place(key.id), _stored(found)),
            data_key=data_key.wrapped,
            kek_kid=data_key.kek_kid,
            row_version=key.row_version + 1,
            changed_at=now,
        )
    )
    return changed.rowcount == 1


def remove_keys(tx: Connection, system_id: str) -> int:
    """End the dialect for a system; answers how many keys it had."""
    found = tx.execute(select(_KEYS.c.app_key).where(_KEYS.c.system_id == system_id)).scalars().all()
    for app_key in found:
        where = and_(_SYSTEM_KEYS.c.system_id == system_id, _SYSTEM_KEYS.c.kid == _kid(app_key))
        tx.execute(update(_SYSTEM_KEYS).where(where).values(active=False))
    tx.execute(delete(_KEYS).where(_KEYS.c.system_id == system_id))
    return len(found)


def signed_by(sign: str, *, app_key: str, secret: str, request_time: str) -> bool:
    """Whether `sign` is the dialect's digest; compared in equal time."""
    expected = hashlib.md5((app_key + secret + request_time).encode(), usedforsecurity=False).hexdigest()
    return bool(secret) and hmac.compare_digest(expected.encode(), sign.encode())


def is_fresh(request_time: str, now: datetime) -> bool:
    """Whether the caller's milliseconds are near the hub's clock."""
    if not request_time.isascii() or not request_time.isdigit() or len(request_time) > 15:
        return False
    return abs(_milliseconds(now) - int(request_time)) <= FRESHNESS.total_seconds() * 1000


def alive(until: int, now: datetime) -> bool:
    """Whether a secret that holds until these milliseconds still holds."""
    return _milliseconds(now) < until


def _milliseconds(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def _kid(app_key: str) -> str:
    return f"gateway:{app_key}"


def _place(key_id: str) -> str:
    return f"gateway_keys:{key_id}:sealed"


def _stored(found: GatewaySecrets) -> bytes:
    return canonical(
        {
            "app": found.app,
            "refresh": found.refresh,
            "refresh_until": found.refresh_until,
            "request": found.request,
            "request_until": found.request_until,
        }
    )
