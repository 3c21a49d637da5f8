"""Sign-in through an OpenID provider: authorization code, PKCE, state, nonce; accounts made beforehand.

The steps, each bound to the one before:
 1. `depart`: a random cookie for this browser and a random `state`; their hashes are stored for ten minutes. Nonce and
    PKCE verifier are derived from both, so neither is stored and neither can be used from another browser.
 2. the provider, where the person signs in.
 3. `arrive`: the stored attempt is found by `state` and cookie and deleted, before anything else happens: whatever is
    replayed, or comes without its own cookie, or out of order, finds nothing (threat S3).
 4. the code is exchanged with the verifier; the ID token is checked strictly (`IdTokenRules`).
 5. the account that the operator tied to the claim is found; nobody registers himself.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy import Connection, delete, insert, select

from catalog.tables import table
from hub.access.errors import ProviderError, SignInRefusedError
from hub.access.oidc_token import IdTokenRules, Provider
from hub.access.sessions import hashed
from hub.access.staff_store import Staff, find_external
from hub.access.tables import OidcAttemptRow
from hub.clock import Clock
from hub.outbound import Outbound, OutboundError
from hub.storage.database import Database
from hub.storage.vault import Vault
from signing.canonical import b64u

ATTEMPT_LIFE: Final = timedelta(minutes=10)
_ATTEMPTS: Final = table(OidcAttemptRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSettings:
    """What the operator configured."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    claim: str = "sub"
    acr: tuple[str, ...] = ()
    amr: tuple[str, ...] = ()
    scope: str = "openid"
    audience: str = ""
    """Whose sign-in it is, where it is not that of staff: an attempt of one opens nothing at the other."""


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser, and the cookie that must come back with it."""

    url: str
    cookie: str = field(repr=False)


class OidcService:
    """The provider's side of signing in. Makes no session: that is `StaffSignIn.begin_for`."""

    def __init__(
        self, database: Database, *, settings: OidcSettings, outbound: Outbound, vault: Vault, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._settings = settings
        self._outbound = outbound
        self._clock = clock
        self._provider = Provider(settings.issuer, outbound=outbound, clock=clock)
        self._rules = IdTokenRules(
            issuer=settings.issuer, client_id=settings.client_id, acr=settings.acr, amr=settings.amr
        )

    async def depart(self, back: str) -> Departure:
        """Begin an attempt. `back` is a path of our own. Raises: ProviderError."""
        metadata = await self._provider.metadata()
        cookie, state, now = secrets.token_urlsafe(32), secrets.token_urlsafe(32), self._clock()
        row = {
            "state_hash": self._of_audience(state),
            "cookie_hash": hashed(cookie),
            "back": back,
            "expires_at": now + ATTEMPT_LIFE,
        }

        def unit(tx: Connection) -> None:
            tx.execute(delete(_ATTEMPTS).where(_ATTEMPTS.c.expires_at < now))
            tx.execute(insert(_ATTEMPTS).values(**row))

        await self._database.write(unit)
        challenge = b64u(hashlib.sha256(_derived(cookie, state, "verifier").encode()).digest())
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect_uri,
            "scope": self._settings.scope,
            "state": state,
            "nonce": _derived(cookie, state, "nonce"),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if self._settings.acr:
            query["acr_values"] = " ".join(self._settings.acr)
        endpoint = metadata.authorization_endpoint
        return Departure(f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}", cookie)

    async def arrive(self, cookie: str, *, state: str, code: str, issuer: str | None) -> tuple[Staff, str]:
        """The account of who came back, and where he wanted to go. `issuer` is the answer's `iss`, if any (RFC 9207).

        Raises: SignInRefusedError, alike for every cause; ProviderError.
        """
        claims, back = await self.vouched(cookie, state=state, code=code, issuer=issuer)
        external_id = claims.get(self._settings.claim)
        if not isinstance(external_id, str) or not 1 <= len(external_id) <= 255:
            raise SignInRefusedError("claim")
        staff = await self._database.read(lambda tx: find_external(tx, self._vault, external_id))
        if staff is None or not staff.active:
            raise SignInRefusedError("no_account" if staff is None else "disabled")
        return staff, back

    async def vouched(self, cookie: str, *, state: str, code: str, issuer: str | None) -> tuple[dict[str, Any], str]:
        """What the provider says of who came back, and where he wanted to go; nobody is looked up.

        Raises: SignInRefusedError, alike for every cause; ProviderError.
        """
        back = await self._take(cookie, state)
        metadata = await self._provider.metadata()
        if issuer is None and metadata.names_itself:
            raise SignInRefusedError("iss_missing")
        if issuer is not None and issuer != self._settings.issuer:
            raise SignInRefusedError("iss_mixed_up")
        token = await self._exchange(code, _derived(cookie, state, "verifier"))
        key = await self._provider.key_for(token)
        return self._rules.check(token, key=key, nonce=_derived(cookie, state, "nonce"), now=self._clock()), back

    async def _take(self, cookie: str, state: str) -> str:
        """Use the attempt up. One that another browser began stays for that browser."""
        where = (_ATTEMPTS.c.state_hash == self._of_audience(state)) & (_ATTEMPTS.c.cookie_hash == hashed(cookie))
        now = self._clock()

        def unit(tx: Connection) -> str:
            row = tx.execute(select(_ATTEMPTS).where(where).with_for_update()).one_or_none()
            if row is None or tx.execute(delete(_ATTEMPTS).where(where)).rowcount != 1 or row.expires_at <= now:
                raise SignInRefusedError("state")
            back: str = row.back
            return back

        return await self._database.write(unit)

    def _of_audience(self, state: str) -> str:
        return hashed(f"{self._settings.audience}:{state}" if self._settings.audience else state)

    async def _exchange(self, code: str, verifier: str) -> str:
        metadata = await self._provider.metadata()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.redirect_uri,
            "code_verifier": verifier,
        }
        basic = None
        if metadata.takes_basic:
            basic = (self._settings.client_id, self._settings.client_secret)
        else:
            form |= {"client_id": self._settings.client_id, "client_secret": self._settings.client_secret}
        try:
            answer: dict[str, Any] = await self._outbound.post(metadata.token_endpoint, form, basic=basic)
        except OutboundError as error:
            if error.reason in {"status 400", "status 401", "status 403"}:
                raise SignInRefusedError("code") from error
            raise ProviderError(error.reason) from error
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise SignInRefusedError("no_id_token")
        return token


def _derived(cookie: str, state: str, what: str) -> str:
    return b64u(hmac.digest(cookie.encode(), f"{what}:{state}".encode(), "sha256"))
