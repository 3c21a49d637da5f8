"""One act for many certificates: each row for itself, resumed after a kill, confirmed by a second person."""

import pytest
from sqlalchemy import Connection, text

from certificates.errors import ActError
from hub.access.actors import COMMAND, Role
from hub.access.staff_store import list_staff
from hub.issuing.files import identifiers_of
from hub.issuing.transitions.acts import Act
from hub.issuing.transitions.list_store import ActList, list_row
from hub.problems import problem_of
from hub.registry.requests.errors import NoSecondPersonError, SamePersonError
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from tests.hub.acting import WHY, amr, approvers, officer, strict_type
from tests.support import AMR, POLICE, TYPES, Place, enterprise_claims, issue, valid_uscc

STOP = Act.read({"operation": "suspend", "reason_code": "investigation", **WHY})


async def town(hub: Hub, count: int) -> list[str]:
    """This many enterprises with a licence."""
    codes = [valid_uscc(f"91990100MA00001{number:02}") for number in range(count)]
    await issue(hub, *(enterprise_claims(uscc=code, name=f"示例市第{number}商店") for number, code in enumerate(codes)))
    return [(await identifiers_of(hub, "001", code))[0]["identifier"] for code in codes]


async def statuses(hub: Hub) -> list[str]:
    query = text("SELECT status FROM certificate_versions ORDER BY id")
    return list(await hub.database.read(lambda tx: tx.execute(query).scalars().all()))


async def report(hub: Hub, made: ActList) -> dict[str, str]:
    return {row["identifier"]: row["why"] for row in await hub.transitions.lists.report(COMMAND, made.id)}


async def test_bad_rows_stop_nothing_and_each_says_why(hub: Hub) -> None:
    good, gone, *more = await town(hub, 3)
    await hub.transitions.act(COMMAND, gone, Act.read({"operation": "cancel", "reason_code": "holder_request", **WHY}))
    rows = [good, gone, "1.2.156.3005.2.NOBODY", *more, good]
    made = await hub.transitions.lists.put(officer("boss", department=await amr(hub)), STOP, rows)
    assert (made.state, made.total) == ("queued", 4)
    await hub.jobs.sweep()
    ended = await hub.transitions.lists.view(COMMAND, made.id)
    assert (ended.state, ended.counts) == ("finished", {"waiting": 0, "done": 2, "refused": 2})
    assert ended.reasons == {"state_cancelled": 1, "unknown": 1}
    assert await report(hub, made) == {good: "", gone: "state_cancelled", rows[2]: "unknown", more[0]: ""}
    assert (await statuses(hub)).count("suspended") == 2
    history = await hub.transitions.history(COMMAND, good)
    assert history.lifetime.events[0].by == {"kind": "staff", "id": "boss"}


async def test_another_departments_certificates_are_unknown_to_its_list(hub: Hub) -> None:
    (theirs,) = await town(hub, 1)
    made = await hub.transitions.lists.put(officer("p", department=await amr(hub, POLICE)), STOP, [theirs])
    await hub.jobs.sweep()
    assert await report(hub, made) == {theirs: "unknown"}
    with pytest.raises(MissingError):
        await hub.transitions.lists.view(officer("boss", department=await amr(hub)), made.id)
    assert "suspended" not in await statuses(hub)


async def test_killed_in_the_middle_it_goes_on_and_does_no_row_twice(hub: Hub) -> None:
    rows = await town(hub, 60)
    made = await hub.transitions.lists.put(COMMAND, STOP, rows)
    lists = hub.transitions.lists
    stored = await hub.database.read(lambda tx: list_row(tx, made.id))
    await hub.database.write(lambda tx: lists._some(tx, stored, STOP))  # and here the process dies
    half = await lists.view(COMMAND, made.id)
    assert (half.state, half.counts["done"]) == ("running", 50)
    await lists.run({"list": made.id})
    await lists.run({"list": made.id})
    ended = await lists.view(COMMAND, made.id)
    assert (ended.state, ended.counts["done"]) == ("finished", 60)
    changes = text("SELECT count(*) FROM certificate_transitions")
    assert await hub.database.read(lambda tx: tx.execute(changes).scalar()) == 60


async def test_a_list_with_a_row_more_than_was_asked_for_is_not_worked_off(hub: Hub) -> None:
    asked, other = await town(hub, 2)
    made = await hub.transitions.lists.put(COMMAND, STOP, [asked])
    swap = text("UPDATE certificate_act_list_items SET identifier = :other")
    await hub.database.write(lambda tx: tx.execute(swap, {"other": other}))
    with pytest.raises(IntegrityBrokenError):
        await hub.transitions.lists.run({"list": made.id})
    assert "suspended" not in await statuses(hub)


