"""One key tells of nobody but the case's own applicant, by number and name, and only under a grant (design §1, §2)."""

import sqlite3
from typing import Any

import httpx2
import pytest

from hub.runtime import Hub
from tests.collection.test_feeds import FEED, _declared
from tests.collection.test_feeds import register as register  # noqa: PLC0414  # a fixture
from tests.collection.test_register_ends import status_of
from tests.registry.department import entries
from tests.support import MATTER, NARROW, Place, grant_definition, open_case, valid_uscc

MINE, BROKEN, NOBODYS = (valid_uscc(f"91990100MA{number}") for number in ("8000005", "8000006", "8999999"))
NAMES = {MINE: "示例5号商行有限公司", BROKEN: "示例6号商行有限公司", NOBODYS: "示例市无人商行有限公司"}


class Asking:
    """Cases of one system about one company each."""

    def __init__(self, client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
        self._client = client
        self._headers = headers

    async def about(self, uscc: str, *, name: str | None = None, role: str = "applicant", **case: Any) -> list[str]:
        """The outcomes."""
        company = {"role": role, "id_type": "001", "id_number": uscc, "name": name or NAMES[uscc]}
        applicant = {"role": "applicant", "id_type": "001", "id_number": NOBODYS, "name": NAMES[NOBODYS]}
        parties = [company] if role == "applicant" else [applicant, company]
        case_no = await open_case(self._client, self._headers, parties=parties, **case)
        body = {"case_no": case_no, "party": role}
        answer = await self._client.post("/api/v1/batches/by-holder", json=body, headers=self._headers)
        assert answer.status_code == 200, answer.text
        return [item["outcome"] for item in answer.json()["outcomes"]]


@pytest.mark.embedded
async def test_who_asks_without_a_right_to_know_learns_nothing_and_issues_nothing(
    hub: Hub, place: Place, client: httpx2.AsyncClient, register: sqlite3.Connection
) -> None:
    register.execute("UPDATE register SET since = 'unreadable' WHERE uscc = ?", (BROKEN,))
    register.commit()
    await _declared(hub, register)
    granted = Asking(client, await place.headers(client))
    stranger = Asking(client, await place.headers(client, NARROW))
    invented = "示例市别家商行有限公司"
    for uscc in NAMES:
        assert await granted.about(uscc, name=invented) == ["no_record"], "a wrong name is nobody's"
        assert await granted.about(uscc, role="agent") == ["not_allowed"], "a party whom nothing corroborates"
        assert await granted.about(uscc, corroboration=[]) == ["not_allowed"]
        assert await stranger.about(uscc) == ["not_allowed"], "no grant"
    assert await status_of(hub, MINE) == []

    assert await granted.about(NOBODYS) == ["no_record"]
    assert await granted.about(BROKEN) == ["rejected"], "his own row"
    assert await granted.about(MINE, name=" 示例５号商行有限公司 ") == ["issued"], "as names are compared for a pull"
    asked = await entries(hub, "collection.by_holder")
    assert asked == 4 * len(NAMES) + 3


@pytest.mark.embedded
async def test_a_grant_is_judged_as_for_a_pull_and_a_department_needs_none_for_its_own_cases(
    hub: Hub, place: Place, client: httpx2.AsyncClient, register: sqlite3.Connection
) -> None:
    await _declared(hub, register)
    asking = Asking(client, await place.headers(client, NARROW))
    ending = {"matters": ["OTHER"]}, {"corroboration": ["presentation_code"]}, {"valid_from": "2034-12-01T00:00:00Z"}
    for terms in ending:
        await hub.registry.add_grant(grant_definition(hub, system=NARROW, **terms))
        assert await asking.about(MINE) == ["not_allowed"], terms
    assert await asking.about(MINE, kind="ex_officio", corroboration=[]) == ["issued"]
    assert await asking.about(MINE, kind="ex_officio", name="示例市别家商行有限公司") == ["no_record"]

    await hub.registry.add_grant(grant_definition(hub, system=NARROW, matters=[MATTER], quota_per_day=1))
    assert [await asking.about(MINE), await asking.about(MINE)] == [["unchanged"], ["not_allowed"]]


@pytest.mark.embedded
async def test_a_row_that_ended_and_names_nobody_any_more_ends_nothing(
    hub: Hub, place: Place, client: httpx2.AsyncClient, register: sqlite3.Connection
) -> None:
    register.execute("ALTER TABLE register ADD COLUMN state TEXT DEFAULT '1'")
    mapping = FEED["mapping"] | {"status": {"column": "state", "standing": ["1"], "cancel": ["9"]}}
    statement = "SELECT name, uscc, since, scope, address, state FROM register WHERE uscc = :id_number"
    await _declared(hub, register, mapping=mapping, by_holder={"statement": statement}, operation=FEED["full"])
    asking = Asking(client, await place.headers(client))
    assert await asking.about(MINE) == ["issued"]
    register.execute("UPDATE register SET state = '9', name = '' WHERE uscc = ?", (MINE,))
    register.commit()
    assert await asking.about(MINE) == ["no_record"]
    register.execute("UPDATE register SET name = ? WHERE uscc = ?", (NAMES[MINE], MINE))
    register.commit()
    assert await asking.about(MINE, name="示例市别家商行有限公司") == ["no_record"]
    assert await asking.about(MINE) == ["ended"]
