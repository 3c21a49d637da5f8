"""A holder binds a network ID to himself, signed in or by his card at a counter, sees what is bound, and releases it.

Bound is what the service says is his: it compares the digest of the number and name that sign-in or card gave with its
own. So nobody binds somebody else's, be it handed to him or stolen; what is bound to another person already is
refused, and both find it among what happened around them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row

from catalog.identifiers import normalise_name
from catalog.tables import table
from certificates.stores.holders import Subject
from hub.access.errors import SignInRefusedError
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.identities import store
from hub.citizens.identities.errors import BindingError
from hub.citizens.identities.finding import Finding
from hub.citizens.identities.service import NetworkIdService
from hub.citizens.identities.signing_in import HOW, TRIAL_HOW
from hub.citizens.identities.vouching import Vouched, Voucher
from hub.citizens.present import lock_holder
from hub.citizens.presentations import refuse_other
from hub.citizens.sessions import end_sessions
from hub.citizens.tables import HolderSessionRow
from hub.citizens.values import SHOWS, Holder, Identity, Level
from hub.clock import Clock
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import settled
from hub.ledger.spent import END
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.idempotency import write_once
from hub.storage.vault import DataKey, Vault

MOST: Final = 5
_NOBODY: Final = "unconfirmed"
_TRIAL: Final = frozenset({"trial", TRIAL_HOW})
_SESSIONS: Final = table(HolderSessionRow)


@dataclass(frozen=True, slots=True)
class Binder:
    """Who binds, as confirmed a moment ago. `said`: of how, for the ledger."""

    identity: Identity = field(repr=False)
    level: Level
    trial: bool
    said: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bound:
    """One of a holder's bindings, as he is told of it; the pseudonym is not here."""

    id: str
    live: bool
    level: Level
    bound_at: datetime
    ended_at: datetime | None
    trial: bool


