"""The archive of a case: made once after its closing, for the system whose case it is, of what it disclosed alone."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select, update

from catalog.tables import table
from certificates.archive.check import check_archive
from certificates.archive.evidence import ANSWER_TYPE, BUNDLE_TYPE, RECEIPT_TYPE
from certificates.archive.package import read_zip
from certificates.stores.holders import subject_by_id
from certificates.verifying.pack import TrustPack
from certificates.verifying.verdict import Result
from hub.access.actors import COMMAND
from hub.archive.errors import ArchiveFaultyError, ArchiveNotReadyError
from hub.archive.tables import CaseArchiveRow
from hub.exchange import compose as queries
from hub.intake import compose as evidence
from hub.intake.store import case_by_id
from hub.intake.tables import EvidenceRequestRow
from hub.ledger import receipts
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import Hub, open_hub
from hub.storage.errors import IntegrityBrokenError
from signing.canonical import b64u, unb64u
from signing.errors import MalformedError
from tests.archive.made import archived, close, closed_case
from tests.hub.city import (
    CANARIES,
    CIVIL,
    ESTATE,
    HOME,
    PERMITS,
    PERSON,
    grow,
    ledger,
    marriage_claims,
    permit_claims,
    title_claims,
)
from tests.hub.stamping import authority_elsewhere
from tests.hub.test_erasure import erase
from tests.support import NARROW, Place, issue, open_case, pull

ARCHIVES, ENTRIES, REQUESTS = table(CaseArchiveRow), table(LedgerEntryRow), table(EvidenceRequestRow)


def judge(hub: Hub, files: dict[str, bytes]) -> Any:
    return check_archive(files, anchors=hub.stamps.anchors(), at=hub.clock(), strict=True)


async def kinds(hub: Hub, kind: str) -> int:
    found = select(ENTRIES.c.id).where(ENTRIES.c.kind == kind)
    return len(await hub.database.read(lambda tx: tx.execute(found).all()))


async def test_a_closed_case_has_one_archive_for_its_own_system_and_every_look_is_on_the_ledger(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    assert (await pull(client, headers, case_no)).status_code == 200
    path = f"/api/v1/cases/{case_no}/archive"
    early = await client.get(path, headers=headers)
    assert (early.status_code, early.json()["type"].rpartition("/")[2]) == (409, "case-not-closed")
    await client.post(f"/api/v1/cases/{case_no}/close", headers=headers)
    await hub.jobs.sweep()  # its closing is under no checkpoint yet: the archive's job comes again
    waiting = await client.get(path, headers=headers)
    assert (waiting.status_code, waiting.json()["type"].rpartition("/")[2]) == (503, "archive-not-ready")
    assert waiting.headers["retry-after"] == "3"
    await hub.ledger.drain()
    async with open_hub(place.settings(), clock=lambda: datetime.now(UTC) + timedelta(seconds=5)) as later:
        await later.jobs.sweep()
    answers = [await client.get(path, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    assert answers[0].headers["content-type"] == "application/zip"
    assert answers[0].headers["cache-control"] == "no-store"
    assert judge(hub, read_zip(answers[0].content)).result is Result.PASSED
    assert (await kinds(hub, "case.archive"), await kinds(hub, "case.archive_read")) == (1, 2)
    of_nobody = select(ENTRIES.c.id).where(ENTRIES.c.kind == "case.archive_read", ENTRIES.c.subject_id.is_(None))
    assert await hub.database.read(lambda tx: tx.execute(of_nobody).all()) == []  # its party reads who fetched it
    before = await kinds(hub, "refusal")
    other = await client.get(path, headers=await place.headers(client, NARROW))
    assert (other.status_code, await kinds(hub, "refusal")) == (404, before + 1)
    assert (await client.get(path)).status_code == 401
    stored = hub.objects.names("archives/")
    assert len(stored) == 1
    assert b"manifest.json" not in hub.objects.get(stored[0])


@pytest.mark.embedded
async def test_two_archives_of_a_case_are_the_same_but_for_the_time_stamp(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    case_no = await closed_case(hub, client, await place.headers(client))
    first = await archived(hub, case_no)
    await hub.archives.run({"case_id": (await _rows(hub))[0].case_id})  # at least once: the job may come twice
    assert await archived(hub, case_no) == first
    (name,) = hub.objects.names("archives/")
    hub.objects.delete(name)
    with pytest.raises(IntegrityBrokenError):
        await hub.archives.export(COMMAND, case_no)
    await hub.archives.remake(COMMAND, case_no)
    second = await archived(hub, case_no)
    assert {name for name in first if first[name] != second[name]} == {"stamps/0001.tst"}
    assert first.keys() == second.keys()
    assert judge(hub, second).result is Result.PASSED
    assert (await kinds(hub, "case.archive"), await kinds(hub, "case.archive_remade")) == (1, 1)


@pytest.mark.embedded
async def test_a_package_that_somebody_changed_in_the_store_is_never_given_out(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    case_no = await closed_case(hub, client, headers)
    await archived(hub, case_no)
    (name,) = hub.objects.names("archives/")
    hub.objects.put(name, hub.objects.get(name)[:-1] + b"x")
    answer = await client.get(f"/api/v1/cases/{case_no}/archive", headers=headers)
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (502, "integrity")
    assert await kinds(hub, "case.archive_read") == 1  # the look that was served


@pytest.mark.embedded
async def test_nothing_stands_in_an_archive_that_the_case_did_not_disclose(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    city = await grow(place, hub, client)
    await issue(hub, marriage_claims(), slug="marriage_certificate", issuer=CIVIL)
    await issue(hub, title_claims("T1"), slug="real_estate_title", issuer=ESTATE)
    await issue(hub, permit_claims(), slug="residence_permit", issuer=PERMITS)
    parties = [{"role": "applicant", **PERSON}]
    case_no = await closed_case(hub, client, city.headers, matter=HOME, parties=parties)
    files = await archived(hub, case_no)
    verdict = judge(hub, files)
    assert (verdict.result, len(verdict.certificates)) == (Result.PASSED, 4)
    seen = _everything(files)
    salts = [await _salt(hub, entry.id) for entry in await ledger(hub) if entry.case_id]
    operator = ("op-1", "李办事", "reader-1")
    secrets = (*CANARIES, PERSON["id_number"], *operator, *salts)
    assert [item for item in secrets if item in seen or json.dumps(item)[1:-1] in seen] == []
    assert PERSON["name"] in seen  # disclosed
    assert '"vct":"urn:yizheng:purpose-copy"' in seen  # stands in signed payloads alone


def _everything(files: dict[str, bytes]) -> str:
    """All text of a package, with whatever is base64 in it read as well, twice over."""
    text = "\n".join(content.decode("utf-8", "replace") for content in files.values())
    for _ in range(2):
        for piece in set(re.findall(r"[A-Za-z0-9_-]{16,}", text)):
            try:
                text += "\n" + unb64u(piece).decode()
            except (MalformedError, UnicodeDecodeError):
                continue
    return text


async def _salt(hub: Hub, entry_id: str) -> str:
    """As text would hold it: the salt stands before the content that is sealed."""
    row = await hub.database.read(lambda tx: tx.execute(select(ENTRIES).where(ENTRIES.c.id == entry_id)).one())
    case = await hub.database.read(lambda tx: case_by_id(tx, row.case_id))
    assert case is not None
    if row.subject_id is None:
        key = hub.vault.data_key(case.data_key, case.kek_kid)
    else:
        subject = await hub.database.read(lambda tx: subject_by_id(tx, row.subject_id))
        key = hub.vault.data_key(subject.data_key, subject.kek_kid)
    return b64u(key.decrypt(f"ledger_entries:{entry_id}:detail", row.detail)[:32])


@pytest.mark.embedded
async def test_a_person_who_was_erased_before_the_archive_stays_in_the_answers_and_nowhere_else(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    case_no = await closed_case(hub, client, await place.headers(client))
    await erase(hub)  # its sweep makes the archive too, after the erasing
    files = await archived(hub, case_no)
    verdict = judge(hub, files)
    assert (verdict.result, verdict.remarks) == (Result.PASSED, ("trial_time_stamp",))


@pytest.mark.embedded
async def test_an_archive_waits_for_its_authority_and_is_stamped_again_by_another(place: Place, tmp_path: Path) -> None:
    with authority_elsewhere(tmp_path / "tsa") as elsewhere:
        named = {"tsa_url": elsewhere.url, "tsa_ca": elsewhere.roots}
        good, elsewhere.misbehave = elsewhere.misbehave, lambda answer: (503, answer[1], b"")
        async with place.open(**named) as hub, place.client(hub) as client:
            case_no = await closed_case(hub, client, await place.headers(client))
            await hub.jobs.sweep()
            assert [row.state for row in await _rows(hub)] == ["signed"]
        elsewhere.misbehave = good
        clock = lambda: datetime.now(UTC) + timedelta(seconds=9)  # noqa: E731
        async with open_hub(place.settings(**named), clock=clock) as hub:
            first = await archived(hub, case_no)
            verdict = judge(hub, first)
            assert (verdict.result, verdict.remarks) == (Result.PASSED, ())  # no trial
            assert await kinds(hub, "case.archive") == 1
            external = hub.stamps.anchors()
    async with place.open() as hub:
        ends = hub.clock() + timedelta(days=365)
        done = await hub.archives.restamp(COMMAND, ends_before=ends)
        assert (done.stamped, done.no_longer, done.broken) == (1, 0, 0)
        second = await archived(hub, case_no)
        assert {name: second[name] for name in first} == first
        assert second.keys() - first.keys() == {"stamps/0002.sha512", "stamps/0002.tst"}
        told = check_archive(second, anchors=(*external, *hub.stamps.anchors()), at=hub.clock(), strict=True)
        assert (told.result, len(told.stamped.stamps)) == (Result.PASSED, 2)
        assert (await hub.archives.restamp(COMMAND, ends_before=ends)).stamped == 0  # not due any more
        late = await hub.archives.restamp(COMMAND, ends_before=ends + timedelta(days=9999))
        assert (late.stamped, late.no_longer) == (0, 1)
        assert len(hub.objects.names("archives/")) == 1
        assert await kinds(hub, "case.archive_restamp") == 1


@pytest.mark.embedded
async def test_an_archive_waits_for_an_answer_that_is_disclosed_and_not_signed_yet(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    case_no = await closed_case(hub, client, await place.headers(client))
    case_id = (await _rows(hub))[0].case_id

    async def to(state: str) -> None:
        changed = update(REQUESTS).where(REQUESTS.c.case_id == case_id).values(state=state)
        await hub.database.write(lambda tx: tx.execute(changed).rowcount)

    await to("decided")
    with pytest.raises(ArchiveNotReadyError, match="answers"):
        await hub.archives.make(case_id)
    assert await kinds(hub, "case.archive") == 0
    await to("done")
    await hub.archives.make(case_id)
    assert judge(hub, await archived(hub, case_no)).result is Result.PASSED


@pytest.mark.embedded
async def test_the_trust_list_of_the_day_names_what_was_stopped_that_day(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    case_no = await closed_case(hub, client, await place.headers(client))
    await hub.halts.halt(COMMAND, "business_licence", reason="审查", legal_basis="示例")
    files = await archived(hub, case_no)
    pack = TrustPack.read(files["trust/trust-list.jws"], now=hub.clock())
    assert pack.policy.halted == {hub.halts.code_of("business_licence")}
    assert judge(hub, files).result is Result.PASSED  # what was disclosed before was disclosed


@pytest.mark.embedded
async def test_an_answer_that_somebody_put_in_place_of_another_is_not_archived(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    case_no = await closed_case(hub, client, await place.headers(client))
    files = await archived(hub, case_no)
    with pytest.raises(ArchiveFaultyError, match=r"digest evidence/0001\.json"):
        await hub.archives.stamped_again(files | {"evidence/0001.json": b"{}"})


@pytest.mark.embedded
async def test_cases_of_the_sandbox_and_cases_from_before_archives(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    await close(hub, client, headers, case_no)
    await hub.database.write(lambda tx: tx.execute(ARCHIVES.delete()))
    path = f"/api/v1/cases/{case_no}/archive"
    assert (await client.get(path, headers=headers)).status_code == 503  # asking orders it
    await hub.jobs.sweep()
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 200
    files = read_zip(answer.content)
    assert not [name for name in files if name.startswith(("evidence/", "licences/"))]
    assert judge(hub, files).result is Result.PASSED


def test_the_checker_and_the_hub_name_tokens_alike() -> None:
    made = (evidence.BUNDLE_TYPE, queries.ANSWER_TYPE, receipts.RECEIPT_TYPE)
    assert made == (BUNDLE_TYPE, ANSWER_TYPE, RECEIPT_TYPE)


async def _rows(hub: Hub) -> list[Any]:
    return list(await hub.database.read(lambda tx: tx.execute(select(ARCHIVES)).all()))
