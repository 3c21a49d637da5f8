"""Signing in with a password, setting one through a link, changing it; by a provider: see `oidc`.

Order of a sign-in: count the attempt and read the account (one transaction), hash (outside), begin the session under a
re-check that the account is still the one whose password was compared (one transaction).
"""

from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import Connection

from hub.access import staff_store as store
from hub.access.errors import PasswordRuleError, SignInRefusedError
from hub.access.passwords import Passwords, broken_rules
from hub.access.sessions import Begun, Sessions, SignedIn, hashed
from hub.access.staff_accounts import Accounts
from hub.access.staff_links import Link, find_link, take_link
from hub.access.staff_notices import notify
from hub.access.staff_store import Staff
from hub.access.staff_throttle import Throttle
from hub.clock import Clock
from hub.storage.database import Database
from hub.storage.vault import Vault

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a sign-in comes from: an address, and what the browser calls itself."""

    address: str = field(repr=False)
    agent: str


class StaffSignIn:
    """Turns a password or a link into a session. With a `provider` configured passwords are for emergencies only."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        accounts: Accounts,
        sessions: Sessions,
        passwords: Passwords,
        throttle: Throttle,
        clock: Clock,
        provider: bool,
    ) -> None:
        self._database = database
        self._vault = vault
        self._accounts = accounts
        self._sessions = sessions
        self._passwords = passwords
        self._throttle = throttle
        self._clock = clock
        self._provider = provider

    async def sign_in(self, user_name: str, password: str, peer: Peer) -> Begun:
        """A new session for the right password of an active account.

        Raises: SignInRefusedError, alike for every cause; LockedOutError.
        """
        name, now = user_name.strip().lower()[:64], self._clock()

        def claim(tx: Connection) -> Staff | None:
            self._throttle.claim(tx, user_name=name, peer=peer.address, now=now)
            return store.find_user(tx, self._vault, name)

        staff = await self._database.write(claim)
        checked = await self._passwords.check(staff.password_hash if staff else None, password)
        if staff is None or not checked.matches:
            raise SignInRefusedError("password" if staff else "unknown_user")
        if not staff.active:
            raise SignInRefusedError("disabled")
        if self._provider and not staff.break_glass:
            raise SignInRefusedError("provider_only")

        def begin(tx: Connection) -> Begun:
            self._same(tx, staff)
            self._throttle.succeeded(tx, user_name=name, peer=peer.address, now=now)
            if checked.rehashed and staff.password_hash:
                store.replace_hash(tx, self._vault, staff, checked.rehashed)
            if self._provider:
                self._break_glass(tx, staff)
            return self._begin(tx, staff, peer)

        return self._told(await self._database.write(begin), how="break_glass" if self._provider else "password")

    async def link_owner(self, secret: str) -> Staff | None:
        """Whose link this is; None for the one that makes the first operator. Raises SignInRefusedError."""
        return (await self._database.read(lambda tx: self._link(tx, secret))).staff

    async def accept(self, secret: str, password: str, peer: Peer, *, first: dict[str, Any] | None = None) -> Begun:
        """Use the link up: set the password and begin a session. With `first`, make the first operator of it. Past a
        provider it is as loud as a password.

        Raises: SignInRefusedError (used, expired, unknown), PasswordRuleError, DefinitionError (`first`).
        """
        owner = await self.link_owner(secret)
        user_name = owner.user_name if owner else str((first or {}).get("user_name", ""))
        new_hash = await self._hash(password, user_name)

        def unit(tx: Connection) -> Begun:
            link = self._link(tx, secret)
            if not take_link(tx, hashed(secret)):
                raise SignInRefusedError("link")
            found = link.staff
            if found is None:
                if store.has_staff(tx):
                    raise SignInRefusedError("link")
                found = self._accounts.add_first(tx, first or {}, self._clock())
            opened = {"opened_at": found.opened_at or self._clock(), "opened_by": link.made_by}
            opened |= {"link_by": None, "link_until": None}
            if self._provider:
                self._break_glass(tx, found)
            return self._with_new_password(tx, found, new_hash, peer, "staff.link_used", **opened)

        return self._told(await self._database.write(unit), how="break_glass" if self._provider else "link")

    async def change_password(self, signed_in: SignedIn, old: str, new: str, peer: Peer) -> Begun:
        """Set another password; every session and token of his ends, and this browser gets a new one.

        Raises: SignInRefusedError (`old` is wrong), LockedOutError, PasswordRuleError.
        """
        staff, now = signed_in.staff, self._clock()
        name = staff.user_name
        await self._database.write(
            lambda tx: self._throttle.claim(tx, user_name=name, peer=peer.address, now=now)
        )  # or a borrowed screen could be used to guess
        if not (await self._passwords.check(staff.password_hash, old)).matches:
            raise SignInRefusedError("password")
        new_hash = await self._hash(new, name)

        def unit(tx: Connection) -> Begun:
            self._same(tx, staff)
            self._throttle.succeeded(tx, user_name=name, peer=peer.address, now=now)
            return self._with_new_password(tx, staff, new_hash, peer, "staff.password")

        return self._told(await self._database.write(unit), how="password_change")

    async def begin_for(self, staff: Staff, peer: Peer) -> Begun:
        """A session for somebody whom the provider vouched for. Raises SignInRefusedError when he was changed since."""

        def unit(tx: Connection) -> Begun:
            self._same(tx, staff)
            store.mark_opened(tx, self._vault, staff, self._clock())
            return self._begin(tx, staff, peer)

        return self._told(await self._database.write(unit), how="provider")

    async def _hash(self, password: str, user_name: str) -> str:
        rules = broken_rules(password, user_name=user_name)
        if rules:
            raise PasswordRuleError(rules)
        return await self._passwords.hash(password)

    def _with_new_password(
        self, tx: Connection, staff: Staff, new_hash: str, peer: Peer, kind: str, **values: Any
    ) -> Begun:
        if not store.change_staff(tx, self._vault, staff, password_hash=new_hash, **values):
            raise SignInRefusedError("changed")
        number = (staff.id, staff.version + 1)
        self._accounts.record(tx, kind, staff.actor(), {"staff": staff.id}, self._clock(), number)
        changed = store.find_staff(tx, self._vault, staff.id)
        assert changed is not None  # noqa: S101  # it was changed a line ago
        return self._begin(tx, changed, peer)

    def _begin(self, tx: Connection, staff: Staff, peer: Peer) -> Begun:
        return self._sessions.begin(tx, staff, peer=peer.address, label=peer.agent, now=self._clock())

    def _same(self, tx: Connection, staff: Staff) -> None:
        now = store.find_staff(tx, self._vault, staff.id)
        if now is None or not now.active or now.version != staff.version:
            raise SignInRefusedError("changed")

    def _link(self, tx: Connection, secret: str) -> Link:
        found = find_link(tx, self._vault, hashed(secret), self._clock())
        if found is None:
            raise SignInRefusedError("link")
        return found

    def _break_glass(self, tx: Connection, staff: Staff) -> None:
        now = self._clock()
        self._accounts.record(tx, "staff.break_glass", staff.actor(), {"staff": staff.id}, now)
        zh = f"账号 {staff.user_name} 绕过统一身份认证登录。"
        en = f"The account {staff.user_name} signed in past the identity provider."
        notify(tx, "staff.break_glass", zh=zh, en=en, now=now, path=f"/console/staff/{staff.id}")

    def _told(self, begun: Begun, *, how: str) -> Begun:
        """Logged after the commit, by id."""
        _log.info("staff_signed_in", staff=begun.staff_id, how=how)
        if begun.two_places:
            _log.warning("staff_two_places", alarm=True, staff=begun.staff_id)
        if how == "break_glass":
            _log.warning("staff_break_glass", alarm=True, staff=begun.staff_id)
        return begun
