"""Certificate types in the hub: by version, by two persons, under a MAC, seen by every process."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
import yaml
from sqlalchemy import Connection, text

from certificates.definitions.loading import catalogue_text
from certificates.errors import TypeChangeError, TypeRetiredError
from certificates.stores.types import stored_types, write_type
from hub.access.actors import COMMAND, Role
from hub.access.errors import ForbiddenError
from hub.issuing.types.errors import SlugTakenError, TypeFaultsError
from hub.issuing.types.guard import TYPES_OBJECT, count_of_changes, guarded, type_object
from hub.issuing.types.registry import TypeRegistry
from hub.registry.requests.errors import SamePersonError
from hub.registry.sharing import TYPE, TYPE_END
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from tests.access.people import add
from tests.hub.command import yizheng
from tests.registry.asking import Desk, staff
from tests.support import AMR, Place, enterprise_claims, issue

LICENCE = "11990000MB0000002Q001"
FOOD = "11990000MB0000002Q003"
END = {"code": LICENCE, "reason": "改版", "legal_basis": "某规定"}


def licence(**changes: Any) -> str:
    definition = yaml.safe_load(catalogue_text("business_licence")) | changes
    return yaml.safe_dump(definition, allow_unicode=True, sort_keys=False)


def with_note(**changes: Any) -> str:
    definition = yaml.safe_load(catalogue_text("business_licence")) | changes
    title = {"zh": "备注", "en": "Remarks"}
    definition["claims"]["remarks"] = {"title": title, "format": "text", "required": False, "disclosure": "selective"}
    definition["mapping"]["columns"]["备注"] = "remarks"
    return yaml.safe_dump(definition, allow_unicode=True, sort_keys=False)


async def test_a_type_comes_into_force_when_a_second_person_confirms_it(desk: Desk) -> None:
    proposals, types = desk.hub.sharing.proposals, desk.hub.types
    made = await proposals.propose(desk.operator, TYPE, {"definition": with_note()}, "增加备注")
    assert types.current()[LICENCE].version == 1
    with pytest.raises(SamePersonError):
        await proposals.confirm(desk.operator, made.id)
    done = await proposals.confirm(desk.second, made.id)
    assert done.result == {"type": LICENCE, "version": 2}
    assert "remarks" in types.current()[LICENCE].type.claims
    assert "remarks" not in types.version(LICENCE, 1).claims


async def test_the_defining_department_decides_about_its_own_types(desk: Desk) -> None:
    proposals = desk.hub.sharing.proposals
    engineer = await staff(desk.hub, AMR, "engineer", Role.OWNER_ENGINEER)
    made = await proposals.propose(engineer, TYPE, {"definition": with_note()}, "增加备注")
    assert [item.id for item in await proposals.waiting_on(desk.stranger)] == [
        made.id
    ]  # an approver of that department
    assert await proposals.waiting_on(desk.owner) == []
    for nobody in (desk.owner, engineer, desk.asker):
        with pytest.raises(ForbiddenError):
            await proposals.confirm(nobody, made.id)
    with pytest.raises(ForbiddenError):
        await proposals.propose(desk.owner, TYPE, {"definition": with_note()}, "别人的类型")
    await proposals.confirm(desk.stranger, made.id)
    assert desk.hub.types.current()[LICENCE].version == 2
    with pytest.raises(ForbiddenError):
        await proposals.propose(desk.stranger, TYPE_END, END | {"code": "11990000MB0000003U001"}, "别人的类型")
    ended = await proposals.propose(desk.stranger, TYPE_END, END, "改版")
    await proposals.confirm(desk.operator, ended.id)
    assert desk.hub.types.find("business_licence") is None


async def test_old_licences_keep_their_version_and_a_retired_type_issues_nothing(hub: Hub) -> None:
    typing = hub.registry.typing
    before = await hub.database.read(lambda tx: stored_types(tx, LICENCE))
    made = await typing.add(COMMAND, with_note())
    assert (made.version, made.current, made.made_by) == (2, True, "command:command-line")
    stored = await hub.database.read(lambda tx: stored_types(tx, LICENCE))
    assert [(item.version, item.current) for item in stored] == [(1, False), (2, True)]
    assert stored[0].definition == before[0].definition
    await issue(hub, enterprise_claims(remarks="新版"))
    shown = await typing.shown("business_licence")
    assert [item["version"] for item in shown["versions"]] == [2, 1]
    assert [item["pointer"] for item in shown["versions"][0]["changes"]] == ["/claims/remarks", "/mapping/columns/备注"]
    assert await typing.add(COMMAND, with_note()) == made  # said again: nothing changes
    await typing.retire(COMMAND, LICENCE, reason="改版", legal_basis="某规定")
    assert hub.types.find("business_licence") is None
    assert LICENCE in hub.types.codes()
    assert hub.types.version(LICENCE, 1).slug == "business_licence"
    with pytest.raises(TypeRetiredError):
        await typing.retire(COMMAND, LICENCE, reason="改版", legal_basis="某规定")
    back = await typing.add(COMMAND, with_note())
    assert hub.types.current()[LICENCE].version == back.version == 3


@pytest.mark.embedded
async def test_what_cannot_be_a_next_version_or_a_type_is_refused(hub: Hub) -> None:
    typing = hub.registry.typing
    with pytest.raises(TypeChangeError):
        await typing.add(COMMAND, licence(kind="proof"))
    with pytest.raises(TypeFaultsError) as caught:
        await typing.add(COMMAND, licence(record_key="nobody", code=FOOD[:-1] + "x"))
    assert [problem.where for problem in caught.value.problems] == ["code"]
    with pytest.raises(SlugTakenError):
        await typing.add(COMMAND, licence(code=FOOD))
    with pytest.raises(TypeFaultsError):
        await hub.sharing.proposals.propose(COMMAND, TYPE, {"definition": 1}, "x")
    with pytest.raises(MissingError):
        await typing.shown("nobody")
    with pytest.raises(MissingError):
        await typing.text_of("business_licence", 7)
    assert hub.types.current()[LICENCE].version == 1


async def test_a_row_that_the_hub_did_not_write_is_not_believed(hub: Hub) -> None:
    def forge(tx: Connection) -> None:
        tx.execute(text("UPDATE certificate_types SET definition = :text WHERE code = :code"), {"text": with_note(), "code": LICENCE})  # noqa: E501  # fmt: skip

    await hub.database.write(forge)
    fresh = TypeRegistry(hub.vault)
    await hub.database.read(fresh.load)
    assert LICENCE not in fresh.current()
    assert fresh.find("identity_card") is not None
    for change in (hub.registry.typing.add(COMMAND, licence(legal_basis="x")), hub.registry.typing.shown(LICENCE)):
        with pytest.raises(IntegrityBrokenError):
            await change

    def strip(tx: Connection) -> None:
        tx.execute(text("UPDATE certificate_types SET mac = NULL"))

    await hub.database.write(strip)
    assert await hub.registry.typing.adopt() == 0  # this hub has guarded types before
    fresh = TypeRegistry(hub.vault)
    await hub.database.read(fresh.load)
    assert fresh.current() == {}


@pytest.mark.parametrize("change", ["retire", "next", "adopted"])
async def test_yesterdays_row_with_its_own_mac_is_not_believed(hub: Hub, change: str) -> None:
    """Its MAC was right once: a type that was retired, or has a next version, is not brought back by it."""
    typing, rows = hub.registry.typing, text("SELECT * FROM certificate_types WHERE code = :code")
    if change == "adopted":

        def earlier(tx: Connection) -> None:
            tx.execute(text("UPDATE certificate_types SET row_version = NULL, mac = NULL WHERE code = :code"), {"code": LICENCE})  # noqa: E501  # fmt: skip
            tx.execute(text("UPDATE ledger_entries SET object_id = NULL, object_version = NULL WHERE object_id = :id"), {"id": type_object(LICENCE)})  # noqa: E501  # fmt: skip
            (stored,) = stored_types(tx, LICENCE)
            write_type(tx, guarded(hub.vault, stored))

        await hub.database.write(earlier)
    before = await hub.database.read(lambda tx: stored_types(tx, LICENCE))
    if change == "next":
        await typing.add(COMMAND, with_note())
    else:
        await typing.retire(COMMAND, LICENCE, reason="改版", legal_basis="某规定")

    def put_back(tx: Connection) -> None:
        for stored in tx.execute(rows, {"code": LICENCE}).all():
            tx.execute(text("DELETE FROM certificate_types WHERE id = :id"), {"id": stored.id})
        write_type(tx, before[0])

    await hub.database.write(put_back)
    fresh = TypeRegistry(hub.vault)
    await hub.database.read(fresh.load)
    assert fresh.find("business_licence") is None
    assert fresh.find("identity_card") is not None
    assert fresh.version(LICENCE, 1).slug == "business_licence"  # licences under it are still read
    for done in (typing.add(COMMAND, with_note()), typing.shown(LICENCE)):
        with pytest.raises(IntegrityBrokenError):
            await done


async def test_types_of_a_release_that_did_not_guard_them_are_adopted_once(hub: Hub) -> None:
    def earlier(tx: Connection) -> None:
        tx.execute(text("UPDATE certificate_types SET mac = NULL, made_by = NULL, row_version = NULL"))
        objects = [TYPES_OBJECT, *(type_object(code) for code in hub.types.codes())]
        tx.execute(
            text("UPDATE ledger_entries SET object_id = NULL, object_version = NULL WHERE object_id = :id"),
            [{"id": item} for item in objects],
        )

    await hub.database.write(earlier)
    assert await hub.registry.typing.adopt() == 2
    fresh = TypeRegistry(hub.vault)
    await hub.database.read(fresh.load)
    assert LICENCE in fresh.current()
    assert await hub.registry.typing.adopt() == 0


@pytest.mark.both
async def test_another_process_sees_a_change_and_reads_nothing_while_there_is_none(hub: Hub) -> None:
    other = TypeRegistry(hub.vault)
    await hub.database.read(other.load)
    kept = other.current()
    await hub.database.read(other.load)
    assert other.current() is kept
    await hub.registry.typing.add(COMMAND, with_note())
    await hub.database.read(lambda tx: other.learn(tx, {(LICENCE, 1)}))
    assert other.current() is kept
    await hub.database.read(lambda tx: other.learn(tx, {(LICENCE, 2)}))
    assert other.current()[LICENCE].version == 2
    assert await hub.database.read(count_of_changes) == 3


async def signed_in(hub: Hub, name: str, department: str | None, *roles: Role) -> dict[str, str]:
    person = await add(hub, name, *roles, department=department)
    secret = await hub.sessions.make_token(person.actor(), label="test", life=timedelta(hours=1))
    return {"Authorization": f"Bearer {secret}"}


@pytest.mark.embedded
async def test_types_over_http(place: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    maker = await signed_in(hub, "maker", AMR, Role.OWNER_ENGINEER)
    checker = await signed_in(hub, "checker", AMR, Role.OWNER_APPROVER)
    system = await place.headers(client)
    path = "/api/v1/certificate-types"
    found = (await client.get(path, params={"q": "营业"}, headers=system)).json()
    assert [item["code"] for item in found["certificate_types"]] == [LICENCE]
    first = (await client.get(path, params={"limit": 1}, headers=maker)).json()
    rest = (await client.get(path, params={"limit": 1, "cursor": first["next"]}, headers=maker)).json()
    assert [page["certificate_types"][0]["slug"] for page in (first, rest)] == ["business_licence", "identity_card"]
    assert rest["next"] is None
    elsewhere = await client.get(path, params={"q": "营业", "cursor": first["next"]}, headers=maker)
    assert elsewhere.status_code == 422
    one = (await client.get(f"{path}/business_licence", headers=system)).json()
    assert (one["state"], one["version"], one["issuers"][0]["code"]) == ("in_force", 1, AMR)
    assert one["claim_schema"]["required"] == ["name", "uscc", "established_on", "business_scope", "address"]
    document = await client.get(f"{path}/{LICENCE}/definition", headers=system)
    assert document.text == catalogue_text("business_licence")

    faulty = {"definition": licence(record_key="nobody", kind="proof"), "reason": "x"}
    checked = await client.post(f"{path}/check", json={"definition": faulty["definition"]}, headers=maker)
    assert checked.json()["errors"][0]["pointer"] == "/record_key"
    refused = await client.post(path, json=faulty, headers=maker)
    assert (refused.status_code, refused.json()["errors"][0]["rule"]) == (422, "not_a_required_claim")
    another = await client.patch(
        f"{path}/{LICENCE}", json=faulty | {"definition": licence(kind="proof")}, headers=maker
    )
    assert (another.status_code, another.json()["errors"][0]["rule"]) == (409, "another_kind")
    declared = {"definition": with_note(legal_basis="某条例第一条"), "reason": "增加"}
    proposed = await client.patch(f"{path}/{LICENCE}", json=declared, headers=maker)
    assert proposed.status_code == 201, proposed.text
    waiting = (await client.get("/api/v1/certificate-type-proposals", headers=checker)).json()["proposals"]
    assert [item["id"] for item in waiting] == [proposed.json()["id"]]
    confirm = f"/api/v1/proposals/{waiting[0]['id']}/confirm"
    assert (await client.post(confirm, headers=maker)).status_code == 403
    assert (await client.post(confirm, headers=checker)).status_code == 200
    rests_on = (await client.get(f"{path}/{LICENCE}", headers=system)).json()["legal_basis"]
    assert (one["legal_basis"], rests_on) == (None, "某条例第一条")
    ended = await client.post(f"{path}/{LICENCE}/retire", json={"reason": "x", "legal_basis": "y"}, headers=maker)
    assert (await client.post(f"/api/v1/proposals/{ended.json()['id']}/confirm", headers=checker)).status_code == 200
    one = (await client.get(f"{path}/{LICENCE}", headers=system)).json()
    assert (one["state"], [item["version"] for item in one["versions"]]) == ("retired", [2, 1])
    assert (await client.get(f"{path}/nobody", headers=system)).status_code == 404
    assert (await client.post(path, json=faulty, headers=system)).status_code == 401


@pytest.mark.embedded
async def test_types_at_the_command_line(place: Place, tmp_path: Any) -> None:
    file = tmp_path / "type.yaml"
    file.write_text(licence(record_key="nobody"), encoding="utf-8")
    checked = await yizheng(place, "type", "check", str(file))
    assert (checked.code, "/record_key" in checked.out, "name a claim that is required" in checked.out) == (
        65,
        True,
        True,
    )
    refused = await yizheng(place, "type", "add", str(file))
    assert (refused.code, "/record_key" in refused.err) == (65, True)
    added = await yizheng(place, "type", "add", "food_business_licence", "--json")
    assert added.json() == {"added": [FOOD]}
    listed = await yizheng(place, "type", "list", "--json")
    assert FOOD in [item["code"] for item in listed.json()["certificate_types"]]
    shown = await yizheng(place, "type", "show", "food_business_licence", "--definition")
    assert shown.out == catalogue_text("food_business_licence")
    file.write_text(shown.out.replace("{years: 5}", "{years: 6}"), encoding="utf-8")
    proposed = await yizheng(place, "type", "propose", str(file), "--reason", "延长", "--json")
    assert (proposed.json()["action"], proposed.json()["state"]) == (TYPE, "open")
    retired = await yizheng(place, "type", "retire", "nobody", "--reason", "x", "--legal-basis", "y")
    assert retired.code == 65
    assert "food_business_licence" in (await yizheng(place, "type", "list", "--shipped")).out
