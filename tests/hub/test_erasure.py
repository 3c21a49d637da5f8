"""Erasing a person (seam D8): what was sealed under his key opens no more, here and in every restored backup."""

import json
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection, select, update

from catalog.errors import DefinitionError
from catalog.tables import table
from certificates.tables import SubjectRow
from hub.access.actors import COMMAND, Actor, Role
from hub.access.errors import ForbiddenError
from hub.issuing.files import identifiers_of, read_document
from hub.ledger.erasure import ERASE
from hub.ledger.errors import LedgerBrokenError
from hub.ledger.tables import LedgerEntryRow
from hub.ledger.tombstones import FILE
from hub.registry.requests.errors import SamePersonError
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from tests.hub.command import yizheng
from tests.support import ENTERPRISE, PURPOSE, Place, enterprise_claims, issue, open_case, pull

SUBJECTS, ENTRIES = table(SubjectRow), table(LedgerEntryRow)
SECOND = Actor("staff", "0190aaaa-0000-7000-8000-000000000002", "second", None, frozenset({Role.OPERATOR}))
BASIS = "个人信息保护法第四十七条"


async def erase(hub: Hub) -> str:
    """Both persons at once; answers the subject's id."""
    found = await hub.erasure.find(COMMAND, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    payload = {"subject": found.id, "legal_basis": BASIS}
    made = await hub.sharing.proposals.propose(COMMAND, ERASE, payload, "asked for")
    done = await hub.sharing.proposals.confirm(SECOND, made.id)
    assert done.result["certificates"] == found.certificates == 1
    await hub.jobs.sweep()
    await hub.ledger.drain()
    return found.id


async def held(hub: Hub) -> list[dict[str, Any]]:
    return await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])


async def kinds(hub: Hub) -> list[str]:
    return list(await hub.database.read(lambda tx: tx.execute(select(ENTRIES.c.kind)).scalars().all()))


def tombstones(place: Place) -> list[dict[str, Any]]:
    path = place.home / "witness" / FILE
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
async def wide(client: httpx2.AsyncClient, place: Place) -> dict[str, str]:
    return await place.headers(client)


