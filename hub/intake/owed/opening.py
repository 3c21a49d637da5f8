"""Opening debts: in the transaction that tells a case that a source failed, so that none is told and not owed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from catalog.clocks import Limit
from catalog.interface_store import answering_interface
from catalog.matters.values import Requirement
from catalog.source_store import find_source
from catalog.store import find_department
from hub.access.actors import Role
from hub.access.service import Caller
from hub.clock import new_id, rfc3339
from hub.intake.calls import Claimed, EvidenceCall
from hub.intake.compose import Item
from hub.intake.owed import store
from hub.intake.owed.store import OPEN, Debt
from hub.intake.resolver import Failed
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.registry.clocks import ClockService, started
from hub.registry.notices import notify
from hub.storage.jobs import enqueue
from hub.storage.vault import Vault

COLLECT: Final = "debt.collect"
"""The kind of job that asks again."""
REMIND: Final = "debt.remind"
"""The kind of job that tells of a debt that is nearly, or quite, overdue."""
FIRST_PAUSE: Final = timedelta(minutes=1)
_NEAR: Final = 2
"""Working days before the end at which the department is reminded."""


@dataclass(frozen=True, slots=True)
class _Debtor:
    """Who owes, and whose turns are taken when it is asked again."""

    code: str | None
    department_id: str | None
    source_code: str
    about: tuple[str, str] | None
    """The source as a notice names it."""


class Opening:
    """Opens debts, each once."""

    def __init__(self, *, vault: Vault, types: TypeRegistry) -> None:
        self._vault = vault
        self._types = types
        self._clocks = ClockService(vault)

    def owe(
        self, tx: Connection, caller: Caller, call: EvidenceCall, claimed: Claimed, items: Sequence[Item], now: datetime
    ) -> dict[tuple[str, str], dict[str, Any]]:
        """What the answer says, by requirement and party, of what is owed; what is owed already
        is told again and not anew.
        """
        found = {}
        for item in sorted(items, key=lambda item: asked_of(item.resolution.requirement)):
            debt = self._debt(tx, caller, call, claimed, item, now)
            found[debt.code, debt.party] = {
                "department": debt.department,
                "cause": debt.cause,
                "due_at": rfc3339(debt.due_at),
                "owed_clock": debt.owed_clock,
            }
        return found

    def _debt(
        self, tx: Connection, caller: Caller, call: EvidenceCall, claimed: Claimed, item: Item, now: datetime
    ) -> Debt:
        resolution, case = item.resolution, claimed.case
        requirement = resolution.requirement
        standing = f"{case.id}:{requirement.code}:{requirement.party}"
        known = store.standing_debt(tx, standing)
        if known is not None:
            return known
        clocks = self._clocks.in_force(tx)
        running = started(clocks, Limit.SUPPLY_DEBT, filed_at=now, now=now)
        debtor = self._debtor(tx, resolution.failed or Failed(None, ""), now)
        debt_id, entry_id, next_try_at = new_id(), new_id(), now + FIRST_PAUSE
        told = {"code": requirement.code, "party": requirement.party, "cause": resolution.why.code}
        row = told | {
            "id": debt_id,
            "case_id": case.id,
            "system_id": caller.system_id,
            "owner_department_id": debtor.department_id,
            "source_code": debtor.source_code,
            "owed_clock": claimed.matter.owed_clock,
            "purpose": call.purpose,
            "language": call.language,
            "kid": caller.kid,
            "request_hash": call.request_hash,
            "state": OPEN,
            "standing": standing,
            "clock": running.clock.as_json(),
            "opened_at": now,
            "due_at": running.due_at,
            "next_try_at": next_try_at,
            "attempts": 0,
            "ledger_entry_id": entry_id,
        }
        if store.add_debt(tx, row):
            detail = told | {
                "case_no": case.case_no,
                "debt": debt_id,
                "department": debtor.code,
                "request_id": claimed.request_id,
                "due_at": rfc3339(running.due_at),
            }
            key = self._vault.data_key(case.data_key, case.kek_kid)
            draft = Draft(kind="debt.open", detail=detail, key=key, case_id=case.id, id=entry_id)
            append(tx, [seal(draft, now=now)])
            self._tell(tx, debtor, debt_id, now)
            enqueue(tx, COLLECT, {"debt": debt_id, "attempt": 0}, now=now, due=next_try_at)
            near = clocks.calendar.before(running.due_at, _NEAR)
            for stage, at in (("near", near), ("over", running.due_at)):
                enqueue(tx, REMIND, {"debt": debt_id, "stage": stage}, now=now, due=at)
        debt = store.standing_debt(tx, standing)
        assert debt is not None  # noqa: S101  # written above, or by whom we waited for
        return debt

    def _debtor(self, tx: Connection, failed: Failed, now: datetime) -> _Debtor:
        department = find_department(tx, failed.department) if failed.department else None
        known = self._types.current().get(failed.type_code)
        rule = known.type.source if known else None
        code = failed.interface or (rule.interface if rule else "")
        interface = answering_interface(tx, code, now=now) if code and department else None
        source = find_source(tx, interface.interface.source) if interface else None
        return _Debtor(
            code=department.code if department else None,
            department_id=department.id if department else None,
            source_code=source.definition.code if source else failed.type_code or failed.interface,
            about=("source", source.id) if source else None,
        )

    def _tell(self, tx: Connection, debtor: _Debtor, debt_id: str, now: datetime) -> None:
        """One notice a day of a source, however many cases wait for it."""
        notify(
            tx,
            "debt.open",
            department_id=debtor.department_id,
            role=Role.OWNER_ENGINEER if debtor.department_id else Role.OPERATOR,
            about=debtor.about or ("debt", debt_id),
            now=now,
            once=now.date().isoformat(),
        )


def asked_of(requirement: Requirement) -> tuple[str, str]:
    """What names a requirement among those of a case: its code, and the party."""
    return requirement.code, requirement.party


def answer_for(items: Sequence[Item], code: str, party: str) -> Item:
    """The answer that one asked for: of that party, or what the hub says where nobody is that party any more."""
    mine = [item for item in items if item.resolution.requirement.code == code]
    return next((item for item in mine if item.resolution.requirement.party == party), mine[0])


def owed_of(given: Mapping[tuple[str, str], Mapping[str, Any]], requirement: Requirement) -> dict[str, Any]:
    """The member of an item that says what is owed; empty where nothing is."""
    named = asked_of(requirement)
    return {"owed": dict(given[named])} if named in given else {}
