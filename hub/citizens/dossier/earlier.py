"""An earlier version of a licence, read by its holder: what it said then, and what took its place.

No picture and no file: what was replaced is no proof of anything that holds now, and its files stay where they are. On
the ledger before it leaves, as every look; a further holder sees the versions that he held.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from certificates.stores.certificates import find_version
from certificates.stores.version import VersionRecord
from hub.citizens.dossier.folder import OWN, TOGETHER, check_held, titled
from hub.citizens.dossier.hands import Hand, hand_of
from hub.citizens.present import is_erased, lock_looker
from hub.clock import Clock
from hub.issuing.renditions.opening import Opening
from hub.issuing.renditions.source import RenditionSource
from hub.issuing.transitions.reading import read_history
from hub.issuing.types.halts import refuse_halted
from hub.registry.meanings import Words
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import Vault

FORMAT: Final = "earlier"
"""How the ledger tells it from a look at the licence as it is."""


@dataclass(frozen=True, slots=True)
class SaidThen:
    """What a version said: titles and values in the order of the type as it was. It stood from `made_at` until
    `replaced_at`, when the version `replaced_by` took its place.
    """

    identifier: str
    version: int
    made_at: datetime
    replaced_at: datetime
    replaced_by: int
    claims: Sequence[tuple[str, Words, str]] = field(repr=False)


class Earlier:
    """Reads them. MissingError for what is not the subject's; the entry of that is the caller's."""

    def __init__(self, database: Database, *, vault: Vault, source: RenditionSource, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._source = source
        self._clock = clock

    async def contents(
        self, subject_id: str, identifier: str, version: int, *, by: Mapping[str, Any] | Hand
    ) -> SaidThen:
        """What the version of this number said of the licence whose version of today `identifier` names.

        Raises: MissingError: not his, no such version, not replaced, or an index record; TypeHaltedError;
            IntegrityBrokenError.
        """
        said = await self._database.read(lambda tx: self._read(tx, subject_id, identifier, version))
        await self._database.write(lambda tx: self._look(tx, subject_id, identifier, version, hand_of(by)))
        return said

    def _read(self, tx: Connection, subject_id: str, identifier: str, number: int) -> SaidThen:
        current, asked = self._seen(tx, subject_id, identifier, number)
        opened = self._source.open_version(tx, asked)
        history = read_history(tx, self._vault, current)
        after = next(item for item in history.versions if item.version > asked.version)
        return SaidThen(
            asked.identifier,
            asked.version,
            history.lifetimes[asked.id].made_at,
            history.lifetimes[after.id].made_at,
            after.version,
            titled(opened.type, opened.payload),
        )

    def _seen(
        self, tx: Connection, subject_id: str, identifier: str, number: int
    ) -> tuple[VersionRecord, VersionRecord]:
        """The version of today and the one that is asked for, both his."""
        current = find_version(tx, identifier)
        if current is None or not current.is_whole() or not current.is_current():
            raise MissingError("certificate")
        versions = read_history(tx, self._vault, current).versions
        asked = next((item for item in versions if item.version == number and item.version < current.version), None)
        if asked is None or asked.state != "issued":
            raise MissingError("certificate")
        refuse_halted(tx, self._vault, [asked.type_code])
        for item in (current, asked):
            if item.subject_id != subject_id:
                check_held(tx, self._vault, subject_id, item)
                if is_erased(tx, item.subject_id):
                    raise MissingError("document")
        return current, asked

    def _look(self, tx: Connection, subject_id: str, identifier: str, number: int, hand: Hand) -> None:
        hand.check(tx)
        _, asked = self._seen(tx, subject_id, identifier, number)
        lock_looker(tx, subject_id, asked.subject_id)
        opening = Opening(hand.by, OWN if asked.subject_id == subject_id else TOGETHER, written=hand.write)
        key = self._source.key_of(tx, asked)
        opening.write(tx, asked.identifier, FORMAT, key=key, version=asked, now=self._clock())
