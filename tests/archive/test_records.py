"""What was signed, scanned and promised in a case goes into its archive, and is checked there without the hub."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from certificates.archive.check import check_archive
from certificates.archive.evidence import EvidenceGround
from certificates.archive.keys import KeyCertificates
from certificates.archive.ledger import check_checkpoint, check_proofs
from certificates.archive.manifest import Manifest
from certificates.archive.records import RECORDS_FILE, TASK_TYPE, Records
from certificates.verifying.verdict import Result
from hub.access.actors import COMMAND
from hub.archive.store import find_archive
from hub.intake.forms.signing import FORM_SIGNATURE_TYPE
from hub.intake.lower.sealing import object_name
from hub.intake.store import find_case
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from signing.canonical import canonical, sha256, strict_loads
from signing.jose import sign_jws, take_apart
from signing.keys import SoftwareSigner
from signing.tsp.tokens import TOLERANCE
from tests.archive.made import YEAR, archived, close
from tests.hub.laddered import COMMITMENT, VERIFICATION, Ladder, furnish, kin
from tests.hub.test_lower_copies import confirmed, scan
from tests.hub.test_lower_papers import document
from tests.support import AMR, PURPOSE, Place

pytestmark = pytest.mark.embedded
DECIDER = {"id": "op-9", "name": "钱审批"}
WRITTEN: dict[str, Any] = {"alternatives": [], "own_paper": {"zh": "声明", "en": "Statement"}}


@pytest.fixture
async def ladder(place: Place) -> AsyncIterator[Ladder]:
    """A case with an officer's answer, a sealed copy, a promise and a signed form."""
    async with place.open() as hub, place.client(hub) as client:
        found = Ladder(place, hub, client, await place.headers(client))
        form = {"form": [{"field": "phone", "term": "phone"}]}
        await furnish(
            found,
            kin(stand_ins={"verification": VERIFICATION}),
            kin(code="statement", stand_ins={"sealed_copy": True}, **WRITTEN) | {"title": {"zh": "声明", "en": "A"}},
            kin(code="vow", stand_ins={"commitment": COMMITMENT}, **WRITTEN) | {"title": {"zh": "承诺", "en": "B"}},
            **form,
        )
        yield found


async def worked(ladder: Ladder, *, asks_again: bool = True) -> str:
    """Through every rung, the form signed, and closed; without `asks_again` no pull tells what the officer answers."""
    case_no, hub = await ladder.case(), ladder.hub
    await ladder.pulled(case_no)
    (task,) = await hub.lower.tasks.list(COMMAND, everything=True)
    police = await ladder.officer(str(VERIFICATION["department"]))
    values = {"kin": True, "since": "2019-03-01"}
    await hub.lower.tasks.answer(police, task["id"], result="confirmed", values=values)
    assert (await scan(ladder, case_no, requirement="statement")).status_code == 201
    asked = {"requirement": "vow", "chosen_by": "holder", "purpose": PURPOSE}
    offer = (await ladder.post(f"/api/v1/cases/{case_no}/commitments", json=asked)).json()
    assert (await confirmed(ladder, case_no, offer)).status_code == 200
    path, signer = f"/api/v1/cases/{case_no}/form", SoftwareSigner.generate()
    told = {"answers": {"applicant.phone": "0570-1"}}
    shown = (await ladder.client.put(path, json=told, headers=ladder.headers)).json()
    said = {"form": case_no, "digest": shown["digest"], "party": "applicant"}
    jws = {"token": sign_jws(said, signer=signer, typ=FORM_SIGNATURE_TYPE), "jwk": signer.public.jwk}
    signed = {"party": "applicant", "digest": shown["digest"], "jws": jws}
    assert (await ladder.post(f"{path}/sign", json=signed)).status_code == 200
    if asks_again:
        await ladder.pulled(case_no)
    for step, more in (("accept", {}), ("decide", {"outcome": "granted", "reason": "符合条件"})):
        answer = await ladder.post(f"/api/v1/cases/{case_no}/{step}", json={"operator": DECIDER} | more)
        assert answer.status_code == 200, answer.text
    await hub.stamp_queue.work()
    await close(hub, ladder.client, ladder.headers, case_no)
    return case_no


