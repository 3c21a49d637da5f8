"""One act for a list of certificates: each row for itself, so that a bad one stops nothing; killed, it goes on.

What became of a row is committed with the change itself: a job that runs again goes on behind the last one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection

from certificates.errors import ActError, CertificateError, TransitionError
from certificates.lifecycle.rules import By
from certificates.lifecycle.states import MAKING
from hub.access.actors import Actor, Role
from hub.clock import new_id
from hub.intake.errors import IdempotencyError
from hub.issuing.status.service import UnknownCertificateError
from hub.issuing.transitions import list_store as store
from hub.issuing.transitions.acts import Act
from hub.issuing.transitions.list_store import ActList
from hub.issuing.transitions.performing import Hands, Performing, capacity, found
from hub.issuing.transitions.second_person import DECIDE, SameHand, SecondPerson
from hub.issuing.transitions.writing import Changed, told
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import latest_changes
from hub.registry.errors import StateError
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.idempotency import RequestKey, find_effect, record_effect, write_once
from hub.storage.jobs import enqueue
from hub.storage.vault import DataKey, Vault

__all__ = ["RUN_LIST", "ActList", "ActLists"]
RUN_LIST: Final = "certificate.act_list"
MOST: Final = 1_000_000
_ROWS: Final = 50
"""A transaction. SQLite has one writer, and rows stay locked until its end."""
_NEWEST: Final = 50
_ASKED: Final = 1
"""The first entry of a list on the ledger; the next ones are that it was confirmed, and that it is finished."""


class ActLists:
    """Takes lists, has them confirmed where a type of theirs wants it, works them off."""

    def __init__(
        self, database: Database, *, vault: Vault, performing: Performing, log_key: DataKey, same_hand: SameHand
    ) -> None:
        self._database = database
        self._vault = vault
        self._performing = performing
        self._log_key = log_key
        self._second = SecondPerson(vault, same_hand)

    async def put(
        self, actor: Actor, act: Act, identifiers: Sequence[str], *, request: RequestKey | None = None
    ) -> ActList:
        """Take a list; it is worked off at once, or when a second person has confirmed it.

        Raises: ActError: an act that makes versions, no rows, too many, of several departments that each want a second
        person; NoSecondPersonError: a type wants one, and the department has none; ForbiddenError; IdempotencyError.
        """
        by = capacity(actor, act, actor.department_id or "", two_persons=False)
        # An issuer's list is of his own department, whatever other role he has; the command line is every department's.
        owner = None if by is By.OPERATOR or actor.kind == "command" else actor.department_id
        if act.operation in MAKING:
            raise ActError("operation", "not_for_lists")
        act.check(by, of_version=True)
        rows = list(dict.fromkeys(identifiers))
        if not 0 < len(rows) <= MOST:
            raise ActError("identifiers", "none" if not rows else "too_many")

        def unit(tx: Connection) -> ActList:
            now = self._performing.now()
            if request is not None and (known := find_effect(tx, request, now=now)) is not None:
                if not known[1]:
                    raise IdempotencyError
                return store.view_of(tx, known[0])
            made = self._put(tx, actor, act, by, owner, rows)
            if request is not None:
                record_effect(tx, request, made.id, now=now)
            return made

        return await write_once(self._database, unit)

    async def confirm(self, actor: Actor, list_id: str) -> ActList:
        """Have it worked off, as a second person of the department.

        Raises: SamePersonError, SameHandError, StateError, MissingError, ForbiddenError, IntegrityBrokenError.
        """

        def unit(tx: Connection) -> ActList:
            row = store.list_row(tx, list_id, lock=True)
            actor.require(*DECIDE, owner=row.owner_department_id)
            if row.state != "unconfirmed":
                raise StateError(row.state, "confirm")
            self._second.check(tx, row.asked_by, actor)
            self._believed(tx, row)
            values = {"act": dict(row.act) | {"second": actor.as_json()}}
            mac = self._mac(dict(row._mapping) | values, store.digest_of(tx, list_id))  # noqa: SLF001  # public name
            store.change_list(tx, list_id, mac=mac, state="queued", **values)
            self._record(tx, actor.as_json(), "certificate.act_list.confirmed", list_id, _ASKED + 1, {})
            enqueue(tx, RUN_LIST, {"list": list_id}, now=self._performing.now())
            return store.view_of(tx, list_id)

        return await self._database.write(unit)

    async def view(self, actor: Actor, list_id: str) -> ActList:
        """One of his. Raises: MissingError."""
        return await self._database.read(lambda tx: self._seen(tx, actor, list_id))

    async def newest(self, actor: Actor) -> list[ActList]:
        """The newest fifty of his department; for operators and auditors, of all. Raises: ForbiddenError."""
        actor.require(Role.OWNER_ENGINEER, Role.OWNER_APPROVER, Role.OPERATOR, Role.AUDITOR)
        everything = bool(actor.roles & {Role.OPERATOR, Role.AUDITOR})
        of = None if everything else actor.department_id or ""
        return await self._database.read(lambda tx: store.newest_lists(tx, of, most=_NEWEST))

    async def report(self, actor: Actor, list_id: str, *, after: int = 0) -> list[dict[str, Any]]:
        """The next thousand rows behind number `after`, in order. Raises: MissingError."""

        def unit(tx: Connection) -> list[dict[str, Any]]:
            self._seen(tx, actor, list_id)
            return store.items_after(tx, list_id, after)

        return await self._database.read(unit)

    async def run(self, job: Mapping[str, Any]) -> None:
        """Work a list off. A job's handler: run again it goes on where it stopped.

        Raises: IntegrityBrokenError when the list is not the one that was asked for; StorageError.
        """
        list_id = str(job["list"])

        row = await self._database.read(lambda tx: self._believed(tx, store.list_row(tx, list_id)))
        if row.state not in {"queued", "running"}:
            return
        act = Act.read(row.act)
        while await self._database.write(lambda tx: self._some(tx, row, act)):
            pass

    def _put(self, tx: Connection, actor: Actor, act: Act, by: By, owner: str | None, rows: Sequence[str]) -> ActList:
        now, list_id = self._performing.now(), new_id()
        deciding = self._wanting_two(tx, rows) if by is By.ISSUER else set()
        if owner is None and deciding:
            if len(deciding) > 1:
                raise ActError("identifiers", "of_several_departments")  # whose second person would confirm it?
            owner = next(iter(deciding))
        if deciding:
            assert owner is not None  # noqa: S101  # an issuer's list has one, and so has what one department decides
            self._second.require_one(tx, actor, owner)
        values: dict[str, Any] = {
            "id": list_id,
            "owner_department_id": owner,
            "act": act.as_json() | {"by": by.value},
            "asked_by": actor.as_json(),
            "total": len(rows),
        }
        digest = store.digest_over(rows)
        more = {"state": "unconfirmed" if deciding else "queued", "mac": self._mac(values, digest), "created_at": now}
        store.add_list(tx, rows, values | more)
        detail = {"operation": act.operation.value, "total": len(rows), "rows": digest.hex()}
        self._record(tx, actor.as_json(), "certificate.act_list.asked", list_id, _ASKED, detail)
        if not deciding:
            enqueue(tx, RUN_LIST, {"list": list_id}, now=now)
        return store.view_of(tx, list_id)

    def _wanting_two(self, tx: Connection, identifiers: Sequence[str]) -> set[str]:
        """The departments of rows whose type wants a second person."""
        found = store.types_and_owners(tx, identifiers)
        return {owner for code, owner in found if self._performing.two_persons(code)}

    def _some(self, tx: Connection, row: Any, act: Act) -> bool:
        """The next rows, with what becomes of each; False: there are none, and the list is over."""
        current = store.list_row(tx, row.id, lock=True)  # of two workers each waits for the other
        if current.state not in {"queued", "running"}:
            return False
        items = store.waiting_items(tx, row.id, _ROWS)
        now = self._performing.now()
        changes: list[Changed] = []
        for item in items:
            store.end_item(tx, row.id, item.number, self._one(tx, row, act, item.identifier, changes))
        told(tx, changes, now=now)
        state = {"state": "running"} if items else {"state": "finished", "ended_at": now}
        store.change_list(tx, row.id, **state)
        if not items:
            step = _ASKED + 1 + bool(row.act.get("second"))
            self._record(tx, row.asked_by, "certificate.act_list.finished", row.id, step, store.counts_of(tx, row.id))
        return bool(items)

    def _one(self, tx: Connection, row: Any, act: Act, identifier: str, changes: list[Changed]) -> str:
        """Why it is refused, or nothing. Every check comes before the first write, so the transaction stays clean."""
        try:
            version = found(tx, identifier, lock=True)
            if row.owner_department_id not in {None, version.owner_department_id}:
                return "unknown"
            hands = Hands(row.asked_by, row.act.get("second"))
            if row.act["by"] == By.ISSUER and not hands.second and self._performing.two_persons(version.type_code):
                return "second_person_needed"
            changes.append(self._performing.changed(tx, version, act, hands))
        except UnknownCertificateError:
            return "unknown"
        except TransitionError as error:
            return f"state_{error.status}"
        except ActError as error:
            return f"{error.where}_{error.rule}"[:64]
        except CertificateError as error:
            return type(error).__name__[:64]
        except IntegrityBrokenError:
            return "integrity"  # an alarm of its own: readiness and every look at the certificate say so
        return ""

    def _believed(self, tx: Connection, row: Any) -> Any:
        """The row, if it is what was asked for. Raises: IntegrityBrokenError."""
        meaning = store.meaning_of(row._mapping, store.digest_of(tx, row.id))  # noqa: SLF001  # public name
        self._vault.check_row_mac(meaning, row.mac, where="certificate_act_lists")
        # Asked for, confirmed, finished: a list that is over and was put back is not worked off again.
        steps = _ASKED + bool(row.act.get("second")) + (row.state == "finished")
        if latest_changes(tx, [row.id]).get(row.id, ("", 0))[1] != steps:
            raise IntegrityBrokenError("certificate_act_lists")
        return row

    def _seen(self, tx: Connection, actor: Actor, list_id: str) -> ActList:
        row = store.list_row(tx, list_id)
        everything = bool(actor.roles & {Role.OPERATOR, Role.AUDITOR})
        if not everything and (row.owner_department_id is None or actor.department_id != row.owner_department_id):
            raise MissingError("list")
        return store.view_of(tx, list_id)

    def _mac(self, row: Mapping[str, Any], digest: bytes) -> bytes:
        return self._vault.row_mac(store.meaning_of(row, digest))

    def _record(
        self, tx: Connection, actor: Mapping[str, str], kind: str, list_id: str, step: int, detail: Mapping[str, Any]
    ) -> None:
        content = {"actor": dict(actor), "list": list_id, **detail}
        draft = Draft(kind=kind, detail=content, key=self._log_key, object_id=list_id, object_version=step)
        append(tx, [seal(draft, now=self._performing.now())])
