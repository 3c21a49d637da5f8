"""Holders who sign in through an OpenID provider: its number and name are confirmed here, its `acr` is a level."""

from sqlalchemy import Connection

from catalog.errors import IdentifierError
from catalog.identifiers import CITIZEN_ID, ID_TYPES, check, normalise_id
from hub.access.errors import SignInRefusedError
from hub.access.oidc import Departure, OidcService
from hub.citizens.confirming import Confirming
from hub.citizens.sessions import HolderSessions
from hub.citizens.values import Identity, Level
from hub.clock import Clock
from hub.settings import Settings
from hub.storage.database import Database


class ProviderSignIn:
    """Turns what the provider vouches for into a session. Who is not confirmed by a record of ours is refused."""

    def __init__(
        self,
        database: Database,
        *,
        oidc: OidcService,
        confirming: Confirming,
        sessions: HolderSessions,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._oidc = oidc
        self._confirming = confirming
        self._sessions = sessions
        self._settings = settings
        self._clock = clock

    async def depart(self) -> Departure:
        """Begin. Raises: ProviderError."""
        return await self._oidc.depart("/me")

    async def arrive(self, cookie: str, *, state: str, code: str, issuer: str | None) -> str:
        """The session's cookie. Raises: SignInRefusedError, alike for every cause; ProviderError."""
        claims, _ = await self._oidc.vouched(cookie, state=state, code=code, issuer=issuer)
        settings = self._settings
        number, name = claims.get(settings.holder_oidc_number_claim), claims.get(settings.holder_oidc_name_claim)
        id_type = claims.get(settings.holder_oidc_type_claim, CITIZEN_ID)
        if not isinstance(number, str) or not isinstance(name, str) or not name.strip():
            raise SignInRefusedError("holder_claims")
        if not isinstance(id_type, str) or id_type not in ID_TYPES:
            raise SignInRefusedError("holder_document")
        try:
            value = normalise_id(id_type, number[:100]).value
            check(id_type, value)
        except IdentifierError as error:
            raise SignInRefusedError("holder_number") from error
        given, level = Identity(id_type, value, name[:100]), self._level(claims.get("acr"))

        def unit(tx: Connection) -> str | None:
            subject = self._confirming.find(tx, given, self._clock())
            return self._sessions.begin(tx, subject, given, level=level, how="provider") if subject else None

        secret = await self._database.write(unit)
        if secret is None:
            raise SignInRefusedError("holder_unconfirmed")
        return secret

    def _level(self, acr: object) -> Level:
        if acr in self._settings.holder_oidc_acr_high:
            return Level.HIGH
        return Level.SUBSTANTIAL if acr in self._settings.holder_oidc_acr_substantial else Level.BASIC