async def sealed_by_another(hub: Hub, answer: str) -> list[bytes]:
    """An officer's answer under the key of a department that is not his, which claims to be his, or the hub."""
    certified = await hub.database.read(lambda tx: hub.desk.issuer(tx, AMR))
    said = strict_loads(take_apart(answer).payload, max_bytes=len(answer)) | {"iss": hub.desk.issuer_uri(AMR)}
    lies = ({"signed_by": "hub"}, {"signed_by": "department"}, {"signed_by": "hub", "iss": hub.settings.public_url})
    return [
        sign_jws(said | lie, signer=certified.signer, typ=TASK_TYPE, header=certified.header).encode() for lie in lies
    ]


async def test_what_was_signed_scanned_and_promised_is_in_the_archive_and_holds_without_the_hub(
    ladder: Ladder,
) -> None:
    case_no, hub = await worked(ladder), ladder.hub
    files, anchors = await archived(hub, case_no), hub.stamps.anchors()
    verdict = check_archive(files, anchors=anchors, at=hub.clock(), strict=True)
    assert (verdict.result, [step.name for step in verdict.steps][-1]) == (Result.PASSED, "records"), verdict
    assert check_archive(files, anchors=anchors, at=hub.clock() + 20 * YEAR).result is Result.PASSED
    assert files["copies/0001.pdf"] == document()
    records = json.loads(files[RECORDS_FILE])
    assert [len(records[name]) for name in ("tasks", "copies", "promises")] == [1, 1, 1]
    assert records["form"]["content"]["fields"][0]["value"] == "0570-1"
    decided = {step["step"]: step for step in records["steps"]}["decide"]
    assert (decided["operator"], decided["reason"], decided["department"]) == (DECIDER, "符合条件", AMR)
    assert [step["step"] for step in records["steps"] if "operator" in step] == ["decide"]
    assert records["promises"][0]["confirmed"]["method"] == "on_screen"

    manifest = Manifest.read(files["manifest.json"])
    note = files["ledger/checkpoint.txt"]
    ledger = check_proofs(files["ledger/proofs.json"], check_checkpoint(note, manifest.log_key), note)
    keys = KeyCertificates.read(files["trust/keys.json"], anchors=anchors, hub=manifest.hub)
    at = verdict.stamped.proven_at
    assert at is not None
    ground = EvidenceGround(manifest.hub, case_no, ledger.entries, keys, at, TOLERANCE)
    assert Records(files, ground).check(RECORDS_FILE) == []

    def found(change: dict[str, bytes] | None = None, ground: EvidenceGround = ground, **told: Any) -> set[str]:
        other = files | (change or {}) | {RECORDS_FILE: canonical(records | told)}
        return {reason for reason, _ in Records(other, ground).check(RECORDS_FILE)}

    form, (promise,), (copy,) = records["form"], records["promises"], records["copies"]
    (signature,) = form["signatures"]
    lied = {"fields": [form["content"]["fields"][0] | {"value": "0570-2"}], "form": case_no}
    digest = sha256(canonical(lied)).hex()
    stranger = SoftwareSigner.generate()
    forged = sign_jws({"form": case_no, "digest": digest, "party": "spouse"}, signer=stranger, typ=FORM_SIGNATURE_TYPE)
    mine = signature | {"token": forged, "jwk": stranger.public.jwk}
    assert found(form=form | {"content": lied}) == {"form_other"}
    assert found(form=form | {"content": lied, "digest": digest}) == {"form_signature_other"}
    assert found(form=form | {"content": lied, "digest": digest, "signatures": [mine]}) == {"form_signature_other"}
    assert found(form=form | {"signatures": []}) == {"form_unsigned"}
    assert found(form=form | {"signatures": [signature | {"entry": promise["entry"]}]}) == {"entry_time"}
    assert found(promises=[promise | {"text": promise["text"] | {"zh": "别的"}}]) == {"promise_other"}
    assert found(promises=[promise | {"entry": "0"}]) == {"entry_not_proven"}
    assert found({"copies/0001.pdf": b"%PDF-"}) == {"scan_other"}
    assert found({"copies/0001.jws": files["tasks/0001.jws"]}) != set()
    assert found({"copies/0001.tst": b"0"}) != set()
    token = files["tasks/0001.jws"].decode().split(".")
    assert found({"tasks/0001.jws": ".".join([*token[:2], token[2][:-4] + "AAAA"]).encode()}) != set()
    for forged_answer in await sealed_by_another(hub, files["tasks/0001.jws"].decode()):
        assert found({"tasks/0001.jws": forged_answer}) == {"role"}
    assert found(tasks=[records["tasks"][0] | {"entry": copy["entry"]}]) == {"entry_time"}
    assert found(copies=[copy | {"scan": 7}]) == {"records"}
    assert found(steps=[{"entry": promise["entry"], "at": "2026-01-01T00:00:00Z"}]) == {"entry_time"}
    assert found(ground=replace(ground, hub="https://other.example")) != set()
    assert Records(files | {RECORDS_FILE: b"[]"}, ground).check(RECORDS_FILE) == [("records", RECORDS_FILE)]


