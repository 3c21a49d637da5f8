"""The built-in identity provider, for trying out: number, name, and a code by a notice that whoever runs the hub reads.

It knows no second factor, so it is no proof of anything, and must not be where real people are: it works only on a
machine's own address, never with another provider, and never where a setting says that this is production.

Every step looks and costs the same for somebody who is unknown, mismatched, dead or right: the same statement, a code
drawn, a row written. Only the right code of the right person begins a session.
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from sqlalchemy import Connection, Row, delete, insert, select, update

from catalog.identifiers import check, normalise_id
from catalog.tables import table
from hub.access.errors import SignInRefusedError
from hub.access.sessions import hashed
from hub.access.staff_throttle import Throttle
from hub.citizens.confirming import Confirming
from hub.citizens.errors import TrialOffError
from hub.citizens.sessions import HolderSessions
from hub.citizens.tables import HolderAttemptRow
from hub.citizens.values import Identity, Level
from hub.clock import Clock
from hub.issuing.shelf import masked_number
from hub.settings import LOOPBACK_HOSTS, Settings
from hub.storage.database import Database
from hub.storage.vault import Vault
from signing.canonical import canonical, strict_loads

LIFE: Final = timedelta(minutes=5)
TRIES: Final = 5
_ATTEMPTS: Final = table(HolderAttemptRow)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """What a message gateway would send to a phone. For natural persons' numbers the middle is masked."""

    number: str
    code: str = field(repr=False)
    sent_at: datetime


def trial_on(settings: Settings) -> bool:
    """Whether people may sign in here without a provider: in the sample city, or where the operator says so."""
    wanted = settings.trial_sign_in == "on" or (
        settings.trial_sign_in == "auto" and (settings.home / "sample").exists()
    )
    local = urlsplit(settings.public_url).hostname in LOOPBACK_HOSTS
    production = settings.built_in_ca == "refuse" or bool(settings.holder_oidc_issuer)
    return wanted and local and not production


class TrialSignIn:
    """Number and name first, then the code of the notice."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        confirming: Confirming,
        sessions: HolderSessions,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._vault = vault
        self._confirming = confirming
        self._sessions = sessions
        self._settings = settings
        self._clock = clock
        self._throttle = Throttle(vault)

    @property
    def on(self) -> bool:
        """Whether it may be used."""
        return trial_on(self._settings)

    async def begin(self, id_type: str, id_number: str, name: str, *, peer: str) -> str:
        """Send a code, if there is such a person; answers a cookie either way.

        Raises: TrialOffError, IdentifierError: no such number can be; LockedOutError.
        """
        self._must_be_on()
        number = normalise_id(id_type, id_number).value
        check(id_type, number)
        given, now = Identity(id_type, number, name), self._clock()

        def unit(tx: Connection) -> str:
            self._throttle.claim(tx, user_name=_name(given), peer=f"holder:{peer}", now=now)
            return self._add(tx, given, confirmed=self._confirming.find(tx, given, now) is not None, now=now)

        return await self._database.write(unit)

    async def finish(self, cookie: str, code: str, *, peer: str) -> str:
        """The session's cookie, for the right code of the right person; the attempt is used up with it.

        Raises: TrialOffError; SignInRefusedError, alike for every cause: nothing to try is left after five.
        """
        self._must_be_on()
        now, digest = self._clock(), hashed(cookie)

        def unit(tx: Connection) -> str | None:
            where = _ATTEMPTS.c.cookie_hash == digest
            row = tx.execute(select(_ATTEMPTS).where(where).with_for_update()).one_or_none()
            if row is None or row.expires_at <= now or row.tries >= TRIES:
                return None
            tx.execute(update(_ATTEMPTS).where(where).values(tries=row.tries + 1))  # counted, right or wrong
            content = self._content(row)
            given = Identity(content["id_type"], content["id_number"], content["name"])
            subject = self._confirming.find(tx, given, now)
            right = hmac.compare_digest(content["code"].encode(), code.encode())
            if not right or subject is None or not content["confirmed"]:
                return None
            tx.execute(delete(_ATTEMPTS).where(where))
            self._throttle.succeeded(tx, user_name=_name(given), peer=f"holder:{peer}", now=now)
            return self._sessions.begin(tx, subject, given, level=Level.SUBSTANTIAL, how="trial")

        secret = await self._database.write(unit)
        if secret is None:
            raise SignInRefusedError("holder_code")
        _log.warning("holder_trial_sign_in")
        return secret

    async def notices(self) -> Sequence[Notice]:
        """What was sent in the last minutes, newest first; those who do not exist are sent nothing that opens."""
        self._must_be_on()
        now = self._clock()
        query = select(_ATTEMPTS).where(_ATTEMPTS.c.expires_at > now).order_by(_ATTEMPTS.c.created_at.desc()).limit(20)
        return [self._notice(row) for row in await self._database.read(lambda tx: tx.execute(query).all())]

    async def notice(self, cookie: str) -> Notice | None:
        """What was sent for this browser's attempt: shown on the page itself in the sample city, whose people are
        invented, and nowhere else.
        """
        self._must_be_on()
        if not (self._settings.home / "sample").exists():
            return None
        now = self._clock()
        query = select(_ATTEMPTS).where(_ATTEMPTS.c.cookie_hash == hashed(cookie), _ATTEMPTS.c.expires_at > now)
        row = await self._database.read(lambda tx: tx.execute(query).one_or_none())
        return self._notice(row) if row is not None else None

    def _must_be_on(self) -> None:
        if not self.on:
            raise TrialOffError

    def _add(self, tx: Connection, given: Identity, *, confirmed: bool, now: datetime) -> str:
        cookie, code = secrets.token_urlsafe(32), f"{secrets.randbelow(10**6):06d}"
        key, digest = self._vault.new_data_key(), hashed(cookie)
        content = {
            "code": code,
            "confirmed": confirmed,
            "id_number": given.id_number,
            "id_type": given.id_type,
            "name": given.name,
        }
        tx.execute(delete(_ATTEMPTS).where(_ATTEMPTS.c.expires_at < now))
        tx.execute(
            insert(_ATTEMPTS).values(
                cookie_hash=digest,
                content=key.encrypt(_place(digest), canonical(content)),
                data_key=key.wrapped,
                kek_kid=key.kek_kid,
                tries=0,
                created_at=now,
                expires_at=now + LIFE,
            )
        )
        return cookie

    def _content(self, row: Row[Any]) -> dict[str, Any]:
        plain = self._vault.data_key(row.data_key, row.kek_kid).decrypt(_place(row.cookie_hash), row.content)
        content: dict[str, Any] = strict_loads(plain, max_bytes=len(plain))
        return content

    def _notice(self, row: Row[Any]) -> Notice:
        content = self._content(row)
        return Notice(masked_number(content["id_type"], content["id_number"]), content["code"], row.created_at)


def _place(cookie_hash: str) -> str:
    return f"holder_attempts:{cookie_hash}:content"


def _name(given: Identity) -> str:
    """Whose attempts are counted together; no member of staff can have such a user name."""
    return f"holder {given.id_type} {given.id_number}"
