"""Rows of signing keys: read with their guard, written with their ledger entry.

Whoever can write the database can neither put a compromised key back to work nor have a key of his own published: a row
is believed with a right MAC and the latest ledger entry of its key, and a key without either only if the ledger has
nothing about it and the key store holds it (the release before this one made it so). Nor can he have a compromise
forgotten by deleting its row: how many keys are compromised is counted in the ledger.
"""

import uuid
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, insert, select, update

from catalog.tables import DepartmentRow, table
from certificates.verifying.trust import KeyCustody
from hub.access.actors import Actor
from hub.clock import rfc3339
from hub.issuing.tables import KeyCertificateRow
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import latest_changes, settled
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.keystore.port import Place
from hub.storage.suites import Suite
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical

_KEYS: Final = table(KeyCertificateRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_OBJECTS: Final = uuid.UUID("0e9a6d5e-5a0f-5d6b-9a54-1f0a4f6c2b11")
"""Name space of the ids by which ledger entries name keys."""


COMPROMISED_OBJECT: Final = "00000000-0000-7000-8000-000000000023"
"""Each key that is declared compromised is once an entry of this object of the ledger, whose number counts them."""
_CHUNK: Final = 500
DEPARTMENTAL: Final = frozenset({"issuer", "seal"})
"""Roles of departments; the others are the hub's own."""


ENDS_SOON: Final = timedelta(days=60)
"""An authority outside takes weeks."""


class KeyState(StrEnum):
    """待签发证书、在用、已停用（待复核）、已泄露. A key that was replaced stays `active` and has an end."""

    PENDING = "pending"
    ACTIVE = "active"
    STOPPED = "stopped"
    COMPROMISED = "compromised"


@dataclass(frozen=True, slots=True)
class KeySlot:
    """What a key is for: a role of an organisation, one suite, and for `scope` one type of certificates only."""

    role: str
    organization_id: str
    suite: Suite = Suite.ES256
    scope: str = ""

    @property
    def name(self) -> str:
        """As operators call it: `hub`, `issuer/<USCC>`, `issuer/<USCC>/<type>`."""
        base = f"{self.role}/{self.organization_id}" if self.role in DEPARTMENTAL else self.role
        return f"{base}/{self.scope}" if self.scope else base

    @property
    def store_name(self) -> str:
        """The name in the key store."""
        return self.name if self.suite is Suite.ES256 else f"{self.name}#{self.suite.value}"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A signing key as its row tells. `chain` is DER, leaf first, without the root; empty for a key without one."""

    kid: str
    slot: KeySlot
    organization: str
    jwk: dict[str, Any]
    chain: tuple[bytes, ...]
    created_at: datetime
    not_after: datetime
    state: KeyState
    custody: KeyCustody
    place: Place
    authority: str | None
    """Fingerprint of the root that the chain leads to; None: none does, or the release before this one certified it."""
    active_from: datetime
    retired_at: datetime | None = None
    compromised_since: datetime | None = None
    row_version: int = 0
    ledger_entry_id: str | None = None
    mac: bytes | None = None

    @property
    def object_id(self) -> str:
        """The key in ledger entries."""
        return str(uuid.uuid5(_OBJECTS, self.kid))

    def signs_at(self, now: datetime) -> bool:
        """Whether it is in its time of signing; its state is another question."""
        return self.active_from <= now and (self.retired_at is None or now < self.retired_at)

    def ends(self, now: datetime) -> str | None:
        """`ended`, or `soon`: within 60 days; None: later, or it is replaced before that."""
        if self.state is not KeyState.ACTIVE or now < self.active_from:
            return None
        if self.retired_at is not None and self.retired_at <= max(now, self.not_after):
            return None
        return "ended" if self.not_after < now else "soon" if self.not_after <= now + ENDS_SOON else None

    def meaning(self) -> bytes:
        """Everything the MAC covers."""
        instants = (self.created_at, self.not_after, self.active_from, self.retired_at, self.compromised_since)
        more = {
            "organization": self.organization,
            "jwk": self.jwk,
            "chain": [b64encode(item).decode() for item in self.chain],
            "place": self.place.value,
            "instants": [item and rfc3339(item) for item in instants],
            "row_version": self.row_version,
            "ledger_entry_id": self.ledger_entry_id,
        }
        return b"signing key\x1f" + canonical(_said(self) | more)


class KeyBook:
    """Reads and writes the rows. Every reading raises IntegrityBrokenError for a row that somebody else wrote."""

    def __init__(self, vault: Vault, log_key: DataKey) -> None:
        self._vault = vault
        self._log_key = log_key

    def of(self, tx: Connection, role: str, organization_id: str, *, for_update: bool = False) -> list[SigningKey]:
        """All keys of a role of one organisation, in the order in which they begin to sign."""
        wanted = select(_KEYS).where(_KEYS.c.role == role, _KEYS.c.organization_id == organization_id)
        return self._believed(tx, wanted.order_by(_KEYS.c.kid).with_for_update() if for_update else wanted)

    def all(self, tx: Connection) -> list[SigningKey]:
        """Every key. Raises: IntegrityBrokenError, also where a compromised one is gone."""

        def look() -> list[SigningKey]:
            keys = self._read_all(tx, select(_KEYS))
            if sum(key.state is KeyState.COMPROMISED for key in keys) != _compromised_ever(tx):
                raise IntegrityBrokenError("key_certificates")
            return keys

        return settled(look)

    def find(self, tx: Connection, kid: str, *, for_update: bool = False) -> SigningKey:
        """One key. Raises: MissingError."""
        wanted = select(_KEYS).where(_KEYS.c.kid == kid)
        found = self._believed(tx, wanted.with_for_update() if for_update else wanted)
        if not found:
            raise MissingError("signing key")
        return found[0]

    def hold(self, tx: Connection, kids: Iterable[str]) -> list[SigningKey]:
        """Keys about to be used, share-locked until the transaction ends: who stops one waits, or is seen here."""
        wanted = select(_KEYS).where(_KEYS.c.kid.in_(sorted(kids))).order_by(_KEYS.c.kid)
        return self._believed(tx, wanted.with_for_update(read=True))

    def write(
        self, tx: Connection, key: SigningKey, kind: str, *, actor: Actor, now: datetime, **detail: Any
    ) -> SigningKey:
        """Write a new or changed key with its guard and its ledger entry. The caller holds the row's lock.

        Args:
            kind: of the entry.
            detail: what the entry says beside the key itself: codes, reasons, fingerprints.
        Raises: ConflictError: another process wrote it meanwhile.
        """
        version = key.row_version + 1
        entry = Draft(
            kind=kind,
            detail=_said(key) | detail | {"actor": actor.as_json()},
            key=self._log_key,
            object_id=key.object_id,
            object_version=version,
        )
        drafts = [entry]
        if key.state is KeyState.COMPROMISED and not _is_compromised(tx, key.kid):
            count = Draft(
                kind="key.lost",
                detail={"kid": key.kid},
                key=self._log_key,
                object_id=COMPROMISED_OBJECT,
                object_version=_compromised_ever(tx) + 1,
            )
            drafts.append(count)
        append(tx, [seal(draft, now=now) for draft in drafts])
        changed = replace(key, row_version=version, ledger_entry_id=entry.id, mac=None)
        changed = replace(changed, mac=self._vault.row_mac(changed.meaning()))
        here = _KEYS.c.kid == key.kid
        if tx.execute(update(_KEYS).where(here).values(**_row(changed))).rowcount == 0:
            tx.execute(insert(_KEYS).values(**_row(changed)))
        return changed

    def _believed(self, tx: Connection, wanted: Select[Any]) -> list[SigningKey]:
        return settled(lambda: self._read_all(tx, wanted))

    def _read_all(self, tx: Connection, wanted: Select[Any]) -> list[SigningKey]:
        keys = [_read(row) for row in tx.execute(wanted).all()]
        latest: dict[str, tuple[str, int]] = {}
        for first in range(0, len(keys), _CHUNK):
            latest |= latest_changes(tx, [key.object_id for key in keys[first : first + _CHUNK]])
        for key in keys:
            if key.row_version > 0:
                self._vault.check_row_mac(key.meaning(), key.mac or b"", where="key_certificates")
            if latest.get(key.object_id) != (key.ledger_entry_id, key.row_version) and (
                key.row_version > 0 or key.object_id in latest
            ):
                raise IntegrityBrokenError("key_certificates")
        return sorted(keys, key=lambda key: (key.active_from, key.created_at, key.kid))


def _compromised_ever(tx: Connection) -> int:
    return latest_changes(tx, [COMPROMISED_OBJECT]).get(COMPROMISED_OBJECT, ("", 0))[1]


def _is_compromised(tx: Connection, kid: str) -> bool:
    state = tx.execute(select(_KEYS.c.state).where(_KEYS.c.kid == kid)).scalar_one_or_none()
    return state == KeyState.COMPROMISED.value


def set_custody(tx: Connection, code: str, custody: KeyCustody) -> None:
    """Let a department's row say who holds its issuing key."""
    tx.execute(update(_DEPARTMENTS).where(_DEPARTMENTS.c.code == code).values(key_custody=custody.value))


def _said(key: SigningKey) -> dict[str, Any]:
    return {
        "kid": key.kid,
        "role": key.slot.role,
        "organization_id": key.slot.organization_id,
        "suite": key.slot.suite.value,
        "scope": key.slot.scope,
        "state": key.state.value,
        "custody": key.custody.value,
        "authority": key.authority,
    }


def _read(row: Row[Any]) -> SigningKey:
    return SigningKey(
        kid=row.kid,
        slot=KeySlot(row.role, row.organization_id, Suite(row.suite), row.scope or ""),
        organization=row.organization,
        jwk=row.jwk,
        chain=tuple(b64decode(item) for item in row.chain),
        created_at=row.created_at,
        not_after=row.not_after,
        state=KeyState(row.state),
        custody=KeyCustody(row.custody),
        place=Place(row.place),
        authority=row.authority,
        active_from=row.active_from or row.created_at,
        retired_at=row.retired_at,
        compromised_since=row.compromised_since,
        row_version=row.row_version,
        ledger_entry_id=row.ledger_entry_id,
        mac=row.mac,
    )


def _row(key: SigningKey) -> dict[str, Any]:
    plain = ("kid", "organization", "jwk", "created_at", "not_after", "authority", "active_from", "retired_at")
    more = ("compromised_since", "row_version", "ledger_entry_id", "mac")
    return {name: getattr(key, name) for name in plain + more} | {
        "role": key.slot.role,
        "organization_id": key.slot.organization_id,
        "suite": key.slot.suite.value,
        "scope": key.slot.scope,
        "state": key.state.value,
        "custody": key.custody.value,
        "place": key.place.value,
        "chain": [b64encode(item).decode() for item in key.chain],
    }
