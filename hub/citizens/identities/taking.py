"""A counter takes a network ID: who stands there goes into the case inside the hub, as by a code that he shows.

The voucher is used up when it is looked at, by the service and by the hub, lest whoever made the opening fail signed in
with it; a case that could not be opened costs one. Who it is is judged again in the transaction that opens the case.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from hub.access.actors import Actor
from hub.access.errors import ProviderError, SignInRefusedError
from hub.citizens.errors import PresentationRefusedError
from hub.citizens.identities.errors import ServiceAwayError
from hub.citizens.identities.finding import Finding, Found
from hub.citizens.identities.service import NetworkIdService
from hub.citizens.identities.vouching import Vouched, Voucher
from hub.citizens.taking import Here
from hub.citizens.values import SHOWS
from hub.clock import Clock
from hub.ledger.entries import Draft, append, seal
from hub.ledger.spent import END
from hub.storage.database import Database
from hub.storage.errors import ConflictError
from hub.storage.vault import DataKey, Vault

KIND: Final = "network_id"
"""Of the corroboration that it is; its reference is the service's transaction."""


class NetworkTaking:
    """Takes vouchers for the counters of a department."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        service: NetworkIdService,
        finding: Finding,
        log_key: DataKey,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._service = service
        self._finding = finding
        self._log_key = log_key
        self._clock = clock

    async def read(self, actor: Actor, department_id: str, voucher: Voucher) -> tuple[Here, Vouched]:
        """Whose it is, and what the service said, for `take`. A refusal is on the ledger.

        Raises: PresentationRefusedError, alike for every cause; ServiceAwayError: the service does not answer.
        """
        vouched: Vouched | None = None
        try:
            vouched = await self._service.vouch(voucher)
            found = await self._find(voucher, vouched)
        except ProviderError as error:
            raise ServiceAwayError from error
        except (SignInRefusedError, ConflictError):
            found = None
        if found is None or vouched is None:
            detail = {"by": actor.as_json(), "department_id": department_id, "reason": "network_id"}
            entry = seal(Draft(kind="refusal", detail=detail, key=self._log_key), now=self._clock())
            await self._database.write(lambda tx: append(tx, [entry]))
            raise PresentationRefusedError
        return Here(vouched.transaction, found.subject.id, found.identity), vouched

    def take(
        self, actor: Actor, department_id: str, here: Here, vouched: Vouched, voucher: Voucher, *, matter: str
    ) -> Callable[[Connection, str | None, str], None]:
        """What is done in the transaction that opens the case: it stands on the ledger, where he finds it.

        Raises, when it is done: PresentationRefusedError: he released it, has died, or was erased since.
        """

        def use_up(tx: Connection, case_id: str | None, case_no: str) -> None:
            found = self._finding.held(tx, vouched, self._clock())
            if found is None or (found.subject.id, found.identity) != (here.subject_id, here.identity):
                raise PresentationRefusedError
            detail = {
                "by": actor.as_json(), "case_no": case_no, "department_id": department_id, "matter": matter,
                "transaction": vouched.transaction,
            }  # fmt: skip
            key = self._vault.data_key(found.subject.data_key, found.subject.kek_kid)
            draft = Draft(
                kind="identity.shown", detail=detail, key=key, subject_id=found.subject.id, case_id=case_id,
                object_id=self._finding.once(voucher), object_version=END,
            )  # fmt: skip
            append(tx, [seal(draft, now=self._clock())])

        return use_up

    async def _find(self, voucher: Voucher, vouched: Vouched) -> Found | None:
        now: datetime = self._clock()

        def unit(tx: Connection) -> Found | None:
            if not self._finding.use(tx, voucher, vouched, now):
                return None
            found = self._finding.person(tx, vouched, now)
            return found if found is not None and found.level >= SHOWS else None

        return await self._database.write(unit)
