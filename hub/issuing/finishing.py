"""What a crash left: intents are signed as they stand, by the same functions as ever."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import groupby
from typing import Final

import structlog
from sqlalchemy import Connection

from certificates.stores import certificates as store
from certificates.stores import holders as holder_store
from certificates.stores.version import VersionRecord
from hub.clock import Clock
from hub.issuing.completing import Completing
from hub.issuing.drafting import document_place
from hub.issuing.drafts import unsigned_of
from hub.issuing.keys.desk import Certified, SigningDesk
from hub.issuing.keys.errors import SigningKeyError
from hub.issuing.sheaves import sheaves_before, untie
from hub.issuing.signing_room import Unsigned
from hub.issuing.types.halts import stopped_types
from hub.ledger.guards import check_guards
from hub.storage.database import Database
from hub.storage.errors import STORE_FAILED, IntegrityBrokenError, SignerUnavailableError
from hub.storage.vault import Vault
from signing import sd_jwt

_PAGE: Final = 500
_SHEAVES_AT_ONCE: Final = 100
_log = structlog.get_logger(__name__)


class Finishing:
    """Finishes intents. One that cannot be read or signed is an alarm and stays as it is: it keeps neither the others
    nor the hub. Those whose key is away, stopped, or waits for its department, and those of a stopped type, are left
    for next time.
    """

    def __init__(
        self, database: Database, *, vault: Vault, desk: SigningDesk, clock: Clock, completing: Completing
    ) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._clock = clock
        self._completing = completing

    async def finish(self, older_than: timedelta) -> int:
        """Sign every intent that a crash left unsigned; answers how many. Safe to run at any time, from any process.

        Args:
            older_than: spares those that another process may have in hand.
        Raises: StorageError when the store as a whole fails.
        """
        try:
            return await self._finish_all(older_than)
        except IntegrityBrokenError as error:  # which types are stopped: nobody can say, and nothing is signed
            _log.error("intents_not_finished", alarm=True, where=error.where)
            return 0

    async def _finish_all(self, older_than: timedelta) -> int:
        finished, last, before = 0, None, self._clock() - older_than
        while sheaves := await self._database.read(
            partial(sheaves_before, before=before, after=last, limit=_SHEAVES_AT_ONCE)
        ):
            last = sheaves[-1]
            for sheaf in sheaves:
                await self._untied(sheaf)
        last = None
        while found := await self._database.read(partial(store.intended, limit=_PAGE, after=last, before=before)):
            last = found[-1].id
            stopped = await self._database.read(lambda tx: stopped_types(tx, self._vault))
            found = [version for version in found if version.type_code not in stopped]
            for _, some in groupby(sorted(found, key=_signed_by), key=_signed_by):
                finished += await self._finished(list(some))
        return finished

    async def _untied(self, sheaf: str) -> None:
        try:
            await self._database.write(partial(untie, sheaf_id=sheaf))
        except STORE_FAILED:
            raise
        except Exception as error:  # noqa: BLE001  # a damaged row must not keep the hub from starting
            _log.error("sheaf_not_untied", alarm=True, sheaf=sheaf, error=type(error).__name__)

    async def _finished(self, versions: Sequence[VersionRecord]) -> int:
        """Those of one key."""
        try:
            return await self._finish(versions)
        except STORE_FAILED:
            raise
        except (SigningKeyError, SignerUnavailableError) as error:
            _log.warning("intents_wait", issuer=versions[0].issuer_code, count=len(versions), why=str(error))
            return 0
        except Exception:  # noqa: BLE001  # one of them; which, and why, is told below
            return sum([await self._finished_alone(version) for version in versions])

    async def _finished_alone(self, version: VersionRecord) -> bool:
        try:
            return await self._finish([version]) > 0
        except STORE_FAILED:
            raise
        except Exception as error:  # noqa: BLE001  # a damaged row must not keep the hub from starting
            _log.error("intent_not_finished", alarm=True, version=version.id, error=type(error).__name__)
            return False

    async def _finish(self, versions: Sequence[VersionRecord]) -> int:
        items = await self._database.read(lambda tx: self._reopened(tx, versions))
        signers = await self._database.read(
            partial(self._signers, {(item.issuer_code, item.type_code) for item in items})
        )
        return await self._completing.complete(items, signers)

    def _signers(self, wanted: set[tuple[str, str]], tx: Connection) -> Mapping[tuple[str, str], Certified]:
        return {(issuer, code): self._desk.issuer(tx, issuer, type_code=code) for issuer, code in wanted}

    def _reopened(self, tx: Connection, versions: Sequence[VersionRecord]) -> list[Unsigned]:
        check_guards(tx, self._vault, versions=versions)
        return [self._reopen(tx, version) for version in versions]

    def _reopen(self, tx: Connection, version: VersionRecord) -> Unsigned:
        subject = holder_store.subject_by_id(tx, version.subject_id)
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        prepared = sd_jwt.Prepared.from_bytes(key.decrypt(document_place(version.id), version.document))
        return unsigned_of(version, prepared, key)


def _signed_by(version: VersionRecord) -> tuple[str, str]:
    return version.issuer_code, version.type_code
