"""Licences of which the hub keeps an index alone: what they say is asked from the source when they are used."""

import json
from typing import Any

import pytest
import yaml
from sqlalchemy import Connection

from catalog.source_store import find_source
from certificates.lifecycle.states import Operation
from certificates.stores import certificates as library
from certificates.stores.version import HeldVersion
from hub.access.actors import COMMAND
from hub.issuing.drafting import read_index
from hub.issuing.plan import Effect, lookup_hash
from hub.runtime import Hub
from signing import sd_jwt
from tests.exchange.conftest import SECRET_SHARE, Town, add_source, definition, publish, row
from tests.exchange.declared import TITLE
from tests.support import AMR, ENTERPRISE, INTAKE, POLICE, PURPOSE, issue, pull, requirement

STANDING = "11990000MB0000002Q031"
SOURCE_CLAIMS = {"name": "name", "uscc": "uscc", "established_on": "established_on", "standing": "status"}


def standing(**changes: Any) -> str:
    """A proof of good standing, whose claims stay at the register."""

    def claim(claim_format: str, *, required: bool = True, disclosure: str = "selective") -> dict[str, Any]:
        return {"title": dict(TITLE), "format": claim_format, "required": required, "disclosure": disclosure}

    claims = {
        "proof_no": claim("code", disclosure="never"),
        "name": claim("text"),
        "uscc": claim("uscc"),
        "established_on": claim("date", required=False),
        "standing": claim("text") | {"schema": {"enum": ["存续", "注销"]}},
    }
    declared = {
        "slug": "good_standing",
        "code": STANDING,
        "name": {"zh": "存续证明", "en": "Proof of good standing"},
        "kind": "proof",
        "defining_authority": {"name": "国家市场监督管理总局（示例）", "uscc": AMR},
        "holder_kinds": ["001"],
        "holder": {"id_type": "001", "id": "uscc", "name": "name"},
        "record_key": "proof_no",
        "validity": {"years": 1},
        "confirms_identity": False,
        "complete": True,
        "single_instance": True,
        "custody": "index",
        "source": {"interface": "enterprise_by_uscc", "claims": dict(SOURCE_CLAIMS)},
        "claims": claims,
        "mapping": {"version": 1, "absent": [""], "columns": {name: name for name in claims}},
    }
    return yaml.safe_dump(declared | changes, allow_unicode=True)


def record(**changes: Any) -> dict[str, Any]:
    return {
        "proof_no": "CX2026001",
        "name": ENTERPRISE["name"],
        "uscc": ENTERPRISE["id_number"],
        "established_on": "2019-03-01",
        "standing": "存续",
    } | changes


async def furnish(hub: Hub, declared: str, *fields: str) -> None:
    await hub.registry.add_type(declared)
    await issue(hub, record(), slug="good_standing")
    wanted = list(fields)
    await hub.registry.add_matter(
        {
            "code_system": "test",
            "code": "STANDING",
            "name": {"zh": "投标", "en": "Tender"},
            "department": AMR,
            "roles": ["applicant"],
            "requirements": [
                requirement("standing", "存续证明", "applicant", [[{"type": STANDING, "fields": wanted}]])
            ],
        }
    )
    granted = {
        "system": INTAKE,
        "type": "good_standing",
        "owner": AMR,
        "fields": wanted,
        "matters": ["STANDING"],
        "purpose": PURPOSE,
        "legal_basis": "政务数据共享条例",
        "valid_until": "2035-01-01T00:00:00+08:00",
    }
    await hub.registry.add_grant(granted)


async def asked(town: Town) -> dict[str, Any]:
    case_no = await town.case(matter="STANDING")
    answer = await pull(town.client, town.headers, case_no)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["requirements"][0]
    return found


async def versions(town: Town) -> list[HeldVersion]:
    wanted = [lookup_hash(town.hub.vault, "001", str(ENTERPRISE["id_number"]))]
    return (await town.hub.database.read(lambda tx: library.held_by(tx, wanted, [STANDING])))[1]


async def test_the_index_keeps_number_status_and_validity_and_the_source_says_the_rest(town: Town) -> None:
    await furnish(town.hub, standing(), "name", "standing")
    (held,) = await versions(town)
    assert (held.record.state, held.record.status, held.record.signing_kid) == ("indexed", "valid", "")
    keeper = held.kept_by
    key = town.hub.vault.data_key(keeper.data_key, keeper.kek_kid)
    kept = read_index(key, held.record)
    assert kept.number == "CX2026001"
    assert "CX2026001" not in repr(kept)
    plain = json.dumps(dict(kept.described), ensure_ascii=False)
    assert [value for value in ('存续"', "2019-03-01", ENTERPRISE["name"]) if value in plain] == []
    assert await town.hub.issuing.finish() == 0

    found = await asked(town)
    assert (found["outcome"], found["rung"]) == ("satisfied", "certificate")
    evidence = found["evidence"]
    assert evidence["claims"] == {"name": ENTERPRISE["name"], "standing": "存续"}
    assert (evidence["source"]["kind"], evidence["source"]["custody"]) == ("interface", "index")
    assert evidence["source"]["interface"] == "enterprise_by_uscc"
    assert evidence["certificate"]["identifier"] == held.record.identifier
    copy = sd_jwt.verify(evidence["token"].encode(), key=town.hub.desk.hub("purpose-copy").signer.public)
    assert copy.claims["certificate"]["custody"] == "index"
    assert SECRET_SHARE not in json.dumps(found, ensure_ascii=False)
    assert town.register.asked == [ENTERPRISE["id_number"]]


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("mood", "why"),
    [("html", "source_faulty"), ("drifted", "source_faulty"), ("two", "source_faulty"), ("gone", "source_faulty")],
)
async def test_a_source_that_fails_is_unavailable_and_never_none(town: Town, mood: str, why: str) -> None:
    await furnish(town.hub, standing(), "name", "standing")
    if mood == "gone":
        town.register.rows.clear()
    town.register.mood = mood
    found = await asked(town)
    assert (found["outcome"], found["why"]["code"]) == ("source_unavailable", why)
    assert "evidence" not in found


