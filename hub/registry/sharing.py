"""Access by request, put together: requests, disputes, notices, and the changes that take two operators."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog.calendar import read_year
from catalog.clocks import read_rules
from catalog.matters import read_matter
from hub.access import staff_reading as reading
from hub.access.actors import Actor, Role
from hub.access.staff import StaffService
from hub.access.staff_two import same_hand
from hub.clock import Clock
from hub.registry.clocks import ClockService
from hub.registry.demands import DemandService
from hub.registry.departments import DepartmentService
from hub.registry.notices import NoticeService
from hub.registry.reading import text
from hub.registry.requests import GrantRequestService
from hub.registry.requests_disputes import DisputeService, check_decision
from hub.registry.requests_reminders import Reminders
from hub.registry.service import RegistryService
from hub.registry.succession import read_hand_over, read_merger
from hub.registry.two_person import Action, Proposals
from hub.storage.database import Database
from hub.storage.vault import DataKey, Vault

MERGE: Final = "department.merge"
HAND_OVER: Final = "department.hand_over"
DEPARTMENT: Final = "department.add"
SYSTEM: Final = "system.add"
MATTER: Final = "matter.add"
CALENDAR: Final = "clock.calendar"
RULES: Final = "clock.rules"
DISPUTE: Final = "dispute.decide"
STAFF_ADD: Final = "staff.add"
STAFF_ROLES: Final = "staff.roles"
STAFF_INVITE: Final = "staff.invite"
STAFF_OPERATOR: Final = "staff.operator"
_Recount = Callable[[Connection, int, datetime], int]
"""`(tx, year, now)`: counts the running clocks of one kind again, answers how many there were."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """The services of asking for access and deciding it."""

    clocks: ClockService
    requests: GrantRequestService
    disputes: DisputeService
    proposals: Proposals
    notices: NoticeService
    reminders: Reminders


def assemble_sharing(
    database: Database,
    *,
    registry: RegistryService,
    departments: DepartmentService,
    demands: DemandService,
    staff: StaffService,
    vault: Vault,
    log_key: DataKey,
    clock: Clock,
) -> Sharing:
    """The services over one registry."""
    clocks = ClockService(vault)
    requests = GrantRequestService(database, grants=registry.grants, clocks=clocks, log_key=log_key, clock=clock)
    disputes = DisputeService(database, answering=requests.answering, clocks=clocks, log_key=log_key, clock=clock)
    actions = _catalogue_actions(registry) | _succession_actions(departments)
    actions |= _clock_actions(clocks, (requests.recount, disputes.recount, demands.recount))
    actions |= {DISPUTE: Action(check_decision, disputes.decide)} | _staff_actions(staff)
    return Sharing(
        clocks=clocks,
        requests=requests,
        disputes=disputes,
        proposals=Proposals(database, vault=vault, log_key=log_key, clock=clock, actions=actions, same_hand=same_hand),
        notices=NoticeService(database, clock=clock),
        reminders=Reminders(database, answering=requests.answering, clock=clock),
    )


def _staff_actions(staff: StaffService) -> dict[str, Action]:
    """The result names the account; whoever confirms draws its link with `StaffService.invite`."""

    def add(tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        return {"staff": staff.add_by_two(tx, payload, by, now).id}

    def roles(tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        more = reading.roles(payload.get("roles", [Role.OPERATOR]))
        return {"staff": staff.raise_by_two(tx, payload["staff"], more, by, now).id}

    def invite(tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        return {"staff": staff.invite_by_two(tx, payload["staff"], by, now).id}

    def tell(tx: Connection, payload: dict[str, Any], now: datetime) -> None:
        staff.tell_of_invitation(tx, payload["staff"], now)

    return {
        STAFF_ADD: Action(reading.check_account, add),
        STAFF_ROLES: Action(reading.check_raise, roles),
        STAFF_INVITE: Action(reading.check_named, invite, tell),
        STAFF_OPERATOR: Action(reading.check_named, roles),
    }


def _catalogue_actions(registry: RegistryService) -> dict[str, Action]:
    def department(tx: Connection, payload: dict[str, Any], _by: Actor, now: datetime) -> dict[str, Any]:
        return {"department": registry.put_department(tx, payload, now)}

    def system(tx: Connection, payload: dict[str, Any], _by: Actor, now: datetime) -> dict[str, Any]:
        return {"system": registry.put_system(tx, payload, now)}

    def matter(tx: Connection, payload: dict[str, Any], _by: Actor, now: datetime) -> dict[str, Any]:
        return {"matter": registry.put_matter(tx, payload, now)}

    return {
        DEPARTMENT: Action(lambda payload: text(payload, "code"), department),
        SYSTEM: Action(lambda payload: text(payload, "client_id"), system),
        MATTER: Action(read_matter, matter),
    }


def _succession_actions(departments: DepartmentService) -> dict[str, Action]:
    def merge(tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        return departments.succeed(tx, read_merger(payload), by, now)

    def hand_over(tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        return departments.succeed(tx, read_hand_over(payload), by, now)

    return {MERGE: Action(read_merger, merge), HAND_OVER: Action(read_hand_over, hand_over)}


def _clock_actions(clocks: ClockService, recounts: Sequence[_Recount]) -> dict[str, Action]:
    def calendar(tx: Connection, payload: Mapping[str, Any], _by: Actor, now: datetime) -> dict[str, Any]:
        year = clocks.set_calendar(tx, payload, now)
        return {"year": year.year, "recounted": sum(recount(tx, year.year, now) for recount in recounts)}

    def rules(tx: Connection, payload: Mapping[str, Any], _by: Actor, now: datetime) -> dict[str, Any]:
        return {"in_force_from": clocks.set_rules(tx, payload, now).in_force_from.isoformat()}

    return {CALENDAR: Action(read_year, calendar), RULES: Action(read_rules, rules)}
