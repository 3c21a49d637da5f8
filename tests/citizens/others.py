"""A small city for those who act for others: a company, its legal representative, a child, a neighbour."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, text

from hub.citizens.acting.delegating import Told
from hub.citizens.acting.proposed import Proposed
from hub.citizens.acting.values import Principal, Scope
from hub.citizens.values import Holder
from hub.clock import BEIJING, utc_now
from hub.runtime import Hub
from hub.sample.numbers import citizen_id
from tests.citizens.conftest import signed_in
from tests.hub.city import PERSON, identity_claims
from tests.support import ENTERPRISE, POLICE, TYPES, enterprise_claims, issue, valid_uscc

NEIGHBOUR = {"id_type": "111", "id_number": citizen_id("990104", date(1970, 4, 5), 41), "name": "吴邻居"}
CHILD = {"id_type": "111", "id_number": citizen_id("990102", date(2010, 6, 1), 61), "name": "陈小示"}
REGISTRATION, BIRTH, KINSHIP = "legal_representative_registration", "newborn_registration", "kinship_proof"
DEATH = "death_certificate"
ISSUERS = {
    slug: valid_uscc(f"1199019{place}MB0000001") for place, slug in enumerate((REGISTRATION, BIRTH, KINSHIP, DEATH))
}


async def furnish(hub: Hub, *slugs: str) -> None:
    """Types that tie people to each other, each with a department that issues it."""
    for slug in slugs:
        await hub.registry.add_type((TYPES / f"{slug}.yaml").read_text(encoding="utf-8"))
        name = {"zh": slug, "en": slug}
        await hub.registry.add_department({"code": ISSUERS[slug], "name": name, "issues": [slug]})


async def tie(hub: Hub, slug: str, claims: dict[str, Any]) -> Any:
    """Issue one of them."""
    (made,) = await issue(hub, claims, slug=slug, issuer=ISSUERS[slug])
    return made


async def resident(hub: Hub, person: dict[str, str]) -> Holder:
    """Somebody with an identity card, signed in."""
    await issue(
        hub,
        identity_claims(name=person["name"], citizen_id=person["id_number"]),
        slug="identity_card",
        issuer=POLICE,
    )
    return await signed_in(hub, person=person)


async def in_office(hub: Hub, person: dict[str, str] = PERSON) -> None:
    """The person is the company's legal representative, by its licence and by the registration."""
    await issue(hub, enterprise_claims(legal_representative=person["name"]))
    await tie(hub, REGISTRATION, registration_claims(person))


def registration_claims(person: dict[str, str] = PERSON, **changes: Any) -> dict[str, Any]:
    return {
        "enterprise_name": ENTERPRISE["name"],
        "uscc": ENTERPRISE["id_number"],
        "name": person["name"],
        "id_type": person["id_type"],
        "id_number": person["id_number"],
        "registered_on": "2024-01-01",
        "registered_by": "示例市市场监督管理局",
    } | changes


def birth_claims(guardian: dict[str, str] = PERSON, child: dict[str, str] = CHILD, **changes: Any) -> dict[str, Any]:
    return {
        "name": child["name"],
        "citizen_id": child["id_number"],
        "sex": "男",
        "birth_date": "2010-06-01",
        "birth_certificate_no": "P990000001",
        "guardian_name": guardian["name"],
        "guardian_id": guardian["id_number"],
        "relationship": "父",
        "household_no": "990102000001",
        "address": "示例区一路2号",
        "registered_on": "2010-06-20",
        "registered_by": "示例市公安局",
    } | changes


def kinship_claims(one: dict[str, str], other: dict[str, str], relationship: str) -> dict[str, Any]:
    return {
        "proof_no": f"K-{one['id_number'][-4:]}-{other['id_number'][-4:]}",
        "name": one["name"],
        "citizen_id": one["id_number"],
        "relative_name": other["name"],
        "relative_id": other["id_number"],
        "relationship": relationship,
        "basis": "常住人口登记",
        "issued_on": utc_now().astimezone(BEIJING).date().isoformat(),
        "issued_by": "示例市公安局",
    }


def death_claims(person: dict[str, str]) -> dict[str, Any]:
    return {
        "certificate_no": "D-1",
        "name": person["name"],
        "citizen_id": person["id_number"],
        "sex": "男",
        "died_on": "2026-01-01",
        "place": "示例市第一医院",
        "institution": "示例市第一医院",
        "issued_on": "2026-01-02",
    }


async def grounds(hub: Hub, holder: Holder) -> list[str]:
    """On which grounds he may act, in order."""
    return sorted(item.principal.ground.value for item in await hub.citizens.others.acting.listed(holder))


async def begun(hub: Hub, holder: Holder, ground: str) -> Principal:
    """He begins to act on this ground, which he has once."""
    (key,) = [
        item.principal.key
        for item in await hub.citizens.others.acting.listed(holder)
        if item.principal.ground.value == ground
    ]
    return await hub.citizens.others.acting.begin(holder, key)


async def written(hub: Hub, statement: str) -> Sequence[Any]:
    """Somebody writes into the database past the hub, or reads there."""

    def unit(tx: Connection) -> Sequence[Any]:
        done = tx.execute(text(statement))
        return done.all() if done.returns_rows else ()

    return await hub.database.write(unit)


def today(hub: Hub) -> date:
    return hub.clock().astimezone(BEIJING).date()


def asked(hub: Hub, to: dict[str, str] = NEIGHBOUR, **changes: Any) -> Proposed:
    plain = Proposed(
        id_number=to["id_number"],
        name=to["name"],
        scope=frozenset({Scope.LICENCES, Scope.FILE}),
        matters=None,
        until=today(hub) + timedelta(days=30),
        reason="腿脚不便，请邻居代办",
    )
    return replace(plain, **changes)


async def told(hub: Hub, holder: Holder, delegation: str) -> Told:
    return await hub.citizens.others.delegating.one(holder, delegation)
