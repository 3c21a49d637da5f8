"""Acts, halts and histories against somebody with two roles, with SQL, or with a calendar of his own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from sqlalchemy import Connection, text

from catalog.tables import table
from certificates.errors import ActError, TypeHaltedError
from certificates.stores import certificates as store
from certificates.tables import CertificateVersionRow
from hub.access.actors import COMMAND, Role
from hub.access.errors import ForbiddenError
from hub.issuing.drafts import Intended
from hub.issuing.files import identifiers_of, read_document
from hub.issuing.transitions.acts import Act
from hub.ledger.guards import version_mac
from hub.registry.requests.errors import ProposalOverError
from hub.registry.sharing import TYPE_LIFT
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from tests.hub.acting import WHY, Desk, amr, officer, strict_type
from tests.hub.test_act_lists import report, town
from tests.hub.test_erasure import erase
from tests.keys.test_compromise import declared, issuing_kid
from tests.support import AMR, ENTERPRISE, POLICE, Place, enterprise_claims, issue, open_case, pull, valid_uscc

pytestmark = pytest.mark.embedded
REVOKE = Act.read({"operation": "revoke", "reason_code": "signed_in_error", **WHY})
SUSPEND = Act.read({"operation": "suspend", "reason_code": "investigation", **WHY})
CODE = f"{AMR}001"


async def sql(hub: Hub, statement: str, **values: object) -> None:
    done = await hub.database.write(lambda tx: tx.execute(text(statement), values).rowcount)
    assert done > 0


async def test_whoever_is_operator_and_approver_is_the_issuer_of_his_own_department_alone(hub: Hub) -> None:
    theirs = (await town(hub, 1))[0]
    both = officer("both", Role.OPERATOR, Role.OWNER_APPROVER, department=await amr(hub, POLICE))
    penalty = Act.read({"operation": "withdraw", "reason_code": "penalty", **WHY})
    with pytest.raises(ForbiddenError):
        await hub.transitions.act(both, theirs, penalty)
    made = await hub.transitions.lists.put(both, penalty, [theirs])
    await hub.jobs.sweep()
    assert await report(hub, made) == {theirs: "unknown"}


async def test_a_list_of_the_command_line_is_confirmed_by_the_department_whose_licences_it_names(hub: Hub) -> None:
    rows = await town(hub, 1)
    await strict_type(hub)
    made = await hub.transitions.lists.put(COMMAND, SUSPEND, rows)
    assert made.state == "unconfirmed"
    with pytest.raises(MissingError):
        await hub.transitions.lists.confirm(officer("police", department=await amr(hub, POLICE)), made.id)
    await hub.transitions.lists.confirm(officer("boss", department=await amr(hub)), made.id)
    await hub.jobs.sweep()
    assert await report(hub, made) == {rows[0]: ""}


async def test_a_list_sent_twice_is_one_list(desk: Desk) -> None:
    body = {"operation": "suspend", "reason_code": "investigation", **WHY, "identifiers": [desk.identifier]}
    answers = [
        await desk.client.post(
            "/api/v1/certificate-act-lists", json=body | more, headers=desk.headers | {"Idempotency-Key": "one"}
        )
        for more in ({}, {}, {"reason": "别的原因"})
    ]
    assert [answer.status_code for answer in answers] == [202, 202, 409]
    assert answers[0].json()["list"] == answers[1].json()["list"]


async def test_a_licence_moved_to_another_department_is_seen_and_touched_by_nobody(desk: Desk) -> None:
    theirs = await amr(desk.hub, POLICE)
    await sql(desk.hub, "UPDATE certificates SET owner_department_id = :theirs", theirs=theirs)
    officer_there = officer("there", department=theirs)
    for tried in (
        desk.hub.transitions.history(officer_there, desk.identifier),
        desk.hub.transitions.act(officer_there, desk.identifier, REVOKE),
    ):
        with pytest.raises(IntegrityBrokenError):
            await tried


async def test_an_act_that_sheds_its_mac_is_no_act_of_an_early_release(desk: Desk) -> None:
    await desk.act("suspend", reason_code="investigation")
    shed = "mac = NULL, object_version = NULL, recorded_at = NULL, reason_code = NULL, ledger_entry_id = NULL"
    await sql(desk.hub, f"UPDATE certificate_transitions SET {shed}, effective_at = effective_at - 1000000")
    with pytest.raises(IntegrityBrokenError):
        await desk.hub.transitions.history(COMMAND, desk.identifier)


async def test_what_was_true_is_told_by_the_ledgers_time_not_by_the_rows(desk: Desk) -> None:
    await sql(desk.hub, "UPDATE certificate_versions SET created_at = created_at - 36000000000")
    history = await desk.hub.transitions.history(COMMAND, desk.identifier)
    assert history.lifetime.status_at(datetime.now(UTC) - timedelta(hours=1), known_at=datetime.now(UTC)) is None
    an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert (await desk.act("suspend", reason_code="investigation", effective_at=an_hour_ago)).status_code == 422


async def test_a_list_as_it_was_believes_no_act_without_its_entry(desk: Desk) -> None:
    hub = desk.hub
    await desk.act("suspend", reason_code="investigation")
    shed = "mac = NULL, object_version = NULL, recorded_at = NULL, reason_code = NULL, ledger_entry_id = NULL"
    await sql(hub, f"UPDATE certificate_transitions SET {shed}, from_status = 'revoked'")
    await sql(hub, "UPDATE status_lists SET changed_at = changed_at - 86400000000")
    seconds = int((datetime.now(UTC) - timedelta(hours=1)).timestamp())
    with pytest.raises(IntegrityBrokenError):
        await hub.status_history.at(0, seconds)


@pytest.mark.parametrize(
    "lifting", ["UPDATE certificate_type_halts SET lifted_at = halted_at", "DELETE FROM certificate_type_halts"]
)
async def test_a_halt_lifted_by_sql_lifts_nothing(
    place: Place, hub: Hub, client: httpx2.AsyncClient, lifting: str
) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    found = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    token = await read_document(hub, found[0]["identifier"])
    await hub.halts.halt(COMMAND, CODE, **WHY)
    await sql(hub, lifting)
    with pytest.raises((TypeHaltedError, IntegrityBrokenError)):
        await issue(hub, enterprise_claims(uscc=valid_uscc("91990100MA0000007")))
    answer = await pull(client, headers, case_no, requirements=["licence"])
    assert ENTERPRISE["name"] not in answer.text
    assert str((await hub.verification.verify(token, audience=None)).result) != "passed"


async def test_a_retired_type_still_wants_two_persons_and_can_still_be_stopped(desk: Desk) -> None:
    hub = desk.hub
    await strict_type(hub)
    await hub.registry.typing.retire(COMMAND, CODE, reason="r", legal_basis="b")
    asked = await hub.transitions.act(officer("boss", department=await amr(hub)), desk.identifier, REVOKE)
    assert (asked.identifier, asked.waiting is not None) == (None, True)
    assert (await hub.halts.halt(COMMAND, "business_licence", **WHY)).halted


async def test_what_follows_a_licence_does_not_begin_before_it(desk: Desk) -> None:
    claims = enterprise_claims(address="示例市晨光路9号")
    answer = await desk.act("change", reason_code="particulars_changed", claims=claims, issued_on="2012-01-01")
    assert answer.status_code == 422, answer.text
    assert "issued_on" in answer.text


@pytest.mark.parametrize(
    ("operation", "code", "status"),
    [("revoke", "obtained_by_fraud", "revoked"), ("suspend", "investigation", "suspended")],
)
async def test_a_revocation_holds_for_the_version_that_was_on_its_way(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    code: str,
    status: str,
) -> None:
    """Its department approves days later: what was revoked on Tuesday is not valid again on Wednesday."""
    hub = desk.hub

    async def nobody(items: object, signers: object, **more: object) -> int:
        del items, signers, more
        return 0

    # As where the department that keeps its key has not said yes.
    monkeypatch.setattr(hub.issuing._completing, "complete", nobody)
    claims = enterprise_claims(address="示例市晨光路9号")
    changed = await desk.act("change", reason_code="particulars_changed", claims=claims)
    assert changed.json()["state"] == "intended"
    monkeypatch.undo()
    assert (await desk.act(operation, reason_code=code)).status_code == 201
    assert await hub.issuing.finish() == 1
    newer = await desk.look(changed.json()["identifier"])
    assert (newer["state"], newer["status"]) == ("issued", status)
    assert newer["history"][-1]["operation"] == operation
    assert await hub.issuing.finish() == 0


@pytest.mark.parametrize("as_of", ["9999-12-31", "0001-01-01T00:00:00+08:00", "0001-01-01"])
async def test_a_day_at_the_edge_of_the_calendar_is_an_answer_or_a_fault(desk: Desk, as_of: str) -> None:
    path = f"/api/v1/certificates/{desk.identifier}"
    answer = await desk.client.get(path, params={"as_of": as_of}, headers=desk.headers)
    assert answer.status_code in {200, 400}, answer.text


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00+08:00", "0001-01-01", "9999-12-31"])
async def test_an_act_at_the_edge_of_the_calendar_is_refused(desk: Desk, when: str) -> None:
    assert (await desk.act("suspend", reason_code="investigation", effective_at=when)).status_code == 422
    await strict_type(desk.hub)
    assert (await desk.act("suspend", reason_code="investigation", effective_at=when)).status_code == 422
    body = {"type": "business_licence", "reason_code": "first_grant", **WHY, "claims": enterprise_claims()}
    answer = await desk.client.post("/api/v1/certificates", json=body | {"issued_on": when[:10]}, headers=desk.headers)
    assert answer.status_code == 422, answer.text


async def test_a_row_moved_behind_the_theft_is_revoked_with_the_others(hub: Hub) -> None:
    began = datetime.now(UTC) - timedelta(hours=1)
    rows = await town(hub, 1)
    await sql(hub, "UPDATE certificate_versions SET created_at = created_at - 36000000000")
    await declared(hub, await issuing_kid(hub), began)
    history = await hub.transitions.history(COMMAND, rows[0])
    assert history.asked.status == "revoked"


async def test_one_row_that_somebody_wrote_does_not_keep_the_others_from_expiring(hub: Hub) -> None:
    broken, ended = await town(hub, 2)
    await sql(hub, "UPDATE certificate_versions SET valid_until = '2020-01-01' WHERE identifier = :i", i=broken)

    def over(tx: Connection) -> None:
        versions = table(CertificateVersionRow)
        version = store.find_version(tx, ended)
        assert version is not None
        made = replace(version, valid_until="2026-01-01")
        values = {"valid_until": made.valid_until, "mac": version_mac(made, hub.vault)}
        tx.execute(versions.update().where(versions.c.id == made.id).values(**values))

    await hub.database.write(over)
    assert await hub.expiring.sweep() == 1
    assert (await hub.transitions.history(COMMAND, ended)).asked.status == "expired"


async def test_a_licence_that_is_taken_over_is_the_same_kind_of_licence_of_the_same_holder(hub: Hub) -> None:
    first, other = await town(hub, 2)
    boss = officer("boss", department=await amr(hub))
    for operation in ("transfer_out", "complete_transfer"):
        await hub.transitions.act(boss, first, Act.read({"operation": operation, "reason_code": "moved", **WHY}))
    foreign = enterprise_claims(uscc=valid_uscc("91990100MA0000055"), name="示例市另一家商店")
    taken = Act.read(
        {"operation": "transfer_in", "reason_code": "moved", "claims": foreign, "predecessor": first, **WHY}
    )
    with pytest.raises(ActError):
        await hub.transitions.begin(boss, "business_licence", taken)
    del other


async def test_a_stored_answer_is_not_given_again_while_its_type_is_stopped(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    again = headers | {"Idempotency-Key": "one"}
    case_no = await open_case(client, headers)
    first = (await pull(client, again, case_no, requirements=["licence"])).json()
    await hub.halts.halt(COMMAND, CODE, **WHY)
    fetched = await client.get(f"/api/v1/evidence-requests/{first['evidence_request_id']}", headers=headers)
    repeated = await pull(client, again, case_no, requirements=["licence"])
    assert (fetched.status_code, repeated.status_code) == (503, 503)
    assert ENTERPRISE["name"] not in fetched.text + repeated.text


async def test_what_was_in_hand_when_its_type_was_stopped_stays_an_intent_until_it_goes_on(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    complete = hub.issuing.complete

    async def stopped_before(intended: Intended) -> None:
        await hub.halts.halt(COMMAND, CODE, **WHY)
        await complete(intended)

    monkeypatch.setattr(hub.issuing, "complete", stopped_before)
    with pytest.raises(TypeHaltedError):
        await issue(hub, enterprise_claims(uscc=valid_uscc("91990100MA0000007")))
    states = text("SELECT count(*) FROM certificate_versions WHERE state = 'intended'")
    assert await hub.database.read(lambda tx: tx.execute(states).scalar()) == 1
    asked = await hub.sharing.proposals.propose(COMMAND, TYPE_LIFT, {"code": CODE, "reason": "已更正"}, "已更正")
    await hub.sharing.proposals.confirm(officer("two", Role.OPERATOR, department=await amr(hub)), asked.id)
    assert await hub.issuing.finish() == 1


async def test_a_stopped_type_gives_out_no_document_either(desk: Desk) -> None:
    await desk.hub.halts.halt(COMMAND, CODE, **WHY)
    path = f"/api/v1/certificates/{desk.identifier}/file"
    for wanted in ("sd-jwt", "json"):
        answer = await desk.client.get(path, params={"format": wanted}, headers=desk.headers)
        assert answer.status_code == 503, (wanted, answer.status_code)


@pytest.mark.parametrize("ended", ["lapsed", "erased"])
async def test_an_act_that_nobody_will_confirm_keeps_no_claims(desk: Desk, ended: str) -> None:
    hub = desk.hub
    await strict_type(hub)
    claims = enterprise_claims(address="示例市晨光路9号")
    answer = await desk.act("change", reason_code="particulars_changed", claims=claims)
    assert answer.status_code == 202
    assert await hub.transitions.waiting.sweep() == 0
    if ended == "lapsed":
        await sql(hub, "UPDATE certificate_acts SET expires_at = created_at")
        assert await hub.transitions.waiting.sweep() == 1
    else:
        await erase(hub)
    content = text("SELECT length(content) FROM certificate_acts")
    assert await hub.database.read(lambda tx: tx.execute(content).scalar()) == 0
    with pytest.raises(ProposalOverError):
        await hub.transitions.waiting.confirm(officer("boss", department=await amr(hub)), answer.json()["act"])