async def test_a_scan_goes_when_its_time_is_over_and_seal_and_archive_stay(ladder: Ladder) -> None:
    case_no = await worked(ladder)
    hub = ladder.hub
    (copy,) = await ladder.rows("SELECT id, digest FROM sealed_copies")
    path = f"/api/v1/cases/{case_no}/sealed-copies"
    kept = hub.scans._kept
    real = hub.scans._clock

    def later(days: float) -> None:
        hub.scans._clock = lambda: real() + timedelta(days=days)
        hub.scans._next = None

    later(10_000)
    assert await hub.scans.sweep() == 0, "not before its archive is filed"
    files = await archived(hub, case_no)
    later(kept.days - 1)
    assert await hub.scans.sweep() == 0, "not before its last day"
    later(10_000)
    assert (await hub.scans.sweep(), await hub.scans.sweep()) == (1, 0)
    (job,) = await ladder.rows("SELECT payload FROM outbox WHERE kind = 'copy.delete'")
    await hub.lower.copies.delete(json.loads(job.payload))  # its hour has not come by the hub's own clock
    with pytest.raises(MissingError):
        hub.objects.get(object_name(copy.id))
    (told,) = (await ladder.client.get(path, headers=ladder.headers)).json()["sealed_copies"]
    assert (told["state"], told["digest"], bool(told["seal"]), bool(told["time_stamp"])) == (
        "sealed", copy.digest, True, True,
    )  # fmt: skip
    assert told["scan_deleted_at"]
    gone = await ladder.client.get(f"{path}/{copy.id}/content", headers=ladder.headers)
    assert (gone.status_code, gone.json()["type"].rpartition("/")[2]) == (410, "scan-deleted")
    assert await ladder.kinds("copy.scan") == ["copy.scan_deleted"]
    # The package that was filed has the page, and is given out as before; another cannot be put together.
    assert (await archived(hub, case_no))["copies/0001.pdf"] == files["copies/0001.pdf"]
    with pytest.raises(IntegrityBrokenError):
        await hub.archives.remake(COMMAND, case_no)


async def test_a_scan_that_is_withdrawn_while_the_archive_is_made_is_left_out(ladder: Ladder) -> None:
    case_no = await worked(ladder, asks_again=False)
    hub = ladder.hub
    (row,) = await ladder.rows("SELECT id, case_id FROM sealed_copies")
    case = await hub.database.read(lambda tx: find_case(tx, case_no))
    archive = await hub.database.read(lambda tx: find_archive(tx, row.case_id))
    assert case is not None
    assert archive is not None
    (step,) = await ladder.rows("SELECT id, detail FROM case_steps WHERE step = 'decide'")
    for detail in (step.detail.replace("granted", "refused"), step.detail):
        written = text("UPDATE case_steps SET detail = :detail WHERE id = :id").bindparams(detail=detail, id=step.id)
        await hub.database.write(lambda tx, written=written: tx.execute(written))  # type: ignore[misc]
        if detail != step.detail:
            with pytest.raises(IntegrityBrokenError, match="case_steps"):
                await hub.archives._maker.intend(case, archive)
    await hub.archives._maker.intend(case, archive)
    withdrawn = f"/api/v1/cases/{case_no}/sealed-copies/{row.id}/withdraw"
    assert (await ladder.post(withdrawn, json={"reason": "r"})).status_code == 200
    files = await archived(hub, case_no)
    verdict = check_archive(files, anchors=hub.stamps.anchors(), at=hub.clock())
    assert (verdict.result, "scan_not_kept" in verdict.remarks) == (Result.PASSED, True)
    assert "copies/0001.pdf" not in files
    assert "copies/0001.jws" in files
    assert "tasks/0001.jws" not in files, "what an officer answered and no pull disclosed, an archive does not"
    assert (await ladder.kinds("case.archive")).count("case.archive") == 2
