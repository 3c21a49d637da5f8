"""Signing in with a network ID: the pseudonym alone, once it is bound; no number and no name cross the line."""

from typing import Final

from sqlalchemy import Connection

from hub.access.errors import SignInRefusedError
from hub.citizens.identities.finding import Finding
from hub.citizens.identities.service import NetworkIdService
from hub.citizens.identities.vouching import Voucher
from hub.citizens.sessions import HolderSessions
from hub.clock import Clock
from hub.storage.database import Database
from hub.storage.errors import ConflictError

HOW: Final = "network_id"
TRIAL_HOW: Final = "nid_trial"
"""Of a session that a stand-in vouched for: its pages say so."""


class NetworkSignIn:
    """Turns a voucher into a session."""

    def __init__(
        self,
        database: Database,
        *,
        service: NetworkIdService,
        finding: Finding,
        sessions: HolderSessions,
        clock: Clock,
    ) -> None:
        self._database = database
        self._service = service
        self._finding = finding
        self._sessions = sessions
        self._clock = clock

    async def enter(self, voucher: Voucher) -> str:
        """The session's cookie.

        Raises: SignInRefusedError, alike for every cause; ProviderError; IntegrityBrokenError: a row not ours.
        """
        vouched = await self._service.vouch(voucher)
        now = self._clock()

        def unit(tx: Connection) -> str | None:
            found = self._finding.held(tx, vouched, now)  # locked first, as whoever binds does
            if not self._finding.use(tx, voucher, vouched, now) or found is None:
                return None
            how = TRIAL_HOW if vouched.trial else HOW
            once = self._finding.once(voucher)
            return self._sessions.begin(tx, found.subject, found.identity, level=found.level, how=how, once=once)

        try:
            secret = await self._database.write(unit)
        except ConflictError:  # the same voucher twice at one moment
            secret = None
        if secret is None:
            raise SignInRefusedError("network_id:nobody")
        return secret
