"""Versions of a matter by day of filing, and what becomes of a row that the hub did not write."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from catalog.errors import DefinitionError
from catalog.store import find_matter, list_matters
from hub.access.actors import COMMAND
from hub.clock import BEIJING, utc_now
from hub.registry.matters.guard import look_through
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError
from tests.serving import problem
from tests.support import MATTER, Place, case_body, matter_definition, open_case, pull

pytestmark = pytest.mark.embedded


def today() -> Any:
    return utc_now().astimezone(BEIJING).date()


def narrower(**changes: Any) -> dict[str, Any]:
    """The next version, which asks for the licence alone."""
    definition = matter_definition()
    return definition | {"requirements": definition["requirements"][:1]} | changes


async def execute(hub: Hub, statement: str, **values: Any) -> None:
    await hub.database.write(lambda tx: tx.execute(text(statement), values))


async def asked(client: httpx2.AsyncClient, headers: dict[str, str], case_no: str) -> list[str]:
    answer = await pull(client, headers, case_no)
    assert answer.status_code == 200, answer.text
    return [item["code"] for item in answer.json()["requirements"]]


async def test_a_version_for_a_later_day_changes_nothing_before_and_a_case_keeps_its_own(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    day = today()
    before = await find(hub)
    await hub.registry.add_matter(narrower(in_force_from=(day + timedelta(days=1)).isoformat()))
    assert await find(hub) == before, "neither does the previous release see it"
    headers = await place.headers(client)
    old = await open_case(client, headers)
    assert len(await asked(client, headers, old)) == 3

    began = day - timedelta(days=3)
    await hub.registry.add_matter(narrower(in_force_from=began.isoformat()))
    new = await open_case(client, headers, external_no="new")
    late = await open_case(client, headers, external_no="late", filed_on=(began - timedelta(days=1)).isoformat())
    assert [len(await asked(client, headers, each)) for each in (old, new, late)] == [3, 1, 3]
    for on, wanted in ((began, 1), (began - timedelta(days=1), 3)):
        told = await client.post(
            f"/api/v1/matters/{MATTER}/guide", json={"kind": "checklist", "filed_on": on.isoformat()}, headers=headers
        )
        assert len(told.json()["checks"]) == wanted
    with pytest.raises(DefinitionError, match="in_force_from is missing: version 3"):
        await hub.registry.add_matter(narrower())

    found = await hub.database.write(lambda tx: look_through(tx, hub.vault, day + timedelta(days=1)))
    assert found == 2, "one comes into force, one ends"
    assert (await find(hub))[0] != before[0]


async def find(hub: Hub) -> Any:
    found = await hub.database.read(lambda tx: find_matter(tx, MATTER))
    assert found is not None
    return found


async def test_a_version_that_ends_gives_way_to_the_one_before(hub: Hub) -> None:
    day = today()
    await hub.registry.add_matter(
        narrower(in_force_from=day.isoformat(), in_force_until=(day + timedelta(days=1)).isoformat())
    )

    async def on(days: int) -> int:
        found = await hub.database.read(lambda tx: find_matter(tx, MATTER, on=day + timedelta(days=days)))
        assert found is not None
        return len(found[1].requirements)

    assert [await on(days) for days in (-1, 0, 1, 2)] == [3, 1, 1, 3]
    with pytest.raises(DefinitionError, match="another list of matters"):
        await hub.registry.add_matter(narrower(code_system="elsewhere"))


async def test_a_matter_is_withdrawn_by_its_last_version_and_open_cases_go_on(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    day, headers = today(), await place.headers(client)
    old = await open_case(client, headers)
    with pytest.raises(DefinitionError, match="withdrawn wants in_force_from"):
        await hub.registry.add_matter(narrower(withdrawn=True))
    await hub.registry.add_matter(narrower(withdrawn=True, in_force_from=day.isoformat()))
    refused = await client.post("/api/v1/cases", json=case_body(external_no="new"), headers=headers)
    problem(refused, status=422, slug="unknown-matter")
    assert MATTER not in [item.code for item in await hub.database.read(list_matters)]
    await open_case(client, headers, external_no="late", filed_on=(day - timedelta(days=1)).isoformat())
    assert len(await asked(client, headers, old)) == 3


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE matters SET definition = replace(definition, 'licence', 'license')",
        "UPDATE matters SET in_force_until = '2020-01-01'",
        "UPDATE matters SET mac = NULL",
    ],
)
async def test_a_matter_that_the_hub_did_not_write_discloses_nothing(
    place: Place, hub: Hub, client: httpx2.AsyncClient, attack: str
) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    assert len(await asked(client, headers, case_no)) == 3
    await execute(hub, attack)
    problem(await pull(client, headers, case_no), status=502, slug="integrity")
    opening = await client.post("/api/v1/cases", json=case_body(external_no="another"), headers=headers)
    problem(opening, status=502, slug="integrity")
    await hub.registry.matters.adopt()
    with pytest.raises(IntegrityBrokenError):
        await hub.registry.add_matter(narrower())


async def test_an_older_version_does_not_come_back_when_the_newest_is_taken_away(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    await hub.registry.add_matter(narrower())
    await execute(hub, "DELETE FROM matters WHERE version = 2")
    headers = await place.headers(client)
    opening = await client.post("/api/v1/cases", json=case_body(), headers=headers)
    problem(opening, status=502, slug="integrity")


async def test_rows_of_an_earlier_release_are_adopted_once(place: Place) -> None:
    async with place.open() as hub:
        await execute(hub, "UPDATE matters SET mac = NULL")
        await execute(hub, "DELETE FROM ledger_entries WHERE kind LIKE 'catalog.matter%'")
        assert await hub.registry.matters.adopt() == 1
        assert await hub.registry.matters.adopt() == 0
        await hub.registry.add_matter(narrower())
        versions = "SELECT count(*) FROM matters WHERE mac IS NOT NULL"
        assert await hub.database.read(lambda tx: tx.execute(text(versions)).scalar()) == 2


async def test_a_row_that_cannot_be_read_hides_no_other_and_is_an_alarm(
    hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    await hub.registry.add_matter(narrower(code="ANOTHER"))
    for broken in ("{}", "{", "[]"):
        await execute(hub, "UPDATE matters SET definition = :broken WHERE code = 'ANOTHER'", broken=broken)
        assert [item.code for item in await hub.database.read(list_matters)] == [MATTER]
    await execute(hub, "UPDATE matters SET definition = '{' WHERE code = 'ANOTHER'")
    assert {item["code"] for item in await hub.registry.matters.listed(COMMAND)} == {MATTER, "ANOTHER"}
    await hub.database.write(lambda tx: look_through(tx, hub.vault, today()))
    assert "matter_not_believed" in capsys.readouterr().out
