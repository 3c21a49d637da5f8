"""A licence of several holders: found by each of them, shown to each, and by nobody whom the hub did not write down."""

from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection, text

from catalog.store import find_department
from certificates.definitions.loading import catalogue_text
from certificates.lifecycle.states import Operation
from certificates.stores import certificates as library
from certificates.stores.further_holders import further_of
from certificates.stores.version import HeldVersion
from hub.access.actors import Actor
from hub.clock import rfc3339
from hub.issuing.files import identifiers_of
from hub.issuing.plan import Effect, lookup_hash
from hub.issuing.shelf import held_by
from hub.runtime import Hub
from hub.sample.plausible import plausible_claims
from hub.storage.errors import IntegrityBrokenError
from tests.hub.acting import amr, officer
from tests.hub.city import ledger
from tests.hub.command import yizheng
from tests.support import (
    AMR,
    ENTERPRISE,
    INTAKE,
    PURPOSE,
    Place,
    enterprise_claims,
    issue,
    open_case,
    pull,
    requirement,
    valid_uscc,
)

HOUSING = valid_uscc("11990100MB0000036")
PERMIT = "11990000MB00000065006"
OWNER = valid_uscc("91990100MA0000002")
SUPERVISOR = valid_uscc("91990100MA0000003")
FIELDS = ["permit_no", "project_code", "contractor_name"]


@pytest.fixture
async def town(hub: Hub) -> Hub:
    await hub.registry.add_type(catalogue_text("construction_permit"))
    names = {"zh": "住房和城乡建设局", "en": "Housing"}
    await hub.registry.add_department({"code": HOUSING, "name": names, "issues": ["construction_permit"]})
    return hub


