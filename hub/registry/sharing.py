"""Access by request, put together: requests, disputes, notices, and the changes that take two operators."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection

from catalog.calendar import read_year
from catalog.clocks import read_rules
from certificates.definitions.loading import load_type
from hub.access import staff_reading as reading
from hub.access.actors import Actor, Role
from hub.access.staff import StaffService
from hub.access.staff_by_two import StaffByTwo
from hub.access.staff_two import same_hand
from hub.clock import Clock
from hub.issuing.keys.compromise import COMPROMISED, RESUME, Declared, KeyEmergency
from hub.issuing.renditions.face_templates import TEMPLATE, FaceTemplates
from hub.issuing.types.halts import HaltService
from hub.issuing.types.service import TypeService, check_description
from hub.ledger.erasure import ERASE, ErasureService
from hub.registry.clocks import ClockService
from hub.registry.demands.service import DemandService
from hub.registry.departments.service import DepartmentService
from hub.registry.departments.succession import read_hand_over, read_merger
from hub.registry.desks import SYSTEM_DESK, desk_action
from hub.registry.matters.drafts import checked
from hub.registry.matters.publishing import PUBLISH, publish_action
from hub.registry.notices import NoticeService
from hub.registry.proposal import Action
from hub.registry.reading import text
from hub.registry.requests.disputes import DisputeService, check_decision
from hub.registry.requests.reminders import Reminders
from hub.registry.requests.service import GrantRequestService
from hub.registry.service import RegistryService
from hub.registry.two_person import Proposals
from hub.storage.database import Database
from hub.storage.vault import DataKey, Vault
from hub.verification.peers import ACCEPT, PeerService

MERGE: Final = "department.merge"
HAND_OVER: Final = "department.hand_over"
DEPARTMENT: Final = "department.add"
SYSTEM: Final = "system.add"
MATTER: Final = "matter.add"
TYPE: Final = "type.add"
TYPE_LIFT: Final = "type.resume"
TYPE_END: Final = "type.retire"
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
    erasure: ErasureService,
    emergency: KeyEmergency,
    peers: PeerService,
    templates: FaceTemplates,
    halts: HaltService,
    more: Mapping[str, Action],
    vault: Vault,
    log_key: DataKey,
    clock: Clock,
) -> Sharing:
    """The services over one registry; `more` are changes by two persons that other areas make."""
    clocks = ClockService(vault)
    requests = GrantRequestService(database, grants=registry.grants, clocks=clocks, log_key=log_key, clock=clock)
    disputes = DisputeService(database, answering=requests.answering, clocks=clocks, log_key=log_key, clock=clock)
    actions = _catalogue_actions(registry) | _succession_actions(departments) | _type_actions(registry.typing)
    actions |= _clock_actions(clocks, (requests.recount, disputes.recount, demands.recount))
    actions |= {DISPUTE: Action(check_decision, disputes.decide)} | _staff_actions(StaffByTwo(staff.accounts))
    actions |= _face_actions(templates, registry.typing) | _halt_actions(halts)
    actions |= {SYSTEM_DESK: desk_action(log_key), **more}
    actions |= {ERASE: Action(erasure.check, erasure.erase_by_two)}
    actions |= {COMPROMISED: Action(Declared.read, emergency.declare, emergency.stop)}
    actions |= {RESUME: Action(emergency.check_named, emergency.resume)}
    actions |= {ACCEPT: Action(peers.check, peers.accept, try_out=peers.try_out)}
    hand = partial(same_hand, vault)
    return Sharing(
        clocks=clocks,
        requests=requests,
        disputes=disputes,
        proposals=Proposals(database, vault=vault, log_key=log_key, clock=clock, actions=actions, same_hand=hand),
        notices=NoticeService(database, clock=clock),
        reminders=Reminders(database, answering=requests.answering, clock=clock),
    )


def _staff_actions(staff: StaffByTwo) -> dict[str, Action]:
    """The result names the account; whoever confirms draws its link with `StaffService.invite`."""

    def add(tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        return {"staff": staff.add(tx, payload, by, now).id}

    def roles(tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        more = reading.roles(payload.get("roles", [Role.OPERATOR]))
        return {"staff": staff.raise_roles(tx, payload["staff"], more, by, now).id}

    def invite(tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        return {"staff": staff.invite(tx, payload["staff"], by, now).id}

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

    def matter(tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        return {"matter": registry.put_matter(tx, payload, now, by)}

    return {
        DEPARTMENT: Action(lambda payload: text(payload, "code"), department),
        SYSTEM: Action(lambda payload: text(payload, "client_id"), system),
        MATTER: Action(checked, matter, try_out=registry.matters.try_out),
        PUBLISH: publish_action(registry.put_matter, registry.matters.try_out),
    }


def _type_actions(typing: TypeService) -> dict[str, Action]:
    def add(tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        made = typing.put(tx, payload["definition"], by, now)
        return {"type": made.code, "version": made.version}

    def retire(tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        told = {"reason": text(payload, "reason"), "legal_basis": text(payload, "legal_basis")}
        return {"type": typing.put_end(tx, text(payload, "code"), told, by, now).code}

    return {
        TYPE: Action(
            lambda payload: check_description(payload.get("definition")),
            add,
            owner=lambda tx, payload: typing.owner_of(tx, load_type(payload["definition"]).code),
            after=typing.reload,
        ),
        TYPE_END: Action(
            lambda payload: [text(payload, name) for name in ("code", "reason", "legal_basis")],
            retire,
            owner=lambda tx, payload: typing.owner_of(tx, text(payload, "code")),
            after=typing.reload,
        ),
    }


def _halt_actions(halts: HaltService) -> dict[str, Action]:
    return {TYPE_LIFT: Action(halts.check_lift, halts.lift, owner=halts.owner_of)}


def _face_actions(templates: FaceTemplates, typing: TypeService) -> dict[str, Action]:
    return {
        TEMPLATE: Action(
            templates.check,
            templates.take_in,
            owner=lambda tx, payload: typing.owner_of(tx, templates.code_of(payload)),
            try_out=templates.try_out,
        )
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
