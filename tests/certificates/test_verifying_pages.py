"""Pages by the same steps: an OFD with its seal, its time-stamp and its binding; whatever was changed does not pass."""

import io
import zipfile
from datetime import timedelta
from typing import Any

import pytest

from certificates.lifecycle.states import Status
from certificates.numbering import Identifier
from certificates.verifying.known import Known
from certificates.verifying.papers_files import OfdPaper
from certificates.verifying.papers_reading import read_paper
from certificates.verifying.procedure import verify_paper
from certificates.verifying.trust import Issuer, TrustPolicy
from certificates.verifying.verdict import Format, Result, Verdict
from tests.certificates.ofd_faces import BINDING, face, sealed
from tests.certificates.steps import RULES, failed, passed, shows_nothing, undecided
from tests.signing.chains import NOW, URI, USCC
from tests.signing.chains import ROOT as STAMP_ROOT
from tests.signing.sealed import SEALED, stamp
from tests.signing.sm2_chains import ROOT

TYPE = "11990000MB0000002Q001"
IDENTIFIER = Identifier(TYPE, USCC, "2026000001").text
FACE = face(identifier=IDENTIFIER, issuer_code=USCC)
TRUST = TrustPolicy(
    (ROOT.certificate,),
    {USCC: Issuer("示例市机关", frozenset({TYPE}))},
    URI.rpartition("/")[0],
    stamp_anchors=(STAMP_ROOT.certificate,),
)
LATER = SEALED + timedelta(days=1)
KNOWN = Known({"valid_from": "2026-01-01", "valid_until": None, "type_name": "营业执照"}, binding=BINDING)
PAGE = sealed(FACE, stamp=stamp)


def judged(data: bytes, **changes: Any) -> Verdict:
    options: dict[str, Any] = {
        "trust": TRUST, "statuses": lambda _: Status.VALID, "audience": None, "now": LATER, "known": KNOWN,
    }  # fmt: skip
    return verify_paper(read_paper(data), **options | changes)


def test_a_sealed_page_passes_all_eight_steps() -> None:
    verdict = judged(PAGE)
    assert passed(verdict)
    assert (verdict.format, verdict.suite) == (Format.OFD, "SM2SM3")
    assert verdict.proven_at is not None
    assert verdict.certificate is not None
    assert (verdict.certificate["identifier"], verdict.certificate["type"]) == (IDENTIFIER, TYPE)
    assert verdict.certificate["type_name"] == "营业执照"
    assert OfdPaper(PAGE).presented() == IDENTIFIER


def test_a_page_of_other_data_and_one_nobody_knows_do_not_pass() -> None:
    assert failed(judged(PAGE, known=Known(KNOWN.described, binding="0" * 64)), 5, "binding_mismatch")
    assert failed(judged(PAGE, known=Known(KNOWN.described)), 5, "binding_mismatch")
    assert undecided(judged(PAGE, known=None), 5, "validity_unavailable")
    ended = Known(KNOWN.described | {"valid_until": "2026-01-02"}, binding=BINDING)
    assert failed(judged(PAGE, known=ended), 5, "expired")
    revoked = judged(PAGE, known=ended, statuses=lambda _: Status.REVOKED)
    assert failed(revoked, 6, "certificate_revoked")
    assert revoked.steps[4].reason == "expired"


def test_a_signer_who_may_not_or_whom_nobody_knows_fails() -> None:
    nobody = TrustPolicy(TRUST.anchors, {}, TRUST.hub_uri)
    assert failed(judged(PAGE, trust=nobody), 3, "issuer_not_entitled")
    stranger = TrustPolicy((STAMP_ROOT.certificate,), TRUST.issuers, TRUST.hub_uri)
    assert failed(judged(PAGE, trust=stranger), 3, "chain_anchor")
    assert shows_nothing(judged(PAGE, trust=stranger))


def test_after_the_certificates_end_proven_time_decides() -> None:
    after = NOW + timedelta(days=400)
    assert failed(judged(PAGE, now=after), 4, "chain_expired")  # its time-stamp's authority has ended, too
    unstamped = sealed(FACE, stamp=None)
    assert passed(judged(unstamped))
    assert failed(judged(unstamped, now=after), 4, "chain_expired")
    assert passed(judged(unstamped, now=after, proven_at=LATER))


def unpacked(package: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(package)) as parts:
        return [(name, parts.read(name)) for name in parts.namelist()]


def test_no_changed_byte_of_a_page_passes() -> None:
    for at in range(0, len(PAGE), len(PAGE) // 300):
        changed = PAGE[:at] + bytes([PAGE[at] ^ 1]) + PAGE[at + 1 :]
        verdict = judged(changed)
        if verdict.result is Result.PASSED:  # deflate can say the same in two ways; of what it says nothing may change
            assert unpacked(changed) == unpacked(PAGE), at
            continue
        last = verdict.steps[-1]
        rule = RULES[last.step]
        assert last.reason in rule.failures | rule.undecided, (at, last)
        assert shows_nothing(verdict)


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"%PDF-1.7", b"%PDF-9", b"{", b"{}", b'{"metadata":{}}', b"\x00" * 99])
def test_junk_of_every_format_is_told_by_a_reason_of_its_step(data: bytes) -> None:
    verdict = judged(data)
    assert verdict.result is not Result.PASSED
    last = verdict.steps[-1]
    assert last.reason in RULES[last.step].failures | RULES[last.step].undecided