def permit(hub: Hub, **changes: Any) -> dict[str, Any]:
    known = hub.types.find("construction_permit")
    assert known is not None
    claims = plausible_claims(known.type, 1) | {
        "uscc": OWNER,
        "name": "示例市建设投资有限公司",
        "contractor_uscc": ENTERPRISE["id_number"],
        "contractor_name": ENTERPRISE["name"],
        "supervisor_uscc": SUPERVISOR,
        "supervisor_name": "示例市监理有限公司",
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


async def held(hub: Hub, uscc: str) -> list[HeldVersion]:
    wanted = [lookup_hash(hub.vault, "001", uscc)]
    return (await hub.database.read(lambda tx: library.held_by(tx, wanted, [PERMIT])))[1]


async def test_each_holder_finds_it_and_only_while_he_is_one(town: Hub) -> None:
    await issue(town, permit(town), slug="construction_permit", issuer=HOUSING)
    found = [(await held(town, uscc))[0] for uscc in (OWNER, str(ENTERPRISE["id_number"]), SUPERVISOR)]
    assert len({item.record.id for item in found}) == 1
    assert [item.further and item.further.role for item in found] == [None, "contractor", "supervisor"]
    assert len({item.kept_by.id for item in found}) == 1
    assert len({item.subject.id for item in found}) == 3
    listed = await identifiers_of(town, "001", SUPERVISOR)
    assert [item["identifier"] for item in listed] == [found[0].record.identifier]
    changed = permit(town, supervisor_uscc=None, supervisor_name=None)
    (decision,) = await issue(town, changed, slug="construction_permit", issuer=HOUSING)
    assert decision.effect is Effect.UPDATED
    assert await held(town, SUPERVISOR) == []
    assert [item.record.version for item in await held(town, str(ENTERPRISE["id_number"]))] == [2]


async def test_what_a_holder_had_on_a_day_is_told_with_its_state_then(place: Place, town: Hub) -> None:
    await issue(town, permit(town), slug="construction_permit", issuer=HOUSING)
    (first,) = await identifiers_of(town, "001", SUPERVISOR)
    moments = [town.clock()]
    await town.status.change(first["identifier"], Operation.SUSPEND, reason="test", legal_basis="test")
    moments.append(town.clock())
    await town.status.change(first["identifier"], Operation.RESUME, reason="test", legal_basis="test")
    changed = permit(town, supervisor_uscc=None, supervisor_name=None)
    await issue(town, changed, slug="construction_permit", issuer=HOUSING)
    moments.append(town.clock())

    async def had(uscc: str, moment: datetime) -> list[tuple[str, str]]:
        found = await identifiers_of(town, "001", uscc, as_of=moment)
        return [(item["identifier"].split(".")[-2], item["status"]) for item in found]

    assert [await had(SUPERVISOR, moment) for moment in moments] == [[("001", "valid")], [("001", "suspended")], []]
    assert [await had(OWNER, moment) for moment in moments] == [
        [("001", "valid")], [("001", "suspended")], [("002", "valid")],
    ]  # fmt: skip
    assert await had(OWNER, moments[0] - timedelta(days=1)) == []
    department = await town.database.read(lambda tx: find_department(tx, HOUSING))
    assert department is not None

    async def looked(actor: Actor, as_of: datetime | None) -> list[tuple[str, str]]:
        hashes = [lookup_hash(town.vault, "001", SUPERVISOR)]
        found = await town.database.write(
            lambda tx: held_by(tx, town.vault, actor, hashes, "受理号", now=town.clock(), as_of=as_of)
        )
        return [(item.identifier, item.status) for item in found.items]

    theirs = officer("li", department=department.id)
    assert await looked(theirs, moments[1]) == [(first["identifier"], "suspended")]
    assert await looked(theirs, None) == []
    assert await looked(officer("wang", department=await amr(town)), moments[1]) == []  # another department's
    looks = [entry.detail for entry in await ledger(town) if entry.kind == "certificate.search"]
    assert [(look["found"], look.get("as_of")) for look in looks] == [
        (1, rfc3339(moments[1])), (0, None), (0, rfc3339(moments[1])),
    ]  # fmt: skip
    find = ("certificate", "find", "--json", "--id-number", SUPERVISOR, "--as-of")
    assert (await yizheng(place, *find, moments[0].isoformat())).json() == {"certificates": [first]}
    assert (await yizheng(place, *find, "spring")).code == 64
    forged = text("UPDATE certificate_holders SET role = 'owner'")
    await town.database.write(lambda tx: tx.execute(forged))
    with pytest.raises(IntegrityBrokenError):
        await had(SUPERVISOR, moments[0])


async def test_nobody_becomes_a_holder_by_a_row(town: Hub) -> None:
    await issue(town, permit(town), enterprise := permit(town, permit_no="P2", supervisor_uscc=None, supervisor_name=None), slug="construction_permit", issuer=HOUSING)  # noqa: E501  # fmt: skip
    assert "supervisor_uscc" not in enterprise
    supervised = (await held(town, SUPERVISOR))[0]
    other = next(item for item in await held(town, OWNER) if item.record.id != supervised.record.id)

    def forge(tx: Connection) -> None:
        (row,) = [item for item in further_of(tx, supervised.record.id) if item.role == "supervisor"]
        tx.execute(text("INSERT INTO certificate_holders (version_id, place, subject_id, role, name_hash, mac) SELECT :other, place, subject_id, role, name_hash, mac FROM certificate_holders WHERE version_id = :mine AND place = :place"), {"other": other.record.id, "mine": row.version_id, "place": row.place})  # noqa: E501  # fmt: skip

    await town.database.write(forge)
    with pytest.raises(IntegrityBrokenError):
        await identifiers_of(town, "001", SUPERVISOR)
    assert len(await identifiers_of(town, "001", OWNER)) == 2


async def test_a_further_holder_is_shown_his_licence(place: Place, town: Hub, client: httpx2.AsyncClient) -> None:
    await issue(town, permit(town), slug="construction_permit", issuer=HOUSING)
    need = {"type": PERMIT, "fields": FIELDS}
    await town.registry.add_matter(
        {
            "code_system": "test",
            "code": "BUILD",
            "name": {"zh": "施工", "en": "Build"},
            "department": AMR,
            "roles": ["applicant"],
            "requirements": [requirement("permit", "施工许可证", "applicant", [[need]])],
        }
    )
    await town.registry.add_grant(
        {
            "system": INTAKE,
            "type": "construction_permit",
            "owner": HOUSING,
            "fields": FIELDS,
            "matters": ["BUILD"],
            "purpose": PURPOSE,
            "legal_basis": "政务数据共享条例",
            "valid_until": "2035-01-01T00:00:00+08:00",
        }
    )
    headers = await place.headers(client)
    case_no = await open_case(client, headers, matter="BUILD")
    answer = (await pull(client, headers, case_no)).json()["requirements"][0]
    assert answer["outcome"] == "satisfied", answer
    assert answer["evidence"]["claims"]["contractor_name"] == ENTERPRISE["name"]


async def test_a_new_number_where_the_type_says_so(town: Hub) -> None:
    definition = catalogue_text("construction_permit").replace(
        "maker_checker", "register_driven: {reissue: serial}\nmaker_checker"
    )
    await town.registry.add_type(definition)
    await issue(town, permit(town), slug="construction_permit", issuer=HOUSING)
    (before,) = await held(town, OWNER)
    await issue(town, permit(town, scale="扩建"), slug="construction_permit", issuer=HOUSING)
    found = {item.record.status: item.record for item in await held(town, OWNER)}
    assert found["valid"].serial != before.record.serial
    assert (found["valid"].version, found["superseded"].id) == (1, before.record.id)


async def test_a_licence_is_read_under_the_version_of_its_type_that_made_it(hub: Hub) -> None:
    import yaml

    definition = yaml.safe_load(catalogue_text("business_licence"))
    title = {"zh": "备注", "en": "Remarks"}
    definition["claims"]["remarks"] = {"title": title, "format": "text", "required": False, "disclosure": "selective"}
    definition["mapping"]["columns"]["备注"] = "remarks"
    await hub.registry.add_type(yaml.safe_dump(definition, allow_unicode=True))
    await issue(hub, enterprise_claims(remarks="新"))

    def versions(tx: Connection) -> list[tuple[int, int]]:
        wanted = [lookup_hash(hub.vault, "001", str(ENTERPRISE["id_number"]))]
        _, (found,) = library.held_by(tx, wanted, ["11990000MB0000002Q001"])
        every = library.versions_of(tx, found.record.certificate_id)
        return [(item.version, item.type_version) for item in every]

    assert await hub.database.read(versions) == [(1, 1), (2, 2)]

    def older(tx: Connection) -> None:
        tx.execute(text("UPDATE certificate_versions SET type_version = 1 WHERE version = 2"))

    await hub.database.write(older)
    with pytest.raises(IntegrityBrokenError):
        await identifiers_of(hub, "001", str(ENTERPRISE["id_number"]))
