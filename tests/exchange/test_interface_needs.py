"""Interfaces as providers of a matter: what a department's system says meets a requirement, as shared data."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from catalog.grants import GrantState
from certificates.archive.check import check_archive
from certificates.data_copy import DATA_VCT
from certificates.verifying.verdict import Result
from hub.access.actors import COMMAND
from signing import sd_jwt
from tests.archive.made import archived, close
from tests.clients.conftest import Jwks
from tests.exchange.conftest import INTERFACE, SECRET_SHARE, Town, definition, for_another, grant, publish, row
from tests.hub.city import ledger
from tests.support import AMR, ENTERPRISE, pull, requirement, valid_uscc
from yizheng_client.errors import VerificationError
from yizheng_client.verifying import verify_evidence

OTHER = valid_uscc("91990100MA0000003")
NOBODY = valid_uscc("91990100MA0000004")
MATTER = "SHARED"
NEED = {"interface": INTERFACE, "fields": ["name", "is_active"]}
LICENCE = {"type": "11990000MB0000002Q001", "fields": ["name"]}
pytestmark = pytest.mark.embedded


async def furnish(town: Town, *alternatives: list[dict[str, Any]], **changes: Any) -> str:
    """A matter of one requirement that is met so, and a grant over the interface for it."""
    asked = requirement("registered", "登记信息", "applicant", list(alternatives) or [[NEED]]) | changes
    await town.hub.registry.add_matter(
        {
            "code_system": "test",
            "code": MATTER,
            "name": {"zh": "投标", "en": "Tender"},
            "department": AMR,
            "roles": ["applicant"],
            "requirements": [asked],
        }
    )
    granted: str = await town.hub.registry.add_grant(grant(matters=[MATTER]))
    return granted


async def answered(town: Town, case_no: str | None = None, **body: Any) -> dict[str, Any]:
    answer = await pull(town.client, town.headers, case_no or await town.case(matter=MATTER), **body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def asked(town: Town, **body: Any) -> dict[str, Any]:
    item: dict[str, Any] = (await answered(town, **body))["requirements"][0]
    return item


def said(item: dict[str, Any]) -> tuple[str, str]:
    return item["outcome"], item["why"]["code"]


async def test_what_a_source_says_meets_a_requirement_and_is_no_licence(town: Town) -> None:
    await furnish(town)
    answer = await answered(town)
    (item,) = answer["requirements"]
    assert (said(item), item["rung"]) == (("satisfied", "satisfied"), "shared_data")
    evidence = item["evidence"]
    assert evidence["claims"] == {"name": ENTERPRISE["name"], "is_active": True}
    assert "certificate" not in evidence
    assert {name: evidence["interface"][name] for name in ("code", "version", "department")} == {
        "code": INTERFACE, "version": 1, "department": AMR,
    }  # fmt: skip
    copy = sd_jwt.verify(evidence["token"].encode(), key=town.hub.desk.hub("purpose-copy").signer.public)
    assert (copy.claims["vct"], "certificate" in copy.claims) == (DATA_VCT, False)
    assert copy.claims["interface"] == evidence["interface"]
    assert copy.disclosed == {"name", "is_active"}
    assert SECRET_SHARE not in json.dumps(answer, ensure_ascii=False)
    assert answer["saved"]["papers"] == 1
    entry = next(entry for entry in await ledger(town.hub) if entry.kind == "disclosure")
    assert entry.detail["interfaces"] == [f"{INTERFACE}@1"]
    assert (entry.detail["fields"], entry.detail["certificates"]) == (["is_active", "name"], [])

    jwks = Jwks.read((await town.client.get("/.well-known/jwks.json")).content)
    verified = verify_evidence(json.dumps(answer), jwks)
    (shown,) = verified.requirements[0].evidence
    assert (shown.kind, dict(shown.certificate), shown.interface["code"]) == ("data_copy", {}, INTERFACE)
    body = {"token": evidence["token"], "audience": "intake"}
    verdict = (await town.client.post("/api/v1/verify", json=body)).json()
    assert (verdict["result"], verdict["kind"], verdict["certificate"]) == ("passed", "data_copy", None)
    assert (verdict["interface"]["code"], verdict["status"]) == (INTERFACE, "unknown")
    assert verdict["claims"] == evidence["claims"]
    other = (await town.client.post("/api/v1/verify", json=body | {"audience": "somebody"})).json()
    assert (other["result"], other["reason"]) == ("failed", "audience_mismatch")


async def test_nothing_passes_for_another_kind_of_copy(town: Town) -> None:
    await furnish(town)
    answer = await answered(town)
    jwks = Jwks.read((await town.client.get("/.well-known/jwks.json")).content)
    evidence = answer["requirements"][0]["evidence"]
    for change in ({"certificate": {"identifier": "x"}}, {"stand_in": {"rung": "verification"}}):
        evidence |= change
        with pytest.raises(VerificationError, match="copies_differ"):
            verify_evidence(json.dumps(answer), jwks)
        for name in change:
            del evidence[name]
    answer["requirements"][0]["rung"] = "certificate"
    with pytest.raises(VerificationError, match="body_differs"):
        verify_evidence(json.dumps(answer), jwks)


async def test_it_is_archived_as_it_was_given_and_no_licence_is_looked_for(town: Town) -> None:
    await furnish(town)
    answer = await answered(town)
    await close(town.hub, town.client, town.headers, answer["case_no"])
    files = await archived(town.hub, answer["case_no"])
    assert json.loads(files["evidence/0001.json"]) == answer

    def check(files: dict[str, bytes]) -> Any:
        return check_archive(files, anchors=town.hub.stamps.anchors(), at=town.hub.clock())

    verdict = check(files)
    assert (verdict.result, verdict.answers, verdict.certificates) == (Result.PASSED, 1, ())
    evidence = answer["requirements"][0]["evidence"]
    evidence["interface"] = evidence["interface"] | {"department": "somebody"}
    changed = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
    assert check(files | {"evidence/0001.json": changed}).result is Result.FAILED


async def test_a_repeat_gives_the_same_bytes_and_asks_no_source(town: Town) -> None:
    await furnish(town)
    case_no = await town.case(matter=MATTER)
    headers = town.headers | {"Idempotency-Key": "one"}
    first, again = [await pull(town.client, headers, case_no) for _ in range(2)]
    assert (first.status_code, first.content) == (200, again.content)
    path = f"/api/v1/evidence-requests/{first.json()['evidence_request_id']}"
    assert (await town.client.get(path, headers=town.headers)).content == first.content
    assert town.register.asked == [ENTERPRISE["id_number"]]


async def test_grant_comes_before_identity_and_unknown_and_misnamed_look_alike(town: Town) -> None:
    await furnish(town)
    assert said(await asked(town, purpose="别的用途")) == ("not_granted", "purpose_not_granted")
    assert town.register.asked == []
    # The interface knows companies by number and name: it answers where the library knows nobody.
    town.register.rows[OTHER] = [row(统一社会信用代码=OTHER, 企业名称="示例市未入库有限公司")]
    who = {
        "right": ("示例市未入库有限公司", OTHER),
        "misnamed": ("示例市末入库有限公司", OTHER),
        "unknown": ("某公司", NOBODY),
    }
    found = {}
    for name, party in who.items():
        case_no = await town.case(matter=MATTER, parties=for_another(*party)["parties"], external_no=name)
        item = (await answered(town, case_no))["requirements"][0]
        found[name] = said(item), "evidence" in item, item["why"]["params"]
    assert found["right"][:2] == (("satisfied", "satisfied"), True)
    assert found["misnamed"] == found["unknown"]
    assert found["unknown"][0] == ("identity_unconfirmed", "identity_unconfirmed")
    assert town.register.asked == [OTHER, OTHER, NOBODY]


@pytest.mark.parametrize(
    ("mood", "why"), [("html", "source_faulty"), ("drifted", "source_faulty"), ("another", "other_record")]
)
async def test_a_source_that_fails_or_answers_about_another_is_owed_and_never_none(
    town: Town, mood: str, why: str
) -> None:
    await furnish(town)
    town.register.rows[OTHER] = [row(统一社会信用代码=OTHER)]
    town.register.mood = mood
    answer = await answered(town)
    (item,) = answer["requirements"]
    assert (said(item), item["rung"], answer["still_needed"]) == (("source_unavailable", why), None, [])
    (owed,) = answer["owed"]
    assert (owed["department"], owed["cause"]) == (AMR, why)
    path = f"/api/v1/cases/{answer['case_no']}/owed"
    debt = (await town.client.get(path, headers=town.headers)).json()["owed"][0]
    town.register.mood = "another"  # that settles nothing
    assert (await town.hub.paying.pay(COMMAND, debt["id"])).state == "open"
    town.register.mood = "well"
    paid = await town.hub.paying.pay(COMMAND, debt["id"])
    assert (paid.state, paid.outcome) == ("paid", "satisfied")
    evidence = await town.client.get(f"/api/v1/evidence-requests/{paid.answer_id}", headers=town.headers)
    assert evidence.json()["requirements"][0]["rung"] == "shared_data"


async def test_a_name_that_the_source_does_not_know_is_somebody_else_where_the_library_knows_him(town: Town) -> None:
    await furnish(town)
    town.register.rows[str(ENTERPRISE["id_number"])] = [row(企业名称="别家公司")]
    with capture_logs() as logs:
        assert said(await asked(town)) == ("source_unavailable", "other_record")
    assert [line["event"] for line in logs if line.get("alarm")] == ["answer_about_another"]


async def test_none_is_for_a_complete_register_to_say(town: Town) -> None:
    await furnish(town)
    town.register.rows.clear()
    item = await asked(town)
    assert (said(item), item["rung"], item["why"]["params"]) == (
        ("declared_none", "no_record"), "shared_data", {"interface": INTERFACE},
    )  # fmt: skip
    await furnish(town, none_clears=False)
    assert said((await answered(town, await town.case(matter=MATTER, external_no="2")))["requirements"][0]) == (
        "no_source", "record_wanted",
    )  # fmt: skip
    await publish(town.hub, definition(complete=False), version=2)
    await furnish(town)
    case_no = await town.case(matter=MATTER, external_no="3")
    assert said((await answered(town, case_no))["requirements"][0])[0] in {"no_source", "declared_none"}


async def test_alternatives_go_in_their_order_and_a_source_is_asked_only_when_it_is_its_turn(town: Town) -> None:
    await furnish(town, [LICENCE], [NEED])
    licence = grant(matters=[MATTER], fields=["name"]) | {"type": LICENCE["type"]}
    await town.hub.registry.add_grant({name: value for name, value in licence.items() if name != "interface"})
    assert (await asked(town))["rung"] == "certificate"
    assert town.register.asked == []
    await furnish(town, [LICENCE, NEED])
    item = (await answered(town, await town.case(matter=MATTER, external_no="2")))["requirements"][0]
    assert (item["rung"], len(item["further_evidence"])) == ("shared_data", 1)
    assert ("certificate" in item["evidence"], "interface" in item["further_evidence"][0]) == (True, True)


async def test_several_records_are_several_copies_or_a_question(town: Town) -> None:
    await furnish(town)
    town.register.mood = "two"
    assert said(await asked(town)) == ("ambiguous", "several_records")


async def test_data_that_are_too_old_prove_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    await furnish(town, max_age_days=30)
    assert said(await asked(town)) == ("satisfied", "satisfied")
    later = datetime.now(UTC) + timedelta(days=31)
    monkeypatch.setattr(town.hub.evidence, "_clock", lambda: later)
    case_no = await town.case(matter=MATTER, external_no="2")
    assert said((await answered(town, case_no))["requirements"][0]) == ("no_source", "data_too_old")


async def test_what_ends_while_a_source_answers_lets_nothing_leave(town: Town) -> None:
    granted = await furnish(town)
    town.register.mood = "gated"
    case_no = await town.case(matter=MATTER)
    running = asyncio.create_task(pull(town.client, town.headers, case_no))
    await town.register.arrived.wait()
    closed = await town.client.post(f"/api/v1/cases/{case_no}/close", headers=town.headers)
    assert closed.status_code == 200, closed.text
    town.register.gate.set()
    assert (await running).status_code == 409

    town.register.arrived.clear()
    town.register.gate.clear()
    second = await town.case(matter=MATTER, external_no="2")
    running = asyncio.create_task(pull(town.client, town.headers, second))
    await town.register.arrived.wait()
    await town.hub.registry.change_grant(granted, GrantState.WITHDRAWN)
    town.register.gate.set()
    item = (await running).json()["requirements"][0]
    assert said(item) == ("not_granted", "grant_withdrawn")
    assert "evidence" not in item
