"""Alternatives of one requirement: each stands on grants of its own, and "none" needs every one of them."""

from typing import Any

import httpx2

from hub.runtime import Hub
from tests.support import NARROW, POLICE, Place, grant_definition, matter_definition, open_case, pull, requirement

LICENCE = "11990000MB0000002Q001"
IDENTITY = "11990000MB0000003U001"
CODE = "ALTERNATIVES"


def need(type_code: str, *fields: str) -> dict[str, Any]:
    return {"type": type_code, "fields": list(fields)}


async def answer(
    place: Place, hub: Hub, client: httpx2.AsyncClient, alternatives: list[list[dict[str, Any]]], *, calls: int = 1
) -> list[dict[str, Any]]:
    """Some pulls of one requirement with these alternatives, by a system with the grants given before."""
    matter = matter_definition() | {"code": CODE, "requirements": [requirement("r", "材料", "applicant", alternatives)]}
    await hub.registry.add_matter(matter)
    headers = await place.headers(client, NARROW)
    case_no = await open_case(client, headers, matter=CODE)
    answers = [await pull(client, headers, case_no) for _ in range(calls)]
    assert {each.status_code for each in answers} == {200}
    return [each.json()["requirements"][0] for each in answers]


async def grant_identity(hub: Hub, **changes: Any) -> None:
    terms = {"system": NARROW, "type": "identity_card", "owner": POLICE, "fields": ["name"], "matters": [CODE]}
    await hub.registry.add_grant(grant_definition(hub, **(terms | changes)))


async def grant_licence(hub: Hub, **changes: Any) -> None:
    await hub.registry.add_grant(grant_definition(hub, **({"system": NARROW, "matters": [CODE]} | changes)))


async def test_a_grant_for_one_alternative_gives_no_field_of_another(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    await grant_identity(hub)
    await grant_licence(hub, fields=["name"])
    alternatives = [[need(LICENCE, "name"), need(IDENTITY, "name")], [need(LICENCE, "legal_representative")]]
    (item,) = await answer(place, hub, client, alternatives)
    assert item["outcome"] == "not_granted"
    assert item["why"]["code"] == "field_not_granted"
    assert "evidence" not in item


async def test_none_is_not_declared_while_an_alternative_was_not_asked(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    await grant_identity(hub)
    await grant_licence(hub, fields=["name"])
    alternatives = [[need(IDENTITY, "name")], [need(LICENCE, "legal_representative")]]
    (item,) = await answer(place, hub, client, alternatives)
    assert item["outcome"] == "not_granted"


async def test_none_is_declared_when_every_alternative_says_so(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    await grant_identity(hub, fields=["name", "citizen_id"])
    (item,) = await answer(place, hub, client, [[need(IDENTITY, "name")], [need(IDENTITY, "citizen_id")]])
    assert item["outcome"] == "declared_none"


async def test_a_quota_that_ends_inside_an_alternative_says_so(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    await grant_identity(hub)
    await grant_licence(hub, fields=["name"], quota_per_day=1)
    first, second = await answer(place, hub, client, [[need(LICENCE, "name"), need(IDENTITY, "name")]], calls=2)
    assert first["outcome"] == "declared_none"
    assert (second["outcome"], second["why"]["code"]) == ("not_granted", "quota_exhausted")
