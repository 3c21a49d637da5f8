"""Revocation lists of authorities outside: taken in by the operator or fetched from where he says, and acted upon.

The authority's own signature is what makes a list true, so one person brings it; what it revokes is stopped in the same
transaction, in every process. To put a stopped key back to work takes two, and another certificate. No OCSP: a hub must
verify without asking anybody, and would tell the authority what is verified.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from hub.access.actors import Actor, Role
from hub.clock import Clock, new_id, rfc3339
from hub.issuing.keys import crl_store as store
from hub.issuing.keys.anchors_store import read_anchors
from hub.issuing.keys.crl_store import AuthorityList
from hub.issuing.keys.desk import SigningDesk
from hub.issuing.keys.errors import KeyRuleError
from hub.issuing.keys.revoked import revoked_keys
from hub.issuing.keys.store import KeyState
from hub.outbound import Outbound, OutboundError
from hub.storage.database import Database
from hub.storage.errors import ConflictError, MissingError
from hub.storage.idempotency import write_once
from hub.storage.vault import DataKey, Vault
from signing.canonical import sha256
from signing.errors import ChainError, SigningError
from signing.x509.crl import MAX_CRL_BYTES, Crl, check_crl, read_crl
from signing.x509.pki import fingerprint

FETCHED: Final = timedelta(hours=24)
AGAIN: Final = timedelta(hours=1)
"""After a failure, and once the list is past its end."""
_WORKER: Final = Actor("rule", "crl-fetch", "worker", None, frozenset())
_MEDIA: Final = "application/pkix-crl"
_NAME: Final = "crl"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a list changed: `new` unless it was here already; `stopped`: our own keys, by name, that it revoked."""

    fingerprint: str
    number: int
    next_update: datetime
    revoked: int
    new: bool
    stopped: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Additive only."""
        return {
            "authority": self.fingerprint,
            "number": str(self.number),
            "next_update": rfc3339(self.next_update),
            "revoked": self.revoked,
            "new": self.new,
            "stopped": list(self.stopped),
        }


class CrlService:
    """For the operator, at the machine that holds the key store; and for the worker that fetches."""

    def __init__(self, database: Database, *, desk: SigningDesk, vault: Vault, log_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._desk = desk
        self._vault = vault
        self._log_key = log_key
        self._clock = clock

    async def take(self, actor: Actor, data: bytes) -> Taken:
        """Take a list, DER or PEM, of an authority that this hub knows: a trusted root, or one between it and a key.

        Raises: MalformedError, ChainError: not a whole list that its authority signed; KeyRuleError: no authority here
        made it, or the hub has a newer one.
        """
        actor.require(Role.OPERATOR)
        return await self._take(actor, data)

    async def shown(self, actor: Actor) -> list[dict[str, Any]]:
        """The newest list of every authority, and how it is had. For operators and auditors."""
        actor.require(Role.OPERATOR, Role.AUDITOR)
        now = self._clock()
        found = await self._database.read(lambda tx: store.read_lists(tx, self._vault))
        return [_shown(item, now) for item in found]

    async def watch(self, actor: Actor, named: str, url: str) -> None:
        """Have the list of an authority fetched every day, from this address alone; an empty one ends it.

        Args:
            named: fingerprint of the authority's certificate, as `shown` or `yizheng key anchors` show it.
        Raises: KeyRuleError for another address than http or https; MissingError for an unknown authority.
        """
        actor.require(Role.OPERATOR)
        if url:
            _check_url(url)

        def unit(tx: Connection) -> None:
            now = self._clock()
            known = {fingerprint(item): item for item in self._authorities(tx)}
            der = known.get(named.replace(" ", "").upper())
            if der is None:
                raise MissingError("authority")
            item = replace(self._of(tx, der, now), url=url)
            store.write_list(tx, self._vault, item, "crl.watched", actor=actor, log_key=self._log_key, now=now)

        await write_once(self._database, unit)  # lists of two authorities at once are counted one after the other

    async def fetch_due(self) -> int:
        """Fetch what is due; answers how many were asked for. Run with every round of housekeeping, in any process."""
        now = self._clock()
        found = await self._database.read(lambda tx: store.read_lists(tx, self._vault))
        due = [item for item in found if item.url and _is_due(item, now)]
        for item in due:
            # Noted first, so that no other process asks as well, and a crash is no reason to ask again at once.
            await self._database.write(lambda tx, item=item: store.note_try(tx, item.id, now=now, failed="asked"))  # type: ignore[misc]
            failed = await self._fetch(item)
            await self._database.write(lambda tx, item=item, failed=failed: store.note_try(tx, item.id, now=now, failed=failed))  # type: ignore[misc]  # noqa: E501  # fmt: skip
        return len(due)

    async def late(self) -> list[str]:
        """Authorities whose newest list is past its end, by fingerprint; for readiness."""
        now = self._clock()
        found = await self._database.read(lambda tx: store.read_lists(tx, self._vault))
        return [item.fingerprint for item in found if _is_late(item, now)]

    async def _fetch(self, item: AuthorityList) -> str:
        """Why it failed, or nothing."""
        try:
            outbound = Outbound(item.url, plain=True)  # a list proves itself, and says nothing of who asks
            data = await outbound.fetch(item.url, accept=_MEDIA, max_bytes=MAX_CRL_BYTES)
            await self._take(_WORKER, data)
        except (OutboundError, SigningError, KeyRuleError) as error:
            reason = str(getattr(error, "reason", "rule"))
            _log.warning("crl_not_fetched", authority=item.fingerprint, reason=reason)
            return reason
        return ""

    async def _take(self, actor: Actor, data: bytes) -> Taken:
        now = self._clock()
        authorities = await self._database.read(self._authorities)
        crl, authority = await asyncio.to_thread(_read_and_checked, data, authorities, now)
        taken = await write_once(self._database, lambda tx: self._unit(tx, actor, crl, authority))
        await self._database.read(self._desk.load)
        return taken

    def _unit(self, tx: Connection, actor: Actor, crl: Crl, authority: bytes) -> Taken:
        now = self._clock()
        if authority not in self._authorities(tx):
            raise ConflictError("trust_anchors")
        item = self._of(tx, authority, now)
        digest = sha256(crl.der).hex()
        shown = Taken(item.fingerprint, crl.number, crl.next_update, crl.count, new=False, stopped=())
        if digest == item.digest:
            return shown
        if item.digest and (item.this_update is None or crl.number <= int(item.number)):
            raise KeyRuleError(_NAME, f"its number is {crl.number}, and the hub has {item.number}")
        if item.this_update is not None and crl.this_update < item.this_update:
            raise KeyRuleError(_NAME, "it is older than the one that the hub has")
        if item.digest and crl.forgets(read_crl(store.read_crl_of(tx, item))):
            raise KeyRuleError(_NAME, "it is another part of its authority's list, and lacks what the hub has of it")
        newer = replace(
            item,
            digest=digest,
            number=str(crl.number),
            this_update=crl.this_update,
            next_update=crl.next_update,
        )
        store.write_list(tx, self._vault, newer, "crl.taken", crl=crl.der, actor=actor, log_key=self._log_key, now=now)
        return replace(shown, new=True, stopped=self._stop(tx, actor, crl, now))

    def _stop(self, tx: Connection, actor: Actor, crl: Crl, now: datetime) -> tuple[str, ...]:
        """Stop the keys in use whose certificate is on the list."""
        anchors = [item.certificate for item in read_anchors(tx, self._vault)]
        names = []
        for kid, (_, revocation) in sorted(revoked_keys(self._desk.book.all(tx), anchors, [crl.der]).items()):
            key = self._desk.book.find(tx, kid, for_update=True)
            if key.state is KeyState.ACTIVE:
                stopped = replace(key, state=KeyState.STOPPED)
                said = {
                    "serial": f"{revocation.serial:x}",
                    "since": rfc3339(revocation.since),
                    "why": revocation.reason,
                }
                self._desk.book.write(tx, stopped, "key.certificate_revoked", actor=actor, now=now, **said)
                names.append(key.slot.name)
        return tuple(names)

    def _authorities(self, tx: Connection) -> list[bytes]:
        """Roots that an operator named, trusted still; and what stands between them and our keys."""
        roots = [item.certificate for item in read_anchors(tx, self._vault) if item.trusted]
        between = [der for key in self._desk.book.all(tx) if key.authority is not None for der in key.chain[1:]]
        return list(dict.fromkeys([*roots, *between]))

    def _of(self, tx: Connection, authority: bytes, now: datetime) -> AuthorityList:
        named = fingerprint(authority)
        found = store.read_lists(tx, self._vault, for_update=True)
        fresh = AuthorityList(new_id(), named, authority, "", "", None, None, "", changed_at=now)
        return next((item for item in found if item.fingerprint == named), fresh)


def _read_and_checked(data: bytes, authorities: Sequence[bytes], now: datetime) -> tuple[Crl, bytes]:
    """A list and the known authority that signed it. The reason of one that has its name says most."""
    crl = read_crl(data)
    told: ChainError | None = None
    for der in authorities:
        try:
            check_crl(crl, der, now=now)
        except ChainError as error:
            told = error if error.reason != "crl_issuer" else told
            continue
        return crl, der
    raise told or KeyRuleError(_NAME, "no authority that this hub knows made it: `yizheng key trust` comes first")


def _check_url(url: str) -> None:
    try:
        Outbound(url, plain=True)
    except ValueError as error:
        raise KeyRuleError(_NAME, "a list is fetched by http or https") from error
    if len(url) > 500:
        raise KeyRuleError(_NAME, "an address of at most 500 characters")


def _is_late(item: AuthorityList, now: datetime) -> bool:
    return item.next_update is not None and now > item.next_update


def _is_due(item: AuthorityList, now: datetime) -> bool:
    if item.tried_at is None:
        return True
    hurry = item.failed or not item.digest or _is_late(item, now)
    return now - item.tried_at >= (AGAIN if hurry else FETCHED)


def _shown(item: AuthorityList, now: datetime) -> dict[str, Any]:
    return {
        "authority": item.fingerprint,
        "number": item.number or None,
        "this_update": rfc3339(item.this_update) if item.this_update else None,
        "next_update": rfc3339(item.next_update) if item.next_update else None,
        "late": _is_late(item, now),
        "url": item.url or None,
        "tried_at": rfc3339(item.tried_at) if item.tried_at else None,
        "failed": item.failed or None,
    }