@pytest.mark.embedded
async def test_of_a_stopped_type_nothing_is_asked(town: Town) -> None:
    """The source would learn about whom somebody asks, for an answer that is then withheld."""
    await furnish(town.hub, standing(), "name")
    await town.hub.halts.halt(COMMAND, "good_standing", reason="模板有误", legal_basis="电子证照管理办法")
    found = await asked(town)
    assert (found["outcome"], found["why"]["code"]) == ("source_unavailable", "type_halted")
    assert town.register.asked == []


@pytest.mark.embedded
async def test_an_answer_about_another_or_of_another_shape_does_not_leave(town: Town) -> None:
    await furnish(town.hub, standing(), "name", "established_on")
    number = str(ENTERPRISE["id_number"])
    town.register.rows[number] = [row(企业名称="别家公司")]
    assert (await asked(town))["why"]["code"] == "other_record"
    town.register.rows[number] = [row()]
    found = await asked(town)
    assert found["evidence"]["claims"]["established_on"] == "2019-03-01"


@pytest.mark.embedded
async def test_what_its_source_says_has_ended_is_no_proof_whatever_is_granted(town: Town) -> None:
    source = {"interface": "enterprise_by_uscc", "claims": dict(SOURCE_CLAIMS), "ended": {"standing": ["注销"]}}
    await furnish(town.hub, standing(source=source), "name")
    found = await asked(town)
    assert found["evidence"]["claims"] == {"name": ENTERPRISE["name"]}, "by what it is judged does not leave"
    town.register.rows[str(ENTERPRISE["id_number"])] = [row(ZT="2")]
    found = await asked(town)
    assert (found["outcome"], found["why"]["code"]) == ("source_unavailable", "source_faulty")
    assert "evidence" not in found


@pytest.mark.embedded
async def test_only_an_interface_of_the_issuing_department_is_asked(town: Town) -> None:
    declared = standing(source={"interface": "enterprise_elsewhere", "claims": dict(SOURCE_CLAIMS)})
    await furnish(town.hub, declared, "name")
    assert (await asked(town))["why"]["code"] == "source_misconfigured"
    await add_source(town.hub, town.register.port, code="elsewhere", department=POLICE)
    assert await town.hub.database.read(lambda tx: find_source(tx, "elsewhere")) is not None
    await publish(town.hub, definition(code="enterprise_elsewhere", source="elsewhere", department=POLICE))
    assert (await asked(town))["why"]["code"] == "source_misconfigured"
    assert town.register.asked == []


@pytest.mark.embedded
async def test_the_number_of_the_licence_is_asked_by_where_the_interface_wants_it(town: Town) -> None:
    town.register.rows["CX2026001"] = [row()]
    by_number = definition(
        code="standing_by_number",
        params={"number": {"title": TITLE, "from": "caller", "schema": {"type": "string"}}},
        echoes={},
        identity_name=None,
        operation={"method": "GET", "path": "/standings/{number}", "rows": "/data"},
    )
    del by_number["identity_name"]
    await publish(town.hub, by_number)
    await furnish(
        town.hub, standing(source={"interface": "standing_by_number", "claims": dict(SOURCE_CLAIMS)}), "standing"
    )
    assert (await asked(town))["evidence"]["claims"] == {"standing": "存续"}
    assert town.register.asked == ["CX2026001"]


async def test_a_changed_row_makes_the_next_index_record(town: Town) -> None:
    await furnish(town.hub, standing(), "name")
    (same,) = await issue(town.hub, record(), slug="good_standing")
    assert same.effect is Effect.UNCHANGED
    (changed,) = await issue(town.hub, record(standing="注销"), slug="good_standing")
    assert changed.effect is Effect.UPDATED
    (held,) = await versions(town)
    assert (held.record.version, held.record.state) == (2, "indexed")

    def older(tx: Connection) -> list[str]:
        return [item.status for item in library.versions_of(tx, held.record.certificate_id)]

    assert await town.hub.database.read(older) == ["superseded", "valid"]


async def test_a_revoked_index_record_is_refused_and_its_source_hears_nothing(town: Town) -> None:
    await furnish(town.hub, standing(), "name")
    (held,) = await versions(town)
    await town.hub.status.change(held.record.identifier, Operation.REVOKE, reason="test", legal_basis="test")
    found = await asked(town)
    assert (found["outcome"], found["why"]["code"]) == ("refused", "certificate_revoked")
    assert town.register.asked == []