async def test_an_erased_person_is_nobody_and_what_he_had_opens_no_more(
    hub: Hub, place: Place, client: httpx2.AsyncClient, wide: dict[str, str]
) -> None:
    [licence] = await held(hub)
    assert await read_document(hub, licence["identifier"])
    subject = await erase(hub)
    assert await held(hub) == []
    with pytest.raises(MissingError):
        await hub.erasure.find(COMMAND, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    with pytest.raises(IntegrityBrokenError):
        await read_document(hub, licence["identifier"])
    answer = (await pull(client, wide, await open_case(client, wide))).json()
    unknown = await open_case(client, wide, parties=[{"role": "applicant", **ENTERPRISE, "name": "查无此人"}])
    nobody = (await pull(client, wide, unknown)).json()
    assert [item["outcome"] for item in answer["requirements"]] == [item["outcome"] for item in nobody["requirements"]]
    assert [(each["subject"], len(each["key"])) for each in tombstones(place)] == [(subject, 64)]
    report = await hub.ledger.verify()
    assert report.findings == ()
    assert PURPOSE not in json.dumps(tombstones(place), ensure_ascii=False)


async def test_an_erased_persons_licence_can_be_revoked_and_he_may_come_back_as_a_new_person(hub: Hub) -> None:
    from certificates.lifecycle.states import Operation

    [licence] = await held(hub)
    subject = await erase(hub)
    changed = await hub.status.change(licence["identifier"], Operation.REVOKE, reason="r", legal_basis="b")
    assert changed.status == "revoked"
    await issue(hub, enterprise_claims())
    [again] = await held(hub)
    assert again["identifier"] != licence["identifier"]
    assert await read_document(hub, again["identifier"])
    found = await hub.erasure.find(COMMAND, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    assert found.id != subject
    await hub.ledger.drain()
    assert (await hub.ledger.verify()).findings == ()


@pytest.mark.embedded
async def test_it_takes_two_operators_a_reason_and_a_legal_basis(hub: Hub) -> None:
    found = await hub.erasure.find(COMMAND, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    proposals = hub.sharing.proposals
    for payload in ({"subject": found.id}, {"subject": found.id, "legal_basis": " "}, {"legal_basis": BASIS}):
        with pytest.raises(DefinitionError):
            await proposals.propose(COMMAND, ERASE, payload, "asked for")
    made = await proposals.propose(COMMAND, ERASE, {"subject": found.id, "legal_basis": BASIS}, "asked for")
    with pytest.raises(SamePersonError):
        await proposals.confirm(COMMAND, made.id)
    auditor = Actor("staff", SECOND.id, "auditor", None, frozenset({Role.AUDITOR}))
    with pytest.raises(ForbiddenError):
        await proposals.confirm(auditor, made.id)
    with pytest.raises(ForbiddenError):
        await hub.erasure.find(auditor, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    assert len(await held(hub)) == 1
    await proposals.confirm(SECOND, made.id)
    twice = await proposals.propose(COMMAND, ERASE, {"subject": found.id, "legal_basis": BASIS}, "asked for")
    with pytest.raises(DefinitionError, match="already"):
        await proposals.confirm(SECOND, twice.id)


async def test_what_a_database_that_was_put_back_remembers_is_erased_again_before_anything_is_served(
    place: Place,
) -> None:
    """Not a whole restore, only its heart: the subject's old key is in the store again, and the hub is started."""
    async with place.open() as hub:
        [licence] = await held(hub)
        before = await hub.database.read(lambda tx: dict(tx.execute(select(SUBJECTS)).mappings().one()))
        await erase(hub)

        def put_back(tx: Connection) -> None:
            tx.execute(update(SUBJECTS).where(SUBJECTS.c.id == before["id"]).values(**before))

        await hub.database.write(put_back)
        assert len(await held(hub)) == 1
    async with place.open() as hub:
        assert await held(hub) == []
        with pytest.raises(IntegrityBrokenError):
            await read_document(hub, licence["identifier"])
        assert (await kinds(hub)).count("subject.erased") == 2
        await hub.ledger.drain()
        assert (await hub.ledger.verify()).findings == ()
    async with place.open() as hub:
        assert (await kinds(hub)).count("subject.erased") == 2
    assert len(tombstones(place)) == 1


@pytest.mark.embedded
async def test_a_list_that_was_lost_is_written_again_and_one_that_was_changed_stops_the_hub(place: Place) -> None:
    async with place.open() as hub:
        await erase(hub)
    path = place.home / "witness" / FILE
    whole = path.read_text()
    path.unlink()
    async with place.open():
        pass
    assert tombstones(place) == [json.loads(whole)]
    for changed in (whole.replace('"subject": "0', '"subject": "1'), whole + whole, whole[:-9], "[]\n"):
        path.write_text(changed)
        with pytest.raises(LedgerBrokenError, match="list of erased persons"):
            async with place.open():
                pass


@pytest.mark.embedded
async def test_a_key_that_is_gone_without_an_entry_is_found_by_verify(hub: Hub) -> None:
    key = hub.vault.new_data_key()
    swap = update(SUBJECTS).values(data_key=key.wrapped, kek_kid=key.kek_kid)
    await hub.database.write(lambda tx: tx.execute(swap))
    report = await hub.ledger.verify()
    assert any("the content is not what was committed to" in finding for finding in report.findings)


@pytest.mark.embedded
async def test_the_number_is_typed_and_stands_in_no_output(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("typer.prompt", lambda *_args, **_options: ENTERPRISE["id_number"])
    found = await yizheng(place, "subject", "find", "--id-type", "001", "--json")
    assert (found.code, found.json()["certificates"]) == (0, 1)
    proposed = await yizheng(
        place, "subject", "erase", "--id-type", "001", "--reason", "asked for", "--legal-basis", BASIS, "--json"
    )
    assert (proposed.code, proposed.json()["state"]) == (0, "open")
    assert proposed.json()["payload"]["subject"] == found.json()["subject"]
    assert ENTERPRISE["id_number"] not in found.out + found.err + proposed.out + proposed.err
    monkeypatch.setattr("typer.prompt", lambda *_args, **_options: "110101199003070000")
    nobody = await yizheng(place, "subject", "find")
    assert (nobody.code, "nobody of this type" in nobody.err) == (65, True)
