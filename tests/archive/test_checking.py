"""An archive is checked with no hub: in twenty years as today, and whatever was touched is named."""

import io
import json
import zipfile
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certificates.archive.check import STEPS, check_archive
from certificates.archive.manifest import Listed, Part, manifest_signer
from certificates.archive.package import read_zip, write_zip
from certificates.archive.verdict import ArchiveVerdict
from certificates.errors import ArchiveError
from certificates.verifying.verdict import Result
from signing.canonical import canonical, sha256
from signing.cms import message as cms
from signing.errors import ChainError
from signing.log.checkpoint import NoteSigner, add_signature, note_body
from signing.log.cosignature import WitnessSigner, WitnessVerifier
from signing.x509.pki import new_root
from tests.archive.made import YEAR, Files, Made, Other
from tests.signing.chains import NOW, ROOT, SIGNER, URI, Recipe, intermediate

PARTS = {
    "README.txt", "case.json", "matter.json", "manifest.json", "manifest.p7s", "evidence/0001.json",
    "licences/0001.json", "status/0001.jws", "ledger/checkpoint.txt", "ledger/proofs.json", "trust/keys.json",
    "trust/trust-list.jws", "trust/anchors.pem", "records.json", "stamps/0001.sha256", "stamps/0001.tst",
}  # fmt: skip


def findings(verdict: ArchiveVerdict) -> set[tuple[str, str]]:
    return {(item.reason, item.file) for step in verdict.steps for item in step.findings}


def touched(verdict: ArchiveVerdict) -> set[str]:
    """Files that are not what they must be; of others the verdict may say that it cannot tell."""
    found = [item for step in verdict.steps for item in step.findings]
    return {item.file for item in found if not item.undecided} or {item.file for item in found}


def test_an_archive_passes_every_step_and_has_every_part(made: Made) -> None:
    verdict = made.check(strict=True)
    assert (verdict.result, verdict.reason) == (Result.PASSED, "ok")
    assert [(step.name, step.result) for step in verdict.steps] == [(name, Result.PASSED) for name in STEPS]
    assert set(made.files) == PARTS
    assert (verdict.answers, len(verdict.certificates)) == (1, 1)
    assert verdict.remarks == ("trial_time_stamp",)
    told = verdict.to_json()
    assert told["case_no"] == json.loads(made.files["case.json"])["case_no"]
    assert told["ledger"]["entries"] == 5  # opening, closing, three requirements


def test_it_passes_in_twenty_years_at_its_proven_time_and_says_that_its_stamp_has_aged(made: Made) -> None:
    later = made.check(years=20)
    assert later.result is Result.PASSED
    assert later.stamped.proven_at == made.check().stamped.proven_at
    assert later.stamped.stamps[0].stamp.not_after < later.at
    assert "stamp_aged:1" in later.remarks
    strict = made.check(years=20, strict=True)
    assert (strict.result, strict.reason) == (Result.INDETERMINATE, "stamp_aged")


def test_stamped_again_before_its_stamps_age_it_passes_strictly_in_twenty_years(made: Made) -> None:
    files, roots = made.files, []
    for years in (9, 18):
        moment = datetime.now(UTC) + years * YEAR
        authority = Other.of(moment)
        files = authority.stamped(files, moment)
        roots.append(authority.root)
    assert {name: files[name] for name in made.files} == made.files  # nothing old was changed
    verdict = made.check(files, *roots, years=20, strict=True)
    assert verdict.result is Result.PASSED
    assert [item.number for item in verdict.stamped.stamps] == [1, 2, 3]
    assert verdict.stamped.proven_at == made.check().stamped.proven_at
    without_the_last_root = made.check(files, roots[0], years=20, strict=True)
    assert without_the_last_root.result is Result.INDETERMINATE
    changed = files | {"stamps/0001.tst": _flipped(files["stamps/0001.tst"])}
    assert touched(made.check(changed, *roots, years=20)) == {"stamps/0001.tst"}
    assert touched(made.check(files | {"stamps/0002.sha512": b""}, *roots, years=20)) >= {"stamps/0002.sha512"}
    gone = {name: content for name, content in files.items() if not name.startswith("stamps/0002")}
    assert made.check(gone, *roots, years=20).result is Result.FAILED
    assert ("stamp_missing", "stamps/0002.tst") in findings(made.check(gone, *roots, years=20))


