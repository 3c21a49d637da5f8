"""The list of erased persons: beside the remembered checkpoint, outside the database and its backups (seam D8).

A backup holds the keys of persons erased after it was made. Whoever restores it reads this list before anything is
served, and erases them again. The list names subjects by their id and by the digest of the destroyed key; no number, no
name. Every entry is under a MAC over itself and the one before it: one that is changed, moved or taken out of the
middle is noticed. An end that is cut off is made good from the database, as long as that remembers the erasure.
"""

import fcntl
import hmac
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hub.ledger.errors import LedgerBrokenError
from hub.storage.errors import UnavailableError
from hub.storage.files import write_durably
from hub.storage.vault import Vault
from signing.canonical import canonical

FILE: Final = "erased.jsonl"


@dataclass(frozen=True, slots=True)
class Tombstone:
    """One destroyed key. `key` is the SHA-256 of the wrapped key, in hex: a person known again has another."""

    subject: str
    key: str
    erased_at: str
    entry: str


class TombstoneList:
    """A small file of JSON lines. Blocks; several processes may add at once."""

    def __init__(self, folder: Path, *, vault: Vault) -> None:
        self._path = folder / FILE
        self._vault = vault

    def exists(self) -> bool:
        """Whether anybody was ever written down here."""
        return self._path.exists()

    def read(self) -> list[Tombstone]:
        """All of them, oldest first. Raises LedgerBrokenError for a list that is not as the hub left it."""
        return [tombstone for tombstone, _ in self._lines()]

    def add(self, tombstones: Iterable[Tombstone]) -> int:
        """Durably add those that are not there yet; answers how many. Raises: LedgerBrokenError, UnavailableError."""
        try:
            with self._adding():
                lines = self._lines()
                known = {tombstone.key for tombstone, _ in lines}
                new = list({each.key: each for each in tombstones if each.key not in known}.values())
                last = lines[-1][1] if lines else ""
                for tombstone in new:
                    last = self._mac(tombstone, last)
                    lines.append((tombstone, last))
                if new:
                    text = "".join(json.dumps({**asdict(each), "mac": mac}) + "\n" for each, mac in lines)
                    write_durably(self._path, text.encode(), mode=0o600)
        except OSError as error:
            raise UnavailableError(f"the list of erased persons cannot be written: {error.strerror}") from error
        return len(new)

    def _lines(self) -> list[tuple[Tombstone, str]]:
        if not self._path.exists():
            return []
        found: list[tuple[Tombstone, str]] = []
        last = ""
        try:
            for line in self._path.read_text(encoding="utf-8").splitlines():
                values = json.loads(line)
                mac = str(values.pop("mac"))
                tombstone = Tombstone(**values)
                if not hmac.compare_digest(mac, self._mac(tombstone, last)):
                    raise LedgerBrokenError("the list of erased persons was changed")
                found.append((tombstone, mac))
                last = mac
        except (ValueError, KeyError, TypeError) as error:
            raise LedgerBrokenError("the list of erased persons cannot be read") from error
        return found

    def _mac(self, tombstone: Tombstone, previous: str) -> str:
        return self._vault.row_mac(b"tombstone\x1f" + canonical({**asdict(tombstone), "previous": previous})).hex()

    @contextmanager
    def _adding(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path.with_name(f".{FILE}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
