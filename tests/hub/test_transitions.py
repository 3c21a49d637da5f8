"""Acts on certificates over HTTP and in the services: done once, by whom they are for, refused by the table."""

from typing import Any

import pytest
from sqlalchemy import Connection, text

from catalog.tables import table
from certificates.errors import ActError, TransitionError
from certificates.lifecycle.states import Operation
from hub.access.actors import COMMAND, Role
from hub.access.errors import ForbiddenError
from hub.collection.errors import NotEntitledError
from hub.issuing.status.service import UnknownCertificateError
from hub.issuing.transitions.acts import Act
from tests.hub.acting import OTHER_FIRM, WHY, Desk, amr, events, officer
from tests.hub.city import ledger
from tests.support import ENTERPRISE, POLICE, enterprise_claims


async def test_a_licence_is_suspended_resumed_and_revoked_and_its_history_says_by_whom_and_why(desk: Desk) -> None:
    for operation, code, status, verdict in (
        ("suspend", "investigation", "suspended", "certificate_suspended"),
        ("resume", "cause_removed", "valid", "ok"),
        ("revoke", "signed_in_error", "revoked", "certificate_revoked"),
    ):
        answer = await desk.act(operation, reason_code=code)
        assert (answer.status_code, answer.json()["status"]) == (201, status), answer.text
        assert await desk.verdict() == verdict
    history = (await desk.look())["history"]
    assert [(item["operation"], item["from"], item["to"], item["reason_code"]) for item in history] == [
        ("suspend", "valid", "suspended", "investigation"),
        ("resume", "suspended", "valid", "cause_removed"),
        ("revoke", "valid", "revoked", "signed_in_error"),
    ]
    assert {item["by"]["id"] for item in history} == {"intake"}
    assert await events(desk.hub) == ["certificate.suspended", "certificate.resumed", "certificate.revoked"]
    refused = await desk.act("resume", reason_code="other")
    assert (refused.status_code, refused.json()["state"]) == (409, "revoked")


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("operation", "code", "verdict", "heard"),
    [
        ("withdraw", "penalty", "certificate_withdrawn", "certificate.revoked"),
        ("cancel", "holder_ceased", "certificate_cancelled", "certificate.revoked"),
        ("transfer_out", "moved", "certificate_transferring", "certificate.suspended"),
        ("other", "other", "certificate_other", "certificate.suspended"),
    ],
)
async def test_every_end_has_its_own_verdict_and_is_heard(
    desk: Desk, operation: str, code: str, verdict: str, heard: str
) -> None:
    assert (await desk.act(operation, reason_code=code)).status_code == 201
    assert await desk.verdict() == verdict
    assert await events(desk.hub) == [heard]


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("body", "pointer", "rule"),
    [
        ({"operation": "explode"}, "/operation", "unknown"),
        ({"operation": "revoke", "reason_code": "renewal"}, "/reason_code", "not_of_this_operation"),
        ({"operation": "revoke"}, "/reason_code", "required"),
        ({"operation": "revoke", "reason_code": "other", "reason": " "}, "/reason", "required"),
        ({"operation": "revoke", "reason_code": "other", "legal_basis": ""}, "/legal_basis", "required"),
        (
            {"operation": "revoke", "reason_code": "other", "effective_at": "2999-01-01"},
            "/effective_at",
            "in_the_future",
        ),
        (
            {"operation": "revoke", "reason_code": "other", "effective_at": "2001-01-01"},
            "/effective_at",
            "before_the_certificate",
        ),
        ({"operation": "renew", "reason_code": "renewal"}, "/claims", "required"),
        ({"operation": "suspend", "reason_code": "other", "claims": {}}, "/claims", "not_allowed"),
        ({"operation": "issue", "reason_code": "other"}, "/operation", "begins_a_certificate"),
        ({"operation": "change", "reason_code": "other", "claims": OTHER_FIRM}, "/claims", "another_record"),
        ({"operation": "expire"}, "", ""),
    ],
)
async def test_an_act_that_lacks_something_says_what_and_changes_nothing(
    desk: Desk, body: dict[str, Any], pointer: str, rule: str
) -> None:
    before = await ledger(desk.hub)
    answer = await desk.act(**body)
    if pointer:
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"] == [{"pointer": pointer, "rule": rule}]
    else:
        assert answer.status_code == 403  # what only a date or a register may say
    assert await ledger(desk.hub, since=before) == []
    assert (await desk.look())["history"] == []