def test_a_stamp_that_came_too_late_leaves_the_one_before_it_aged(made: Made) -> None:
    moment = datetime.now(UTC) + 15 * YEAR
    authority = Other.of(moment)
    verdict = made.check(authority.stamped(made.files, moment), authority.root, years=16, strict=True)
    assert findings(verdict) == {("stamp_aged", "stamps/0001.tst")}
    assert verdict.result is Result.INDETERMINATE


def test_whatever_file_is_touched_taken_away_or_added_is_named(made: Made) -> None:
    for name, content in made.files.items():
        for place in (0, len(content) // 2, len(content) - 1):
            verdict = made.check(made.files | {name: _flipped(content, place)})
            assert verdict.result is not Result.PASSED, (name, place)
            assert touched(verdict) == {name}, (name, place, findings(verdict))
        gone = made.check({other: made.files[other] for other in made.files if other != name})
        assert gone.result is not Result.PASSED, name
        assert name in touched(gone), name
        assert made.check(made.files | {name: content + b"\n"}).result is not Result.PASSED, name
    assert findings(made.check(made.files | {"evidence/0002.json": b"{}"})) == {("unlisted", "evidence/0002.json")}
    for name in ("stamps/0001.txt", "stamps/1.tst"):
        assert findings(made.check(made.files | {name: b""})) == {("unlisted", name)}


def test_several_touched_files_are_all_named(made: Made) -> None:
    both = {"matter.json": b"{}", "evidence/0001.json": b"{}"}
    assert touched(made.check(made.files | both)) == both.keys()


def test_roots_of_others_prove_nothing(made: Made) -> None:
    stranger = new_root("Somebody", now=datetime.now(UTC)).certificate
    verdict = Made(**{**_fields(made), "anchors": (stranger,)}).check()
    assert verdict.result is Result.INDETERMINATE
    assert ("stamp_not_trusted", "stamps/0001.tst") in findings(verdict)
    assert verdict.signed_by is None


def test_a_forger_with_a_stamp_of_his_own_has_no_hub(made: Made) -> None:
    """He changes an answer, writes the manifest anew, and has that stamped by an authority that everybody trusts."""
    now = datetime.now(UTC)
    authority = Other.of(now)
    forged = {name: content for name, content in made.files.items() if not name.startswith("stamps/")}
    manifest = json.loads(forged["manifest.json"])
    body = forged["evidence/0001.json"].replace("示例市中心路1号".encode(), "示例市中心路9号".encode())
    assert body != forged["evidence/0001.json"]
    listed = Listed.of("evidence/0001.json", Part.EVIDENCE, body)
    entry = next(item for item in manifest["files"] if item["path"] == listed.path)
    entry |= {"size": listed.size, "sha256": listed.sha256, "sm3": listed.sm3}
    forged |= {"evidence/0001.json": body, "manifest.json": canonical(manifest)}
    verdict = made.check(authority.stamped(forged, now), authority.root)
    assert findings(verdict) == {("digest", "manifest.json")}
    assert (verdict.result, verdict.manifest) == (Result.FAILED, None)


def _answer(made: Made, change: Any) -> bytes:
    body = json.loads(made.bodies[0])
    change(body)
    return json.dumps(body, ensure_ascii=False).encode()


def _swap_receipts(body: dict[str, Any]) -> None:
    first, second = body["requirements"][:2]
    first["receipt"], second["receipt"] = second["receipt"], first["receipt"]


CHANGES: dict[str, tuple[str, Any]] = {
    "a claim": ("claims_other", lambda body: body["requirements"][0]["evidence"]["claims"].update(address="别处")),
    "an outcome": ("bundle_other", lambda body: body["requirements"][1].update(outcome="satisfied")),
    "a receipt": ("bundle_other", _swap_receipts),
    "the case": ("case_other", lambda body: body.update(case_no="YZ2222222222")),
    "the request": ("request_other", lambda body: body.update(evidence_request_id="x")),
    "the licence": (
        "certificate_other",
        lambda body: body["requirements"][0]["evidence"]["certificate"].update(identifier="x"),
    ),
    "the token": (
        "bundle_tokens",
        lambda body: body["requirements"][0]["evidence"].update(token="a.b.c~"),
    ),
    "all evidence": ("bundle_tokens", lambda body: body["requirements"][0].pop("evidence")),
    "the bundle": ("answer", lambda body: body.update(bundle={})),
}


@pytest.mark.parametrize("what", CHANGES)
def test_an_answer_in_which_something_was_changed_does_not_pass_even_under_the_hubs_signature(
    made: Made, what: str
) -> None:
    reason, change = CHANGES[what]
    verdict = made.check(made.other(_answer(made, change)))
    assert (reason, "evidence/0001.json") in findings(verdict)
    assert verdict.result is Result.FAILED


def test_what_the_ledger_does_not_prove_does_not_pass(made: Made) -> None:
    some = [proof for proof in made.intent["proofs"] if proof["entry"] == made.intent["closing"]]
    assert findings(made.check(made.other(proofs=some))) >= {("entry_not_proven", "evidence/0001.json")}
    rest = [proof for proof in made.intent["proofs"] if proof["entry"] != made.intent["closing"]]
    assert findings(made.check(made.other(proofs=rest))) >= {("closing_not_proven", "ledger/proofs.json")}
    moved = deepcopy(made.intent["proofs"])
    moved[0]["index"], moved[1]["index"] = moved[1]["index"], moved[0]["index"]
    assert made.check(made.other(proofs=moved)).steps[4].result is Result.FAILED
    note = made.intent["checkpoint"].replace("\n\n", "\n1\n\n", 1)
    assert findings(made.check(made.other(checkpoint=note))) >= {("checkpoint", "ledger/checkpoint.txt")}


def test_witnesses_may_have_signed_the_checkpoint_too(made: Made) -> None:
    body, note = made.intent["checkpoint"].partition("\n\n")[0] + "\n", made.intent["checkpoint"]
    cosigned = add_signature(note, NoteSigner.generate("witness.example").line(body.encode()))
    told = made.check(made.other(checkpoint=cosigned)).to_json()
    assert (told["result"], told["ledger"]["unchecked_cosignatures"]) == ("passed", 1)
    assert told["ledger"]["log_key"] == made.log_key


def test_a_hub_certified_through_authorities_in_between_signs_archives(made: Made) -> None:
    """In CMS they stand in the order of their bytes."""
    names = (x509.UniformResourceIdentifier(URI), x509.UniformResourceIdentifier("urn:yizheng:role:hub"))
    for number in range(4):
        upper = intermediate(ROOT, f"省级 {number}")
        lower = intermediate(upper, f"市级 {number}")
        chain = [Recipe(names=names).make(lower), lower.certificate, upper.certificate]
        signature = cms.sign_digest(sha256(b"manifest"), signer=SIGNER, chain=chain)
        now, anchors = NOW + timedelta(days=1), (ROOT.certificate,)
        assert manifest_signer(b"manifest", signature, anchors=anchors, now=now).uris == (URI,)
        with pytest.raises(ChainError):
            manifest_signer(b"manifest", signature, anchors=anchors, now=NOW + timedelta(days=4000))
        issuing = cms.sign_digest(sha256(b"manifest"), signer=SIGNER, chain=[Recipe().make(lower), *chain[1:]])
        with pytest.raises(ChainError, match="role"):
            manifest_signer(b"manifest", issuing, anchors=anchors, now=now)


def test_a_licence_that_was_revoked_when_it_was_disclosed_does_not_pass(made: Made) -> None:
    (licence,) = deepcopy(made.intent["licences"])
    (entry,) = licence["disclosed"]
    licence["disclosed"] = {entry: "revoked"}
    verdict = made.check(made.other(licences=[licence]))
    assert (verdict.result, findings(verdict)) == (Result.FAILED, {("status_not_good", "status/0001.jws")})
    licence["disclosed"] = {entry: "unknown"}
    assert made.check(made.other(licences=[licence])).result is Result.INDETERMINATE
    licence["disclosed"], licence["at_close"] = {entry: "valid"}, "revoked"  # later than what was disclosed
    assert made.check(made.other(licences=[licence])).result is Result.PASSED
    licence["description"]["valid_until"] = "2099-01-01"
    assert findings(made.check(made.other(licences=[licence]))) == {("description_other", "licences/0001.json")}
    nothing = made.check(made.other(licences=[]))
    assert (nothing.result, nothing.reason) == (Result.INDETERMINATE, "status_missing")


def test_keys_that_the_archive_does_not_certify_sign_no_receipts(made: Made) -> None:
    verdict = made.check(made.other(keys=[]))
    assert ("unknown", "evidence/0001.json") in findings(verdict)
    other_case = deepcopy(made.intent["case"]) | {"case_no": "YZ2222222222"}
    assert made.check(made.other(case=other_case)).result is Result.FAILED


def test_equal_files_make_equal_zips_whatever_their_order(made: Made) -> None:
    backwards = dict(reversed(made.files.items()))
    assert write_zip(backwards) == write_zip(made.files)
    assert read_zip(write_zip(made.files)) == made.files
    assert made.check(read_zip(_packed(made.files, zipfile.ZIP_DEFLATED))).result is Result.PASSED


def test_a_zip_that_is_not_plain_is_refused_and_damage_is_named(made: Made) -> None:
    damaged = bytearray(write_zip(made.files))
    damaged[damaged.find(made.files["matter.json"]) + 5] ^= 1
    with pytest.raises(ArchiveError) as refused:
        read_zip(bytes(damaged))
    assert (refused.value.reason, refused.value.files) == ("damaged", ("matter.json",))
    refusals = {
        "not_a_zip": b"PK",
        "name": _packed({"../manifest.json": b""}),
        "name_twice": _packed({"a": b"", "A": b""}),
        "compression": _packed({"a": b"abc"}, zipfile.ZIP_BZIP2),
        "empty": _packed({}),
    }
    for reason, data in refusals.items():
        with pytest.raises(ArchiveError) as error:
            read_zip(data)
        assert error.value.reason == reason


def test_nothing_in_a_package_makes_the_check_raise(made: Made) -> None:
    """Each file replaced by what readers stumble over, signed and stamped as far as the hub would."""
    for content in (b"", b"[]", b"null", b"\xff", b'{"entries":[{}]}', b'{"keys":[{}]}', b"a.b.c", b"{" * 5000):
        for name in made.files:
            assert made.check(made.files | {name: content}).result is not Result.PASSED
        assert made.check(made.other(content)).result is Result.FAILED
    for changes in ({"checkpoint": "x"}, {"trust_list": "a.b.c"}, {"trust_list": ""}, {"closing": ""}, {"hub": "x"}):
        assert made.check(made.other(**changes)).result is Result.FAILED
    with pytest.raises(ValueError, match="aware"):
        check_archive(made.files, anchors=made.anchors, at=datetime(2026, 1, 1))  # noqa: DTZ001


def _flipped(content: bytes, place: int = 100) -> bytes:
    changed = bytearray(content)
    changed[place] ^= 1
    return bytes(changed)


def _packed(files: Files, compression: int = zipfile.ZIP_STORED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as package:
        for name, content in files.items():
            package.writestr(name, content)
    return made.getvalue()


def _fields(made: Made) -> dict[str, Any]:
    return {name: getattr(made, name) for name in made.__dataclass_fields__}


def test_which_known_witnesses_co_signed_the_log_is_told_and_a_false_line_is_a_finding(made: Made) -> None:
    signer = WitnessSigner("witness.example/w1", Ed25519PrivateKey.generate())
    note = made.intent["checkpoint"]
    files = made.other(checkpoint=note + signer.line(note_body(note), time=1))
    known: tuple[WitnessVerifier, ...]
    for known, told in ((), ([], 1)), ((signer.verifier,), (["witness.example/w1"], 0)):
        ledger = made.check(files, witnesses=known).to_json()["ledger"]
        assert (ledger["cosigned_by"], ledger["unchecked_cosignatures"]) == told
    false = made.other(checkpoint=note + signer.line(b"another\n", time=1))
    verdict = made.check(false, witnesses=(signer.verifier,))
    assert (verdict.result, verdict.reason) == (Result.FAILED, "signature")
    assert made.check(false).result is made.check().result
