"""The same eight steps under SM2: a licence, a copy, a status list, and a machine that cannot compute it."""

from dataclasses import replace
from typing import Any

import pytest

from certificates.verifying.verdict import Result
from signing import libcrypto
from signing.keys import SM2SM3
from signing.sm2 import Sm2Signer
from signing.x509.pki import CertificateAuthority, Role, issue_leaf, new_root, x5c
from tests.certificates.steps import failed, passed
from tests.certificates.trusted import (
    AMR,
    HUB,
    HUB_BODY,
    ISSUER,
    MADE,
    POLICY,
    RECEIVER,
    ROOT,
    Key,
    licence,
    purpose_copy,
    status_list,
    verify,
)


def certified(ca: CertificateAuthority, role: Role, organization_id: str, uri: str) -> Key:
    signer = Sm2Signer.generate()
    leaf = issue_leaf(
        ca, public=signer.public, organization=f"示例机关 {organization_id}", organization_id=organization_id,
        role=role, uri=uri, now=MADE, days=3650,
    )  # fmt: skip
    return Key(signer, uri, {"x5c": x5c([leaf])})  # type: ignore[arg-type]


SM2_ROOT = new_root("示例市商用密码根", now=MADE, alg=SM2SM3)
SM2_ISSUER = certified(SM2_ROOT, "issuer", AMR, ISSUER.uri)
SM2_COPIER = certified(SM2_ROOT, "purpose-copy", HUB_BODY, HUB)
SM2_STATUS = certified(SM2_ROOT, "status", HUB_BODY, HUB)
BOTH = replace(POLICY, anchors=(ROOT.certificate, SM2_ROOT.certificate))
ONLY_SM2 = replace(POLICY, anchors=(SM2_ROOT.certificate,))


def test_a_licence_passes_all_seven_steps() -> None:
    for trust in (BOTH, ONLY_SM2):
        verdict = verify(licence(key=SM2_ISSUER), trust=trust, listed=status_list(key=SM2_STATUS))
        assert passed(verdict)


def test_a_copy_for_its_receiver_passes_and_for_another_fails() -> None:
    copy: Any = purpose_copy(key=SM2_COPIER)
    assert passed(verify(copy, trust=BOTH, audience=RECEIVER))
    assert verify(copy, trust=BOTH, audience="another").reason == "audience_mismatch"


def test_the_other_world_does_not_vouch_for_it() -> None:
    assert failed(verify(licence(key=SM2_ISSUER)), 3, "chain_anchor")
    assert failed(verify(licence(), trust=ONLY_SM2), 3, "chain_anchor")
    stolen = replace(SM2_ISSUER, header=ISSUER.header)
    assert failed(verify(licence(key=stolen), trust=BOTH), 2, "alg")
    assert failed(verify(licence(key=replace(ISSUER, header=SM2_ISSUER.header)), trust=BOTH), 2, "alg")
    other = certified(SM2_ROOT, "issuer", AMR, ISSUER.uri)
    assert failed(verify(licence(key=replace(other, header=SM2_ISSUER.header)), trust=BOTH), 2, "signature")


def test_a_machine_without_sm2_leaves_it_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    token, listed = licence(key=SM2_ISSUER), status_list()
    libcrypto.library.cache_clear()
    monkeypatch.setattr(libcrypto, "_LIBRARY", "libno-such-library.so.9")
    fresh = replace(BOTH, anchors=tuple(reversed(BOTH.anchors)))
    verdict = verify(token, trust=fresh, listed=listed)
    assert (verdict.result, verdict.reason) == (Result.INDETERMINATE, "suite_unavailable")
    assert verdict.claims == {}
    assert [step.reason for step in verdict.steps][-1] == "suite_unavailable"
    assert passed(verify(licence(), trust=fresh, listed=listed))
