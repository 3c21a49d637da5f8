"""Acts that wait for a second person of the department 复核: asked for, confirmed, rejected, lapsed.

What waits is sealed, for it may hold the claims of a licence, and under a MAC: nobody who can write the database can
have a second person confirm something else than was asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from sqlalchemy import Connection, insert, select, update

from catalog.tables import table
from certificates.lifecycle.states import MAKING
from certificates.stores.version import VersionRecord
from certificates.tables import CertificateActRow
from hub.access.actors import Actor, Role
from hub.clock import new_id, rfc3339
from hub.issuing.transitions.acts import Act
from hub.issuing.transitions.performing import Hands, Hook, Performing, department_of, found
from hub.issuing.transitions.second_person import DECIDE, SameHand, SecondPerson
from hub.ledger.entries import Draft, append, seal
from hub.registry.requests.errors import ProposalOverError
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault
from signing.canonical import canonical, sha256, strict_loads

LIFE: Final = timedelta(days=14)
_ACTS: Final = table(CertificateActRow)
_WAITING: Final = "waiting"
_MAX_BYTES: Final = 65_536
First = Callable[[Connection], None]
_SEE: Final = (Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, Role.AUDITOR)


@dataclass(frozen=True, slots=True)
class WaitingAct:
    """As shown. `act` is there for people of the department only, who are to decide about it."""

    id: str
    operation: str
    identifier: str
    type_code: str
    asked_by: Mapping[str, str]
    state: str
    decided_by: Mapping[str, str]
    result: str
    created_at: datetime
    expires_at: datetime
    act: Act | None = None
    case_no: str = ""
    """The case that is granted when it is confirmed, for those who see what it says."""

    def as_json(self) -> dict[str, Any]:
        """Additive only."""
        shown = {
            "act": self.id,
            "operation": self.operation,
            "identifier": self.identifier or None,
            "type": self.type_code,
            "asked_by": dict(self.asked_by),
            "state": self.state,
            "decided_by": dict(self.decided_by) or None,
            "result": self.result or None,
            "created_at": rfc3339(self.created_at),
            "expires_at": rfc3339(self.expires_at),
        }
        shown |= {"case_no": self.case_no} if self.case_no else {}
        return shown if self.act is None else shown | {"content": self.act.as_json()}


class Concluding(Protocol):
    """Makes a licence together with the decision of the case that it comes of, both in one transaction."""

    async def __call__(
        self, link: Mapping[str, Any], act: Act, type_code: str, hands: Hands, actor: Actor, first: First, after: Hook
    ) -> VersionRecord:
        """`link` is what was sealed with the act; `first` and `after` are of that transaction."""
        ...


class WaitingActs:
    """Keeps acts that wait, and performs them when a second person says so."""

    def __init__(
        self, database: Database, *, vault: Vault, performing: Performing, log_key: DataKey, same_hand: SameHand
    ) -> None:
        self._database = database
        self._vault = vault
        self._performing = performing
        self._log_key = log_key
        self._second = SecondPerson(vault, same_hand)
        self.concluding: Concluding | None = None
        """Whoever decides cases; set when the hub is put together, since that stands above this."""

    def put(
        self,
        tx: Connection,
        actor: Actor,
        act: Act,
        *,
        owner: str,
        type_code: str,
        identifier: str,
        link: Mapping[str, Any] | None = None,
    ) -> str:
        """Have it wait; answers its id. `link`: the case that is granted with it, `case_id` and what else is sealed.

        Raises: NoSecondPersonError: it would wait for nobody.
        """
        self._second.require_one(tx, actor, owner)
        now, key, act_id = self._performing.now(), self._vault.new_data_key(), new_id()
        self._performing.check_days(act, now)  # at once, not when the second person has read it
        content = canonical(act.as_json() | ({"link": dict(link)} if link else {}))
        values: dict[str, Any] = {
            "id": act_id,
            "owner_department_id": owner,
            "type_code": type_code,
            "operation": act.operation.value,
            "identifier": identifier,
            "content": key.encrypt(_place(act_id), content),
            "data_key": key.wrapped,
            "kek_kid": key.kek_kid,
            "asked_by": actor.as_json(),
            "created_at": now,
            "expires_at": now + LIFE,
            "case_id": link["case_id"] if link else None,
        }
        mac = self._vault.row_mac(_meaning(values, content))
        tx.execute(insert(_ACTS).values(state=_WAITING, decided_by={}, result="", mac=mac, **values))
        self._record(tx, actor, "certificate.act.asked", act_id, 1, {"act": sha256(content).hex()}, now)
        return act_id

    async def view(self, actor: Actor, act_id: str) -> WaitingAct:
        """One of his department, with what it says. Raises: MissingError, ForbiddenError, IntegrityBrokenError."""

        def unit(tx: Connection) -> WaitingAct:
            row = self._row(tx, act_id)
            if actor.kind != "system":
                actor.require(*_SEE, owner=row.owner_department_id)
            elif actor.department_id != row.owner_department_id:
                raise MissingError("act")
            mine = actor.kind == "command" or actor.department_id == row.owner_department_id
            act, link = self._opened(row) if mine and row.state == _WAITING else (None, None)
            return replace(self._shown(row, act), case_no=str((link or {}).get("case_no", "")))

        return await self._database.read(unit)

    async def waiting(self, actor: Actor) -> list[WaitingAct]:
        """What waits in his department, the newest hundred; for the operator, in all. Raises: ForbiddenError."""
        actor.require(*_SEE)
        query = select(_ACTS).where(_ACTS.c.state == _WAITING).order_by(_ACTS.c.id.desc()).limit(100)
        if not actor.roles & {Role.OPERATOR, Role.AUDITOR}:
            query = query.where(_ACTS.c.owner_department_id == actor.department_id)
        rows = await self._database.read(lambda tx: tx.execute(query).all())
        return [shown for row in rows if (shown := self._shown(row, None)).state == _WAITING]

    async def confirm(self, actor: Actor, act_id: str) -> VersionRecord:
        """Perform it, as a second person; its own error leaves it waiting.

        Raises: SamePersonError, SameHandError, ProposalOverError, MissingError, ForbiddenError; what the act raises.
        """

        def opened(tx: Connection) -> tuple[Any, Act, Mapping[str, Any] | None]:
            row = self._open(tx, actor, act_id, second=True, lock=False)
            return row, *self._opened(row)

        row, act, link = await self._database.read(opened)
        hands = Hands(row.asked_by, actor.as_json())

        def over(tx: Connection, version: VersionRecord) -> None:
            self._end(tx, actor, act_id, "confirmed", version.identifier)

        if link is not None:
            if self.concluding is None:
                raise RuntimeError("nobody decides cases in this process")
            return await self.concluding(
                link, act, row.type_code, hands, actor, lambda tx: self._still_open(tx, actor, act_id), over
            )
        if act.operation in MAKING:
            issuer = await self._database.read(lambda tx: department_of(tx, row.owner_department_id))
            return await self._performing.make(
                act,
                hands,
                issued=self._performing.type_in_force(row.type_code),
                issuer=issuer,
                predecessor=row.identifier or act.predecessor,
                first=lambda tx: self._still_open(tx, actor, act_id),
                after=over,
            )

        def unit(tx: Connection) -> VersionRecord:
            self._still_open(tx, actor, act_id)
            done = self._performing.change(tx, found(tx, row.identifier, lock=True), act, hands)
            over(tx, done)
            return done

        return await self._database.write(unit)

    async def reject(self, actor: Actor, act_id: str, reason: str) -> WaitingAct:
        """Let it not be done, or take back one's own. Raises: ProposalOverError, MissingError, ForbiddenError."""

        def unit(tx: Connection) -> WaitingAct:
            self._open(tx, actor, act_id, second=False)
            self._end(tx, actor, act_id, "rejected", "", reason=reason)
            return self._shown(self._row(tx, act_id), None)

        return await self._database.write(unit)

    def for_case(self, tx: Connection, case_id: str) -> str | None:
        """The id of the act that waits and grants this case."""
        waits = (_ACTS.c.case_id == case_id, _ACTS.c.state == _WAITING, _ACTS.c.expires_at > self._performing.now())
        return tx.execute(select(_ACTS.c.id).where(*waits).limit(1)).scalar()

    async def sweep(self) -> int:
        """Forget what lapsed acts say, which may be the claims of a licence that never was; answers how many."""
        ended = (_ACTS.c.state == _WAITING, _ACTS.c.expires_at <= self._performing.now())
        forget = update(_ACTS).where(*ended).values(state="expired", content=b"")
        return await self._database.write(lambda tx: int(tx.execute(forget).rowcount))

    def _still_open(self, tx: Connection, actor: Actor, act_id: str) -> None:
        self._open(tx, actor, act_id, second=True)

    def _open(self, tx: Connection, actor: Actor, act_id: str, *, second: bool, lock: bool = True) -> Any:
        row = self._row(tx, act_id, lock=lock)
        own = dict(row.asked_by) == actor.as_json()
        if second or not own:
            actor.require(*DECIDE, owner=row.owner_department_id)
        state = self._shown(row, None).state
        if state != _WAITING:
            raise ProposalOverError(state)
        if second:
            self._second.check(tx, row.asked_by, actor)
        return row

    def _end(self, tx: Connection, actor: Actor, act_id: str, state: str, result: str, *, reason: str = "") -> None:
        now = self._performing.now()
        # What was sealed for the second person has been read; a licence's claims live with the licence alone.
        values = {"state": state, "decided_by": actor.as_json(), "decided_at": now, "result": result, "content": b""}
        tx.execute(update(_ACTS).where(_ACTS.c.id == act_id).values(**values))
        detail = {"result": result} | ({"reason": reason} if reason else {})
        self._record(tx, actor, f"certificate.act.{state}", act_id, 2, detail, now)

    def _row(self, tx: Connection, act_id: str, *, lock: bool = False) -> Any:
        query = select(_ACTS).where(_ACTS.c.id == act_id)
        row = tx.execute(query.with_for_update() if lock else query).one_or_none()
        if row is None:
            raise MissingError("act")
        return row

    def _opened(self, row: Any) -> tuple[Act, Mapping[str, Any] | None]:
        content = self._vault.data_key(row.data_key, row.kek_kid).decrypt(_place(row.id), row.content)
        self._vault.check_row_mac(_meaning(row._mapping, content), row.mac, where="certificate_acts")  # noqa: SLF001
        read = strict_loads(content, max_bytes=_MAX_BYTES)
        return Act.read(read), read.get("link")

    def _shown(self, row: Any, act: Act | None) -> WaitingAct:
        lapsed = row.state == _WAITING and self._performing.now() >= row.expires_at
        return WaitingAct(
            id=row.id,
            operation=row.operation,
            identifier=row.identifier,
            type_code=row.type_code,
            asked_by=row.asked_by,
            state="expired" if lapsed else row.state,
            decided_by=row.decided_by,
            result=row.result,
            created_at=row.created_at,
            expires_at=row.expires_at,
            act=act,
        )

    def _record(
        self, tx: Connection, actor: Actor, kind: str, act_id: str, version: int, detail: dict[str, Any], now: datetime
    ) -> None:
        content = {"actor": actor.as_json(), **detail}
        draft = Draft(kind=kind, detail=content, key=self._log_key, object_id=act_id, object_version=version)
        append(tx, [seal(draft, now=now)])


def _place(act_id: str) -> str:
    return f"certificate_acts:{act_id}:content"


def _meaning(row: Mapping[str, Any], content: bytes) -> bytes:
    names = ("id", "owner_department_id", "type_code", "operation", "identifier", "asked_by")
    return b"act\x1f" + canonical({name: row[name] for name in names} | {"content": sha256(content).hex()})