async def test_a_change_makes_the_next_version_and_each_names_the_other(desk: Desk) -> None:
    answer = await desk.act(
        "change", reason_code="particulars_changed", claims=enterprise_claims(address="示例市新街2号"), key="move-1"
    )
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["version"], made["predecessor"], made["current"]) == (2, desk.identifier, True)
    assert [item["operation"] for item in made["history"]] == ["change"]
    old = await desk.look()
    assert (old["status"], old["successor"], old["current"]) == ("superseded", made["identifier"], False)
    assert [(item["operation"], item["to"]) for item in old["history"]] == [("change", "superseded")]
    assert await desk.verdict(made["identifier"]) == "ok"
    again = await desk.act(
        "change", reason_code="particulars_changed", claims=enterprise_claims(address="示例市新街2号"), key="move-1"
    )
    assert again.json() == made
    other = await desk.act("change", reason_code="particulars_changed", claims=enterprise_claims(), key="move-1")
    assert other.status_code == 409


async def test_a_renewal_with_the_same_particulars_is_a_new_version_and_a_correction_revokes_the_error(
    desk: Desk,
) -> None:
    renewed = (await desk.act("renew", reason_code="renewal", claims=enterprise_claims())).json()
    assert renewed["version"] == 2
    answer = await desk.act(
        "correct", renewed["identifier"], claims=enterprise_claims(name=ENTERPRISE["name"], address="示例市正确路3号")
    )
    corrected = answer.json()
    assert (corrected["version"], corrected["history"][0]["reason_code"]) == (3, "signed_in_error")
    wrong = await desk.look(renewed["identifier"])
    assert (wrong["status"], wrong["successor"]) == ("revoked", corrected["identifier"])
    assert await desk.verdict(renewed["identifier"]) == "certificate_revoked"
    assert (await desk.look())["status"] == "superseded"
    assert await desk.verdict(corrected["identifier"]) == "ok"


async def test_the_last_version_is_followed_by_a_new_serial(desk: Desk) -> None:
    def last(tx: Connection) -> None:
        tx.execute(text("UPDATE certificate_versions SET version = 999"))
        tx.execute(text("UPDATE certificates SET current_version = 999"))
        from certificates.stores.certificates import find_version
        from certificates.tables import CertificateVersionRow
        from hub.ledger.guards import version_mac

        versions = table(CertificateVersionRow)
        found = find_version(tx, desk.identifier)
        assert found is not None
        tx.execute(versions.update().values(mac=version_mac(found, desk.hub.vault)))

    await desk.hub.database.write(last)
    made = (await desk.act("renew", reason_code="renewal", claims=enterprise_claims())).json()
    assert (made["version"], made["predecessor"]) == (1, desk.identifier)
    assert made["identifier"].split(".")[-3] != desk.identifier.split(".")[-3]
    assert (await desk.look())["successor"] == made["identifier"]


async def test_a_first_licence_is_issued_by_form_and_not_twice(desk: Desk) -> None:
    body = {"type": "business_licence", "claims": OTHER_FIRM, **WHY, "reason_code": "first_grant"}
    answer = await desk.client.post("/api/v1/certificates", json=body, headers=desk.headers)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert [(item["operation"], item["from"], item["to"]) for item in made["history"]] == [("issue", None, "valid")]
    assert await desk.verdict(made["identifier"]) == "ok"
    twice = await desk.client.post("/api/v1/certificates", json=body, headers=desk.headers)
    assert twice.json()["errors"] == [{"pointer": "/claims", "rule": "certificate_exists"}]
    assert (await desk.act("cancel", made["identifier"], reason_code="holder_request")).status_code == 201
    anew = await desk.client.post("/api/v1/certificates", json=body, headers=desk.headers)
    assert (anew.status_code, anew.json()["version"]) == (201, 1)
    assert anew.json()["identifier"] != made["identifier"]
    faulty = body | {"claims": enterprise_claims(uscc="123")}
    refused = await desk.client.post("/api/v1/certificates", json=faulty, headers=desk.headers)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/claims/uscc")
    foreign = await desk.client.post(
        "/api/v1/certificates", json=body | {"type": "identity_card"}, headers=desk.headers
    )
    assert foreign.status_code == 403


