"""Verifying at the hub: the procedure of certificates.verifying, with the status read from the row, not from a list."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import Connection

from catalog.store import list_departments
from certificates import store as library
from certificates.lifecycle import Status
from certificates.trust import Issuer, KeyCustody, TrustPack, TrustPolicy
from certificates.verifying import StatusQuestion, Verdict, presented_identifier, verify_certificate
from hub.clock import Clock
from hub.issuing.desk import SigningDesk
from hub.issuing.status import StatusService
from hub.ledger.guards import check_guards
from hub.storage.cache import SharedCache
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

POLICY_AGE: Final = timedelta(seconds=30)
PACK_AGE: Final = timedelta(seconds=10)
_PACK_KEY: Final = "trust-pack"

_log = structlog.get_logger(__name__)


class VerificationService:
    """Verifies what is presented, and makes the pack with which others verify offline."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        desk: SigningDesk,
        status: StatusService,
        cache: SharedCache,
        clock: Clock,
        public_url: str,
    ) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._status = status
        self._clock = clock
        self._public_url = public_url
        self._policy: TrustPolicy | None = None
        self._policy_until = clock()
        self._cache = cache

    async def verify(self, token: bytes, *, audience: str | None) -> Verdict:
        """The verdict on a licence or purpose copy. Unknown identifiers and missing status look alike: undecided."""
        policy = await self.policy()
        identifier = presented_identifier(token)
        known = await self._database.read(lambda tx: self._status_of(tx, identifier))

        def status(question: StatusQuestion) -> Status | None:
            return known if question.identifier == identifier else None

        return verify_certificate(token, trust=policy, statuses=status, audience=audience, now=self._clock())

    async def policy(self) -> TrustPolicy:
        """Roots and entitlements; read anew every half minute, so that a new department needs no restart."""
        now = self._clock()
        if self._policy is None or now >= self._policy_until:
            issuers = await self._database.read(_issuers)
            self._policy = TrustPolicy(self._desk.anchors(), issuers, self._public_url)
            self._policy_until = now + POLICY_AGE
        return self._policy

    async def trust_pack(self) -> bytes:
        """Everything offline verification needs, signed: roots, entitlements, and all status lists.

        Made at most every ten seconds: anybody may ask, and it signs every list.
        """
        async with self._cache.lock("trust-pack", seconds=30):
            known = await self._cache.get(_PACK_KEY)
            if known is None:
                known = await self._make_pack()
                await self._cache.set(_PACK_KEY, known, seconds=PACK_AGE.total_seconds())
        return str(known).encode()

    async def _make_pack(self) -> str:
        policy = await self.policy()
        certified = self._desk.hub("hub")
        lists: dict[str, str] = {}
        for number in await self._status.numbers():
            lists[f"{self._public_url}/status-lists/{number}"] = (await self._status.build(number)).decode()
        pack = TrustPack(policy, lists, self._clock())
        return pack.signed(signer=certified.signer, header=certified.header)

    def _status_of(self, tx: Connection, identifier: str | None) -> Status | None:
        version = library.find_version(tx, identifier or "")
        if version is None or version.state != "issued":
            return None
        try:
            check_guards(tx, self._vault, versions=[version])
        except IntegrityBrokenError as error:
            _log.error("guarded_row_broken", alarm=True, where=error.where)
            return None  # a status that somebody else wrote is no status
        return Status(version.status)


def _issuers(tx: Connection) -> Mapping[str, Issuer]:
    return {
        item.code: Issuer(item.name_zh, frozenset(item.issues), KeyCustody(item.key_custody))
        for item in list_departments(tx)
        if item.issues
    }