class Bindings:
    """Use cases of a holder. Raises LevelError for one who is not signed in surely enough."""

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

    async def listed(self, holder: Holder) -> list[Bound]:
        """What is bound and what was, the newest first. Raises: IntegrityBrokenError."""
        holder.require(SHOWS)
        rows = await self._database.read(lambda tx: self._rows(tx, holder.id))
        return [
            Bound(row.id, row.state == store.LIVE, Level(row.level), row.bound_at, row.ended_at, row.trial)
            for row in rows
        ]

    async def bind(self, holder: Holder, voucher: Voucher) -> None:
        """Bind the network ID behind a voucher; one that is his already stays as it is.

        Raises: BindingError; ProviderError: the service does not answer; HolderSignInNeededError.
        """
        holder.require(SHOWS)
        binder = Binder(holder.identity, holder.level, holder.how in _TRIAL, {"session": holder.session_id})
        vouched, now = await self._vouched(binder, voucher), self._clock()

        def unit(tx: Connection) -> str:
            return self._bind(tx, binder, lock_holder(tx, holder.id), voucher, vouched, now)

        _or_raise(await write_once(self._database, unit))

    async def bind_by_card(self, binder: Binder, voucher: Voucher, use_up: Callable[[Connection], None]) -> None:
        """The same for whose card was just read, by whoever checked what the reader signed; `use_up` uses that up.

        Raises: BindingError, also `unconfirmed`: no record of ours confirms him; ProviderError; whatever `use_up` does.
        """
        vouched, now = await self._vouched(binder, voucher), self._clock()

        def unit(tx: Connection) -> str:
            use_up(tx)
            subject = self._finding.confirmed(tx, binder.identity, now)
            return self._bind(tx, binder, lock_holder(tx, subject.id), voucher, vouched, now) if subject else _NOBODY

        try:
            _or_raise(await write_once(self._database, unit))
        except HolderSignInNeededError as error:  # erased a moment ago
            raise BindingError(_NOBODY) from error

    async def release(self, holder: Holder, binding_id: str) -> None:
        """End one of his, and every other session that began by a network ID. Raises: MissingError."""
        holder.require(SHOWS)
        now = self._clock()

        def unit(tx: Connection) -> bool:
            subject = lock_holder(tx, holder.id)
            key = self._vault.data_key(subject.data_key, subject.kek_kid)
            row = next((each for each in self._rows(tx, holder.id) if each.id == binding_id), None)
            if row is None:
                return False
            if row.state == store.LIVE:
                draft = Draft(
                    kind="identity.released", detail={"binding": row.id, "session": holder.session_id}, key=key,
                    subject_id=subject.id, object_id=row.id, object_version=row.row_version + 1,
                )  # fmt: skip
                append(tx, [seal(draft, now=now)])
                store.release(tx, self._vault, row, draft.id, now)
                others = (_SESSIONS.c.subject_id == subject.id) & (_SESSIONS.c.id != holder.session_id)
                end_sessions(tx, self._vault, others & _SESSIONS.c.how.in_((HOW, TRIAL_HOW)), now)
            return True

        if not await self._database.write(unit):
            await refuse_other(self._database, self._log_key, holder, "identity", now)
            raise MissingError("identity")

    async def _vouched(self, binder: Binder, voucher: Voucher) -> Vouched:
        try:
            return await self._service.vouch(voucher, compare=binder.identity)
        except SignInRefusedError as error:
            raise BindingError("voucher") from error

    def _bind(
        self, tx: Connection, binder: Binder, subject: Subject, voucher: Voucher, vouched: Vouched, now: datetime
    ) -> str:
        """Empty, or why not: what is refused stays refused, with its voucher used up and its entry written."""
        key, once = self._vault.data_key(subject.data_key, subject.kek_kid), self._finding.once(voucher)
        if not self._finding.use(tx, voucher, vouched, now):
            return "voucher"
        if vouched.level < SHOWS:
            return "weak"
        if vouched.matches is not True or not _same(binder.identity, vouched):
            self._refused(tx, subject.id, key, "mismatch", now, once)
            return "mismatch"
        row = self._finding.bound(tx, vouched)
        if row is not None and row.subject_id != subject.id:
            self._refused(tx, subject.id, key, "elsewhere", now, once)
            self._refused(tx, row.subject_id, self._vault.data_key(row.data_key, row.kek_kid), "by_another", now)
            return "elsewhere"
        if row is not None:
            return ""
        if sum(each.state == store.LIVE for each in self._rows(tx, subject.id)) >= MOST:
            return "many"
        # Its id is that of its voucher's end: the entry by which it is bound is the one that uses the voucher up.
        binding_id, trial = once, vouched.trial or binder.trial
        draft = Draft(
            kind="identity.bound",
            detail={"binding": binding_id, "level": binder.level.name.lower(), "transaction": vouched.transaction,
                    "trial": trial, **binder.said},
            key=key, subject_id=subject.id, object_id=binding_id, object_version=END,
        )  # fmt: skip
        append(tx, [seal(draft, now=now)])
        values = {
            "id": binding_id, "subject_id": subject.id, "pseudonym_hash": self._finding.digest(vouched),
            "level": int(binder.level), "trial": trial,
            "content": self._finding.sealed(binding_id, subject, binder.identity), "state": store.LIVE,
            "bound_at": now, "ended_at": None, "row_version": 1, "ledger_entry_id": draft.id,
        }  # fmt: skip
        store.add(tx, self._vault, values)
        return ""

    def _rows(self, tx: Connection, subject_id: str) -> Sequence[Row[Any]]:
        return settled(lambda: store.of_holder(tx, self._vault, subject_id))

    def _refused(
        self, tx: Connection, subject_id: str, key: DataKey, reason: str, now: datetime, once: str | None = None
    ) -> None:
        """On the ledger; with `once`, so that the voucher is used up there."""
        draft = Draft(
            kind="identity.refused", detail={"reason": reason}, key=key, subject_id=subject_id, object_id=once,
            object_version=END if once else None,
        )  # fmt: skip
        append(tx, [seal(draft, now=now)])


def _or_raise(refused: str) -> None:
    if refused:
        raise BindingError(refused)


def _same(his: Identity, vouched: Vouched) -> bool:
    """Where the service also says who it is, that must be him."""
    said = vouched.identity
    return said is None or (said.id_number, normalise_name(said.name)) == (his.id_number, normalise_name(his.name))