async def test_a_licence_moves_out_and_another_comes_in_with_its_origin(desk: Desk) -> None:
    assert (await desk.act("transfer_out", reason_code="moved")).json()["status"] == "transferring"
    assert (await desk.act("cancel_transfer", reason_code="move_given_up")).json()["status"] == "valid"
    await desk.act("transfer_out", reason_code="moved")
    assert (await desk.act("complete_transfer", reason_code="moved")).json()["status"] == "transferred"
    body = {"type": "business_licence", "operation": "transfer_in", "claims": OTHER_FIRM, **WHY, "reason_code": "moved"}
    bare = await desk.client.post("/api/v1/certificates", json=body, headers=desk.headers)
    assert bare.json()["errors"][0]["pointer"] == "/origin"
    origin = {"identifier": "1.2.156.3005.2.OTHER", "number": "证字第1号", "authority": "邻市市场监管局"}
    made = await desk.client.post("/api/v1/certificates", json=body | {"origin": origin}, headers=desk.headers)
    assert (made.status_code, made.json()["predecessor"]) == (201, origin["identifier"])
    assert made.json()["history"][0]["origin"] == origin


@pytest.mark.embedded
async def test_who_may_not_is_refused_and_others_see_nothing(desk: Desk) -> None:
    mine, theirs = await amr(desk.hub), await amr(desk.hub, POLICE)
    act = Act.read({"operation": "cancel", "reason_code": "holder_request", **WHY})
    service = desk.hub.transitions
    for actor, error in (
        (officer("p", department=theirs), UnknownCertificateError),
        (officer("c", Role.CONSUMER_ENGINEER, department=mine), ForbiddenError),
        (officer("e", Role.OWNER_ENGINEER, department=mine), ForbiddenError),
        (officer("o", Role.OPERATOR, department=theirs), ForbiddenError),
    ):
        with pytest.raises(error):
            await service.act(actor, desk.identifier, act)
    with pytest.raises(UnknownCertificateError):
        await service.history(officer("p", department=theirs), desk.identifier)
    with pytest.raises(UnknownCertificateError):
        await service.history(officer("c", Role.CONSUMER_ENGINEER, department=mine), desk.identifier)
    issue_act = Act.read({"operation": "issue", "reason_code": "first_grant", **WHY, "claims": OTHER_FIRM})
    with pytest.raises(NotEntitledError):
        await service.begin(officer("p", department=theirs), "business_licence", issue_act)
    # The operator suspends when a key is stolen; to cancel is for the issuer alone.
    stop = Act.read({"operation": "suspend", "reason_code": "key_compromised", **WHY})
    assert (await service.act(officer("o", Role.OPERATOR, department=theirs), desk.identifier, stop)).identifier
    assert (await service.act(officer("a", department=mine), desk.identifier, act)).identifier


async def test_an_act_on_a_version_that_is_over_is_refused_by_the_table(desk: Desk) -> None:
    renewed = await desk.act("renew", reason_code="renewal", claims=enterprise_claims())
    assert renewed.status_code == 201
    with pytest.raises(TransitionError):
        await desk.hub.transitions.act(
            COMMAND, desk.identifier, Act.read({"operation": "suspend", "reason_code": "penalty", **WHY})
        )
    with pytest.raises(ActError, match="not_the_newest_version"):
        await desk.hub.transitions.act(
            COMMAND,
            desk.identifier,
            Act.read({"operation": "renew", "reason_code": "renewal", **WHY, "claims": enterprise_claims()}),
        )
    await desk.hub.status.change(desk.identifier, Operation.REVOKE, reason="误签发", legal_basis="法")
    assert (await desk.look())["status"] == "revoked"
