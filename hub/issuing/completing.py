"""The second half of issuing: sign what was intended, and store it. Nothing here is decided."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self, TypeVar

import structlog
from sqlalchemy import Connection

from certificates.stores import certificates as store
from certificates.stores import writing
from certificates.stores.version import VersionRecord
from hub.citizens.notices.issued import tell_of_issue
from hub.clock import Clock
from hub.issuing.drafts import Ready, SignedVersions, store_signed
from hub.issuing.keys.desk import Certified, SigningDesk
from hub.issuing.keys.signers import guarded_results
from hub.issuing.sheaves import take
from hub.issuing.signing_room import Signed, Unsigned, sign_all
from hub.issuing.transitions.superseding import supersede
from hub.issuing.types.halts import refuse_halted
from hub.storage.crash import crash_at
from hub.storage.database import Database, Unit
from hub.storage.errors import ConflictError
from hub.storage.vault import Vault

T = TypeVar("T")
Heard = Callable[[Connection, Sequence[str], Callable[[], Sequence[str]], datetime], None]
"""Is told, in the transaction that makes licences current, of which types they are; which certificates, it may ask."""
_MEETINGS: Final = 20
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Whole:
    """A version that waits for nothing any more."""

    certificate_id: str
    version: int

    @classmethod
    def of(cls, item: Unsigned | VersionRecord) -> Self:
        """Of whatever it was until now."""
        return cls(item.certificate_id, item.version)


@dataclass(frozen=True, slots=True)
class Tied:
    """A sheaf with the signatures of its versions."""

    ready: Ready
    signed: SignedVersions


class Completing:
    """Signs and stores."""

    def __init__(
        self, database: Database, *, vault: Vault, desk: SigningDesk, clock: Clock, heard: Heard | None = None
    ) -> None:
        self._heard = heard
        self._database = database
        self._vault = vault
        self._desk = desk
        self._clock = clock

    async def complete(
        self, items: Sequence[Unsigned], signers: Mapping[tuple[str, str], Certified], *, tied: Tied | None = None
    ) -> int:
        """Sign and store; answers how many. What waits for its department's approval stays an intent.

        Args:
            tied: versions that are signed already.
        Raises: KeyStoppedError, TypeHaltedError: stopped since it was intended; it stays an intent. StorageError.
        """
        if not items and tied is None:
            return 0
        signed = await asyncio.to_thread(sign_all, items, signers)
        crash_at("issue.signed")
        if signed.waiting or signed.refused:
            _log.info("approval_awaited", waiting=signed.waiting, refused=signed.refused)
        if signed.items or tied is not None:
            types, now = {code for _, code in signers}, self._clock()
            await decided_again(self._database, lambda tx: self._store(tx, signed, types, tied, now))
        crash_at("issue.committed")
        return len(signed.items) + (len(tied.ready.places) if tied else 0)

    def stand(self, tx: Connection, items: Sequence[Whole], now: datetime) -> None:
        """These versions are whole: they take the place of what was current."""
        if not items:
            return
        writing.make_current(tx, [{"certificate": item.certificate_id, "to": item.version} for item in items])
        renewed = {item.certificate_id for item in items if item.version > 1}
        if renewed:
            supersede(tx, self._vault, _older(tx, renewed), now=now)

    def _store(self, tx: Connection, signed: Signed, types: set[str], tied: Tied | None, now: datetime) -> None:
        refuse_halted(tx, self._vault, types)
        kids = {str(result["kid"]) for result in signed.results} | ({tied.signed.kid} if tied else set())
        self._desk.check_usable(tx, kids)
        if tied is not None:
            self._store_tied(tx, tied, now)
        if signed.items:
            writing.store_results(tx, guarded_results(self._vault, signed.results))
            self.stand(tx, [Whole.of(item) for item in signed.items], now)
        if tied is None:
            tell_of_issue(tx, {item.version_id: item.certificate_id for item in signed.items}, now)
        if self._heard is not None:
            self._heard(tx, sorted(types), lambda: _made(signed, tied), now)
        crash_at("issue.storing")

    def _store_tied(self, tx: Connection, tied: Tied, now: datetime) -> None:
        if take(tx, tied.ready.sheaf_id):
            store_signed(tx, tied.ready, tied.signed)
            return
        rows = tied.signed.rows()  # somebody untied it: its versions are intents like any other
        results = [{"row": row["id"], "token": row["document"], "kid": tied.signed.kid} for row in rows]
        writing.store_results(tx, guarded_results(self._vault, results))
        self.stand(tx, [Whole(row["certificate_id"], row["version"]) for row in rows], now)


def _made(signed: Signed, tied: Tied | None) -> list[str]:
    """Ids of certificates. Those of a sheaf lie encoded: to read them takes time that collection has not."""
    made = [item.certificate_id for item in signed.items]
    return made if tied is None else made + [str(row["certificate_id"]) for row in tied.signed.rows()]


async def decided_again(database: Database, unit: Unit[T], *, untie: Unit[int] | None = None) -> T:
    """Write; whoever meets another process on a row starts over. Raises ConflictError when that does not end.

    Args:
        untie: makes plain intents of sheaves, which may hold what was met.
    """
    for _ in range(_MEETINGS):
        try:
            return await database.write(unit)
        except ConflictError:
            if untie is not None:
                await database.write(untie)
    return await database.write(unit)


def _older(tx: Connection, certificate_ids: set[str]) -> list[tuple[VersionRecord, VersionRecord]]:
    """Every version but the newest, with the newest."""
    found = (store.versions_of(tx, certificate_id) for certificate_id in sorted(certificate_ids))
    return [(version, versions[-1]) for versions in found for version in versions[:-1]]