async def test_where_a_type_wants_it_the_list_waits_for_a_second_person(hub: Hub) -> None:
    rows = await town(hub, 2)
    await strict_type(hub)
    mine = await amr(hub, AMR)
    boss, second = officer("boss", department=mine), officer("second", department=mine)
    made = await hub.transitions.lists.put(boss, STOP, rows)
    await hub.jobs.sweep()
    assert (await hub.transitions.lists.view(boss, made.id)).state == "unconfirmed"
    with pytest.raises(SamePersonError):
        await hub.transitions.lists.confirm(boss, made.id)
    await hub.transitions.lists.confirm(second, made.id)
    await hub.jobs.sweep()
    assert (await hub.transitions.lists.view(boss, made.id)).counts["done"] == 2
    history = await hub.transitions.history(COMMAND, rows[0])
    assert history.lifetime.events[0].detail["second"]["id"] == "second"
    # The operator's own acts are not the department's, and wait for nobody.
    operator = officer("o", Role.OPERATOR, department=mine)
    again = Act.read({"operation": "revoke", "reason_code": "key_compromised", **WHY})
    freed = await hub.transitions.lists.put(operator, again, rows)
    assert freed.state == "queued"


@pytest.mark.embedded
async def test_a_department_with_one_approver_is_told_before_anything_waits(hub: Hub) -> None:
    rows = await town(hub, 2)
    declared = (TYPES / "business_licence.yaml").read_text(encoding="utf-8") + "\nmaker_checker: true\n"
    await hub.registry.add_type(declared)
    mine = await amr(hub)
    await approvers(hub, "boss")
    (boss,) = await hub.database.read(lambda tx: list_staff(tx, hub.vault, mine))
    lists, transitions = hub.transitions.lists, hub.transitions
    for asking in (lists.put(boss.actor(), STOP, rows), transitions.act(boss.actor(), rows[0], STOP)):
        with pytest.raises(NoSecondPersonError) as caught:
            await asking
    problem = problem_of(caught.value)
    assert (problem.slug, problem.status, problem.who) == ("no-second-person", 409, "operator")
    assert await lists.newest(COMMAND) == []
    assert await transitions.waiting.waiting(COMMAND) == []
    # What an engineer asks for the approver confirms; his own another one, once there is one.
    assert (await transitions.act(officer("e", Role.OWNER_ENGINEER, department=mine), rows[0], STOP)).waiting
    await approvers(hub, "second")
    assert (await lists.put(boss.actor(), STOP, rows)).state == "unconfirmed"


@pytest.mark.embedded
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE certificate_act_list_items SET identifier = 'another'",
        "UPDATE certificate_act_lists SET total = 7",
        """UPDATE certificate_act_lists SET asked_by = '{"kind": "staff", "id": "somebody"}'""",
    ],
)
async def test_the_second_person_confirms_what_was_asked_for_and_nothing_else(hub: Hub, sql: str) -> None:
    """To seal the row again after his word would make it his word for whatever stands there."""
    rows = await town(hub, 1)
    await strict_type(hub)
    mine = await amr(hub)
    made = await hub.transitions.lists.put(officer("boss", department=mine), STOP, rows)
    await hub.database.write(lambda tx: tx.execute(text(sql)))
    with pytest.raises(IntegrityBrokenError):
        await hub.transitions.lists.confirm(officer("second", department=mine), made.id)


@pytest.mark.embedded
async def test_a_list_that_is_over_is_not_worked_off_again(hub: Hub) -> None:
    rows = await town(hub, 1)
    made = await hub.transitions.lists.put(officer("boss", department=await amr(hub)), STOP, rows)
    await hub.jobs.sweep()
    resume = Act.read({"operation": "resume", "reason_code": "cause_removed", **WHY})
    await hub.transitions.act(officer("boss", department=await amr(hub)), rows[0], resume)

    def put_back(tx: Connection) -> None:
        tx.execute(text("UPDATE certificate_act_lists SET state = 'queued', ended_at = NULL"))
        tx.execute(text("UPDATE certificate_act_list_items SET state = 'waiting'"))

    await hub.database.write(put_back)
    with pytest.raises(IntegrityBrokenError):
        await hub.transitions.lists.run({"list": made.id})
    assert "suspended" not in await statuses(hub)


@pytest.mark.embedded
async def test_what_is_not_for_lists_is_refused(hub: Hub) -> None:
    renew = Act.read({"operation": "renew", "reason_code": "renewal", **WHY, "claims": {}})
    with pytest.raises(ActError, match="not_for_lists"):
        await hub.transitions.lists.put(COMMAND, renew, ["x"])
    with pytest.raises(ActError, match="none"):
        await hub.transitions.lists.put(COMMAND, STOP, [])


async def test_over_http(place: Place, hub: Hub) -> None:
    rows = await town(hub, 2)
    async with place.client(hub) as http:
        headers = await place.headers(http)
        body = {"operation": "suspend", "reason_code": "penalty", **WHY, "identifiers": rows}
        answer = await http.post("/api/v1/certificate-act-lists", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        await hub.jobs.sweep()
        where = answer.headers["location"]
        assert (await http.get(where, headers=headers)).json()["progress"]["done"] == 2
        found = (await http.get(f"{where}/report", headers=headers)).json()
        assert [row["state"] for row in found["rows"]] == ["done", "done"]
        assert (await http.get(f"{where}/report?after={found['next']}", headers=headers)).json()["rows"] == []
