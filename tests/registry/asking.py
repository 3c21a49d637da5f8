"""Staff of two departments, an interface of one of them, and what the other asks for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.calendar import SHANGHAI
from catalog.interface_store import add_interface
from catalog.source_store import add_source
from catalog.store import find_department
from hub.access.actors import Actor, Role
from hub.clock import new_id, utc_now
from hub.registry.guarding import guard_interface, guard_source
from hub.runtime import Hub
from signing.keys import SoftwareSigner
from tests.support import AMR, POLICE, valid_uscc

CIVIL = valid_uscc("11990000MB0000004")
COUNTER = "civil-counter"
SUBSIDY = "SUBSIDY"


def _start() -> datetime:
    """The first Monday of next March, nine o'clock: after every test's hub was founded, and no holiday for weeks."""
    march = datetime(utc_now().year + 1, 3, 1, 9, 0, tzinfo=SHANGHAI)
    return (march + timedelta(days=-march.weekday() % 7)).astimezone(UTC)


START = _start()


@dataclass
class Hands:
    """A clock that stands until it is moved."""

    now: datetime = field(default=START)

    def __call__(self) -> datetime:
        return self.now

    def to(self, days: int, hour: int = 9) -> None:
        """Put it to an hour in Shanghai, so many days after the start."""
        self.now = START + timedelta(days=days, hours=hour - 9)


async def department_id(hub: Hub, code: str) -> str:
    found = await hub.database.read(lambda tx: find_department(tx, code))
    assert found is not None
    return found.id


async def staff(hub: Hub, code: str | None, name: str, *roles: Role) -> Actor:
    place = await department_id(hub, code) if code else None
    return Actor("staff", name, name, place, frozenset(roles))


@dataclass(frozen=True)
class Desk:
    """A hub with an interface of the police, and a system of civil affairs that asks for it."""

    hub: Hub
    asker: Actor
    colleague: Actor
    owner: Actor
    other_owner: Actor
    stranger: Actor
    operator: Actor
    second: Actor
    auditor: Actor


async def furnish(hub: Hub) -> Desk:
    await hub.registry.add_department({"code": CIVIL, "name": {"zh": "民政局", "en": "Civil affairs"}})
    await hub.registry.add_system(
        {
            "department": CIVIL,
            "client_id": COUNTER,
            "name": {"zh": COUNTER, "en": COUNTER},
            "keys": [SoftwareSigner.generate().public.jwk],
        }
    )
    await hub.registry.add_matter(matter(SUBSIDY, CIVIL))
    await publish(hub, interface("residence_by_id"))
    return Desk(
        hub=hub,
        asker=await staff(hub, CIVIL, "asker", Role.CONSUMER_ENGINEER),
        colleague=await staff(hub, CIVIL, "colleague", Role.CONSUMER_ENGINEER, Role.OWNER_APPROVER),
        owner=await staff(hub, POLICE, "owner", Role.OWNER_APPROVER),
        other_owner=await staff(hub, POLICE, "other-owner", Role.OWNER_APPROVER, Role.CONSUMER_ENGINEER),
        stranger=await staff(hub, AMR, "stranger", Role.OWNER_APPROVER, Role.CONSUMER_ENGINEER),
        operator=await staff(hub, None, "operator", Role.OPERATOR),
        second=await staff(hub, None, "second", Role.OPERATOR),
        auditor=await staff(hub, None, "auditor", Role.AUDITOR),
    )


def matter(code: str, department: str) -> dict[str, Any]:
    need = {"type": "11990000MB0000003U001", "fields": ["name"]}
    return {
        "code_system": "test",
        "code": code,
        "name": {"zh": code, "en": code},
        "department": department,
        "roles": ["applicant"],
        "requirements": [
            {
                "code": "identity",
                "title": {"zh": "身份证", "en": "identity"},
                "party": "applicant",
                "legal_basis": "条例",
                "alternatives": [[need]],
            }
        ],
    }


def interface(code: str, *, owner: str = POLICE, **changes: Any) -> dict[str, Any]:
    conditional = {"sharing": "conditional", "reason": "涉及个人信息", "legal_basis": "个人信息保护法"}
    closed = {"sharing": "not_shared", "reason": "涉及治安管理", "legal_basis": "居民身份证法第十九条"}
    title = {"zh": "居住信息", "en": "Residence"}
    return {
        "code": code,
        "title": title,
        "department": owner,
        "source": "population",
        "params": {"citizen_id": {"title": title, "from": "party.id_number", "id_type": "111"}},
        "terms": conditional,
        "fields": {
            "name": {"title": title, "schema": {"type": "string"}},
            "address": {"title": title, "schema": {"type": "string"}},
            "remarks": {"title": title, "schema": {"type": "string"}, "terms": closed},
            "is_resident": {
                "title": title,
                "derived": {"field": "address", "test": "present"},
                "terms": {"sharing": "unconditional", "reason": "", "legal_basis": ""},
            },
        },
        "operation": {"statement": "SELECT 1"},
        "mapping": {"version": 1, "fields": {"name": "name", "address": "address", "remarks": "remarks"}},
    } | changes


async def publish(hub: Hub, definition: dict[str, Any], *, state: str = "live") -> None:
    """Write an interface as if it had gone live; how it gets there is not the matter of these tests."""
    place = await department_id(hub, str(definition["department"]))
    now = hub.clock()
    source_id = new_id()
    source = {
        "id": source_id,
        "code": f"source-of-{definition['code']}",
        "owner_department_id": place,
        "kind": "sql",
        "definition": {
            "code": f"source-of-{definition['code']}",
            "department": definition["department"],
            "name": {"zh": "业务库", "en": "Register"},
            "kind": "sql",
        },
        "state": "active",
        "row_version": 1,
        "created_at": now,
        "changed_at": now,
    }
    row = {
        "id": new_id(),
        "code": definition["code"],
        "version": 1,
        "owner_department_id": place,
        "source_id": source_id,
        "state": state,
        "definition": definition,
        "row_version": 1,
        "published_at": now,
        "ends_at": None,
        "created_at": now,
        "changed_at": now,
    }

    def unit(tx: Any) -> None:
        add_source(tx, **source)
        guard_source(tx, hub.vault, source["id"])
        add_interface(tx, **row)
        guard_interface(tx, hub.vault, row["id"])

    await hub.database.write(unit)


def filing(now: Callable[[], datetime], **changes: Any) -> dict[str, Any]:
    """A complete request; a member changed to `...` is left out."""
    asked = {
        "system": COUNTER,
        "interface": "residence_by_id",
        "fields": ["name", "address"],
        "matters": [SUBSIDY],
        "purpose": "核验申请人居住情况",
        "legal_basis": "社会救助暂行办法第十一条",
        "scene": "窗口受理时核对户籍所在地",
        "quota_per_day": 500,
        "valid_until": (now() + timedelta(days=365)).isoformat(),
        "contact": "民政局信息科",
    } | changes
    return {name: value for name, value in asked.items() if value is not ...}
