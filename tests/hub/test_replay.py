"""Replaying a case: the rules and data of its day give its decisions again, and whoever changed something is named."""

import json
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from catalog.grants import GrantState
from catalog.matters.reading import read_matter
from catalog.store import list_grants
from certificates.lifecycle.states import Operation
from hub.access.actors import COMMAND, Actor, Role
from hub.access.errors import ForbiddenError
from hub.intake import store
from hub.intake.answers import answer_place, case_key
from hub.intake.errors import CaseNotFoundError
from hub.intake.replaying.judging import Then, judge
from hub.intake.replaying.kept import Ground
from hub.intake.replaying.verdicts import Found
from hub.intake.resolver import Question
from hub.intake.rulings import Ruling
from hub.runtime import Hub
from tests.access.people import add, errors_of, visitor
from tests.hub.city import change_status
from tests.hub.command import yizheng
from tests.hub.resolving import ANNA, CARD, CASE, EVERYTHING, MARRIED, NOW, PURPOSE, SPOUSE, TYPES, requirement
from tests.hub.test_case_facts import ruled
from tests.support import (
    AMR,
    ENTERPRISE,
    Place,
    enterprise_claims,
    issue,
    matter_definition,
    open_case,
    pull,
    valid_uscc,
)

pytestmark = pytest.mark.embedded


async def replayed(hub: Hub, case_no: str) -> dict[str, Any]:
    return await hub.replaying.replay(COMMAND, case_no, "en")


def judged(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (item["requirement"], item["judged"], item["because"]["code"] if item["because"] else "")
        for item in found["decisions"]
    ]


