"""Who is a witness: said by two persons, for the hub tells citizens that their log is co-signed by these."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from catalog.errors import DefinitionError
from catalog.tables import table
from hub.access.actors import Actor
from hub.clock import new_id, rfc3339
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import latest_changes
from hub.ledger.witnessing.address import AddressError, witness_address
from hub.ledger.witnessing.tables import LedgerCosignatureRow, LedgerWitnessCallRow, LedgerWitnessRow
from hub.reach import Reach
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical
from signing.errors import SigningError
from signing.log.cosignature import WitnessVerifier

ADD: Final = "witness.add"
REMOVE: Final = "witness.remove"
"""The proposals."""
MOST: Final = 32
"""So many lines a reader of notes must accept, and the log's own."""
_KINDS: Final = {True: "witness.added", False: "witness.removed"}
_WITNESSES: Final = table(LedgerWitnessRow)
_LINES: Final = table(LedgerCosignatureRow)
_CALLS: Final = table(LedgerWitnessCallRow)


@dataclass(frozen=True, slots=True)
class Witness:
    """A registered witness; `active` False: it was, and its co-signatures count no more."""

    id: str
    name: str
    vkey: str
    body: str
    contact: str
    active: bool
    registered_by: dict[str, Any]
    row_version: int
    ledger_entry_id: str
    mac: bytes = field(repr=False)
    changed_at: datetime
    url: str | None = None
    """Where it is called; None: it comes by itself."""

    @property
    def verifier(self) -> WitnessVerifier:
        """Its key. Raises: SigningError."""
        return WitnessVerifier.from_text(self.vkey)

    def meaning(self) -> bytes:
        """Everything the MAC covers; that there is no address goes without saying, as in rows of earlier releases."""
        left_out = {"mac", "changed_at"} if self.url else {"mac", "changed_at", "url"}
        content = {name: getattr(self, name) for name in self.__slots__ if name not in left_out}
        return b"witness\x1f" + canonical(content | {"changed_at": rfc3339(self.changed_at)})


class WitnessRegister:
    """Reads and changes it, in the caller's transaction."""

    def __init__(self, *, vault: Vault, log_key: DataKey, log_name: str, reach: Reach) -> None:
        self._reach = reach
        self._vault = vault
        self._log_key = log_key
        self._log_name = log_name

    def known(self, tx: Connection, *, every: bool = False) -> Sequence[Witness]:
        """The witnesses that count; with `every`, also those that were. Raises: IntegrityBrokenError."""
        found = [Witness(**{name: getattr(row, name) for name in Witness.__slots__}) for row in tx.execute(_BY_NAME)]
        latest = latest_changes(tx, [item.id for item in found])
        for item in found:
            self._vault.check_row_mac(item.meaning(), item.mac, where="ledger_witnesses")
            if latest.get(item.id) != (item.ledger_entry_id, item.row_version):
                raise IntegrityBrokenError("ledger_witnesses")
        return [item for item in found if item.active or every]

    def check_add(self, payload: dict[str, Any]) -> None:
        """Refuse a proposal that could never be made. Raises: DefinitionError."""
        if set(payload) - {"vkey", "body", "contact", "url"}:
            raise DefinitionError(f"{ADD}: vkey, body, contact and url alone")
        for name in ("body", "contact"):
            value = payload.get(name)
            if not isinstance(value, str) or not 0 < len(value.strip()) <= 200 or not value.isprintable():
                raise DefinitionError(f"{ADD}: {name}: 1 to 200 characters")
        try:
            verifier = WitnessVerifier.from_text(str(payload.get("vkey")))
        except SigningError as error:
            raise DefinitionError(f"{ADD}: vkey: the line that `yizheng witness init` printed") from error
        if verifier.name == self._log_name or len(verifier.name) > 200:
            raise DefinitionError(f"{ADD}: vkey: the log is no witness of itself")
        self._check_url(payload.get("url"))

    def check_remove(self, payload: dict[str, Any]) -> None:
        """As `check_add`."""
        if set(payload) != {"name"} or not isinstance(payload["name"], str):
            raise DefinitionError(f"{REMOVE}: name")

    def add(self, tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        """Register a witness, or its next key, in the transaction in which a second person confirms it."""
        verifier = WitnessVerifier.from_text(payload["vkey"])
        known = self.known(tx, every=True)
        others = [item for item in known if item.name != verifier.name]
        if any(item.verifier.public_key == verifier.public_key for item in others):
            raise DefinitionError(f"{ADD}: this key is another witness's")  # the message does not name the witness
        if sum(item.active for item in others) >= MOST:
            raise DefinitionError(f"{ADD}: there are {MOST} witnesses already")
        before = next((item for item in known if item.name == verifier.name), None)
        before = before or Witness(new_id(), verifier.name, "", "", "", False, {}, 0, "", b"", now)  # noqa: FBT003
        body, contact = str(payload["body"]).strip(), str(payload["contact"]).strip()
        after = replace(before, vkey=verifier.text, body=body, contact=contact, url=payload.get("url") or None)
        after = replace(after, active=True, registered_by=by.as_json())
        self._write(tx, after, by, now)
        return {"witness": verifier.name}

    def remove(self, tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        """It counts no more, as above."""
        found = next((item for item in self.known(tx) if item.name == payload["name"]), None)
        if found is None:
            raise DefinitionError(f"{REMOVE}: no such witness")
        self._write(tx, replace(found, active=False), by, now)
        return {"witness": found.name}

    def _check_url(self, url: object) -> None:
        if url is None:
            return
        try:
            witness_address(str(url), self._reach)
        except AddressError as error:
            rule = "https://witness.example/…, at most 500 characters; in a private network: YIZHENG_WITNESS_NETWORKS"
            raise DefinitionError(f"{ADD}: url: {rule} ({error.reason})") from error

    def _write(self, tx: Connection, witness: Witness, by: Actor, now: datetime) -> None:
        detail = {"witness": witness.name, "vkey": witness.vkey, "body": witness.body, "actor": by.as_json()}
        detail |= {"url": witness.url} if witness.url else {}
        version = witness.row_version + 1
        entry = Draft(
            kind=_KINDS[witness.active],
            detail=detail,
            key=self._log_key,
            object_id=witness.id,
            object_version=version,
        )
        append(tx, [seal(entry, now=now)])
        changed = replace(witness, row_version=version, ledger_entry_id=entry.id, changed_at=now)
        changed = replace(changed, mac=self._vault.row_mac(changed.meaning()))
        values = {name: getattr(changed, name) for name in Witness.__slots__}
        tx.execute(delete(_LINES).where(_LINES.c.witness_id == witness.id))  # of the key before, or of nobody
        tx.execute(delete(_CALLS).where(_CALLS.c.witness_id == witness.id))  # of the address before
        if tx.execute(update(_WITNESSES).where(_WITNESSES.c.id == witness.id).values(**values)).rowcount == 0:
            tx.execute(insert(_WITNESSES).values(**values))


_BY_NAME: Final = select(_WITNESSES).order_by(_WITNESSES.c.name)