async def test_what_came_later_changes_no_decision_of_its_day(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    await pull(client, headers, case_no)
    nobody = {"role": "applicant", "name": "示例甲", "id_type": "001", "id_number": valid_uscc("91990100MA0000003")}
    unknown = await open_case(client, headers, external_no="unknown", parties=[nobody])
    await pull(client, headers, unknown)

    definition = matter_definition()
    await hub.registry.add_matter(definition | {"requirements": definition["requirements"][:1]})
    (grant,) = await hub.database.read(list_grants)
    await hub.registry.change_grant(grant.id, GrantState.WITHDRAWN)
    await issue(hub, enterprise_claims(uscc=nobody["id_number"], name=nobody["name"]))
    same = [("licence", "same", ""), ("representative", "same", ""), ("agent_identity", "same", "")]
    for number in (case_no, unknown):
        found = await replayed(hub, number)
        assert sorted(judged(found)) == sorted(same), found
        assert (found["version"], found["counts"]) == (1, {"same": 3, "different": 0, "not_replayable": 0})
    outcomes = {item["requirement"]: item["outcome"] for item in found["decisions"]}
    assert outcomes == {"licence": "identity_unconfirmed", "representative": "not_granted", "agent_identity": "not_applicable"}  # fmt: skip  # noqa: E501
    # Withdrawn since: what is asked now is decided by that.
    await pull(client, headers, case_no)
    found = await replayed(hub, case_no)
    assert [item["why"]["code"] for item in found["decisions"] if item["requirement"] == "licence"] == [
        "satisfied",
        "grant_withdrawn",
    ]
    assert found["counts"]["same"] == 6
    said = json.dumps(found, ensure_ascii=False)
    assert ENTERPRISE["name"] not in said
    assert ENTERPRISE["id_number"] not in said
    entries = "SELECT count(*) FROM ledger_entries WHERE kind = 'case.replayed'"
    assert await hub.database.read(lambda tx: tx.execute(text(entries)).scalar()) == 3


async def test_a_condition_is_judged_by_the_facts_of_its_moment(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    await ruled(hub)
    headers = await place.headers(client)
    case_no = await open_case(client, headers, facts={"premises": "own"})
    await pull(client, headers, case_no, requirements=["licence"])
    facts = {"facts": {"premises": "rented", "staff": 9}}
    await client.post(f"/api/v1/cases/{case_no}/facts", json=facts, headers=headers)
    await pull(client, headers, case_no, requirements=["licence"])
    found = await replayed(hub, case_no)
    assert judged(found) == [("licence", "same", "")] * 2
    assert [item["outcome"] for item in found["decisions"]] == ["not_applicable", "satisfied"]
    assert "rented" in str(found["decisions"][1]["rule"]["condition"]), "the rule, which is public"
    assert "9" not in str(found["decisions"][1]["why"])


async def test_a_condition_on_how_another_ended_is_judged_by_the_ledger(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    definition = matter_definition()
    licence, representative, agent = definition["requirements"]
    later = [
        representative | {"when": 'outcomes.licence == "satisfied"'},
        agent | {"when": 'outcomes.licence != "satisfied"', "party": "applicant"},
    ]
    await hub.registry.add_matter(definition | {"requirements": [licence, *later]})
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    await pull(client, headers, case_no)
    found = await replayed(hub, case_no)
    assert {item["requirement"]: (item["outcome"], item["judged"]) for item in found["decisions"]} == {
        "licence": ("satisfied", "same"),
        "representative": ("not_granted", "same"),
        "agent_identity": ("not_applicable", "same"),
    }


async def altered(hub: Hub, case_no: str) -> None:
    """Somebody with the hub's own keys changes a stored answer."""
    case = await hub.database.read(lambda tx: store.find_case(tx, case_no))
    assert case is not None
    key = case_key(hub.vault, case)
    query = text("SELECT id, answer FROM evidence_requests WHERE case_id = :case")
    (row,) = await hub.database.read(lambda tx: tx.execute(query, {"case": case.id}).all())
    body = json.loads(key.decrypt(answer_place(row.id), row.answer))
    body["requirements"][0]["evidence"]["claims"]["name"] = "另一家公司"
    sealed = key.encrypt(answer_place(row.id), json.dumps(body).encode())
    change = text("UPDATE evidence_requests SET answer = :answer WHERE id = :id")
    await hub.database.write(lambda tx: tx.execute(change, {"answer": sealed, "id": row.id}))


async def test_whoever_changed_something_afterwards_is_named(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    await pull(client, headers, case_no)
    await altered(hub, case_no)
    found = await replayed(hub, case_no)
    assert judged(found)[0] == ("licence", "different", "answer_changed")
    assert found["counts"] == {"same": 2, "different": 1, "not_replayable": 0}
    done = await yizheng(place, "case", "replay", case_no, "--lang", "en")
    assert (done.code, "! " in done.out, "different: 1" in done.out) == (65, True, True), done.err
    assert "not what was committed to" in done.out

    async def execute(statement: str) -> None:
        await hub.database.write(lambda tx: tx.execute(text(statement)))

    await execute("UPDATE grants SET purpose = 'another'")
    assert judged(await replayed(hub, case_no))[1] == ("representative", "different", "catalogue_changed")
    await execute("UPDATE matters SET definition = replace(definition, 'agent_identity', 'agent_identitx')")
    found = await replayed(hub, case_no)
    assert [item[2] for item in judged(found)] == ["answer_changed", "matter_changed", "matter_changed"]
    assert found["digest"] is None
    await execute("UPDATE ledger_entries SET detail = X'00' WHERE kind = 'disclosure'")
    assert "entry_changed" in {item[2] for item in judged(await replayed(hub, case_no))}


async def test_what_was_withheld_at_the_last_moment_is_judged_by_both_moments(
    place: Place, hub: Hub, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = await place.headers(client)
    acts = [
        lambda: change_status(hub, ENTERPRISE, f"{AMR}001", Operation.SUSPEND),
        lambda: change_status(hub, ENTERPRISE, f"{AMR}001", Operation.RESUME),
        lambda: _withdraw(hub),
    ]
    claim = hub.evidence._course.claim

    async def claim_then_act(*arguments: Any, **named: Any) -> Any:
        claimed = await claim(*arguments, **named)
        await acts.pop(0)()
        return claimed

    monkeypatch.setattr(hub.evidence._course, "claim", claim_then_act)
    told = []
    for number in ("suspended", "resumed", "withdrawn"):
        case_no = await open_case(client, headers, external_no=number)
        await pull(client, headers, case_no, requirements=["licence"])
        (found,) = (await replayed(hub, case_no))["decisions"]
        told.append((found["why"]["code"], found["judged"]))
    assert told == [("certificate_suspended", "same"), ("identity_unconfirmed", "same"), ("grant_withdrawn", "same")]


async def _withdraw(hub: Hub) -> None:
    (grant,) = await hub.database.read(list_grants)
    await hub.registry.change_grant(grant.id, GrantState.WITHDRAWN)


async def test_what_was_decided_before_grounds_were_kept_cannot_be_judged_again(
    place: Place, hub: Hub, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    with monkeypatch.context() as earlier:
        earlier.setattr("hub.intake.deciding.grounded", lambda draft, _: draft)
        await pull(client, headers, case_no, requirements=["licence"])
    assert judged(await replayed(hub, case_no)) == [("licence", "not_replayable", "no_ground")]
    await pull(client, headers, case_no, requirements=["licence"])
    await hub.database.write(lambda tx: tx.execute(text("UPDATE cases SET matter_code = 'OTHER', kind = 'ex_officio'")))
    # What somebody wrote into the row of the case is noticed by what follows from it.
    assert judged(await replayed(hub, case_no))[1] == ("licence", "different", "rule")


def test_a_licence_that_was_just_being_signed_is_no_fault_of_the_decision() -> None:
    wanted = requirement((SPOUSE,))
    detail = {"requirement": "proof", "party": "applicant", "outcome": "source_unavailable"}

    def found(code: str) -> Found:
        ruling = Ruling("e", NOW, "refusal", "s", detail | {"why": code})
        question = Question(CASE, {"applicant": ANNA}, PURPOSE, EVERYTHING, TYPES, [CARD, MARRIED], frozenset(), NOW)
        ground = Ground({"at": NOW.isoformat()}, {}, {})
        return judge(
            Then(ruling, ground, read_matter(matter_definition()), wanted, question, differs=False), pytest.fail
        )

    assert (found("issue_not_finished").judged, found("issue_not_finished").because) == ("not_replayable", "momentary")
    assert (found("source_timeout").judged, found("source_timeout").because) == ("different", "rule")


async def test_only_an_auditor_replays(hub: Hub) -> None:
    for role in (Role.OPERATOR, Role.OWNER_APPROVER):
        with pytest.raises(ForbiddenError):
            await hub.replaying.replay(Actor("staff", "s", "s", None, frozenset({role})), "YZ23456789", "en")
    with pytest.raises(CaseNotFoundError):
        await replayed(hub, "YZ23456789")


async def test_an_auditor_reads_it_on_a_page_and_by_the_api(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    await pull(client, headers, case_no)
    await altered(hub, case_no)
    await add(hub, "auditor", Role.AUDITOR, department=None)
    async with visitor(place, hub) as auditor:
        await auditor.sign_in("auditor")
        page = await auditor.post("/console/replay", {"case_no": case_no})
        assert page.status_code == 200
        for told in (
            "营业执照",
            "存储的答复与账本承诺的内容不一致",
            "不一致 1",
            "一致 2",
            "食品经营许可和备案管理办法",
        ):
            assert told in page.text
        assert ENTERPRISE["name"] not in page.text
        assert errors_of(await auditor.post("/console/replay", {"case_no": "YZ000"})) == ["没有此办件"]
