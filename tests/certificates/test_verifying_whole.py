"""A verdict that passes all eight steps, and what it then says. Numbers of steps are those of docs/verification.md."""

from dataclasses import replace
from typing import Any

import pytest

from certificates.verifying.known import VerifierRules
from certificates.verifying.procedure import TokenKind, verify_certificate
from certificates.verifying.trust import KeyCustody
from certificates.verifying.verdict import PROCEDURE
from signing import sd_jwt
from signing.jose import sign_jws
from signing.keys import SoftwareSigner
from tests.certificates.steps import failed, passed
from tests.certificates.trusted import (
    AMR,
    CLAIMS,
    IDENTIFIER,
    ISSUER,
    LICENCE_TYPE,
    NOW,
    POLICY,
    RECEIVER,
    altered,
    altered_copy,
    copy_payload,
    described,
    licence,
    purpose_copy,
    verify,
)


def test_a_valid_licence_passes_all_eight_steps() -> None:
    verdict = verify(licence())
    assert passed(verdict)
    assert verdict.kind is TokenKind.LICENCE
    assert (verdict.status, verdict.custody) == ("valid", "hub_held")
    assert verdict.signed_by == f"示例机关 {AMR}"
    assert verdict.claims == CLAIMS
    assert verdict.certificate == described() | {"type": LICENCE_TYPE.code}
    assert verdict.purpose is None


def test_a_copy_for_its_receiver_passes_all_eight_steps() -> None:
    verdict = verify(purpose_copy(), audience=RECEIVER)
    assert passed(verdict)
    assert verdict.kind is TokenKind.PURPOSE_COPY
    assert (verdict.status, verdict.custody) == ("unknown", "hub_held")
    assert verdict.claims == {name: CLAIMS[name] for name in ("name", "uscc", "address")}
    assert verdict.purpose == {"text": "办理食品经营许可", "case_no": "C-1", "matter": "FOOD"}
    assert verdict.certificate is not None
    assert verdict.certificate["identifier"] == IDENTIFIER.text


def test_a_verdict_on_the_wire_holds_this_and_no_more() -> None:
    verdict = verify(licence(claims={name: CLAIMS[name] for name in ("name", "uscc", "established_on")}))
    assert verdict.to_json() == {
        "result": "passed",
        "reason": "ok",
        "kind": "licence",
        "certificate": {
            "identifier": IDENTIFIER.text,
            "type": LICENCE_TYPE.code,
            "type_name": "营业执照",
            "issuer": {"name": "市场监督管理局", "uscc": AMR},
            "issued_on": "2026-01-01",
            "valid_from": "2026-01-01",
            "valid_until": None,
        },
        "status": "valid",
        "signed_by": f"示例机关 {AMR}",
        "custody": "hub_held",
        "format": "sd-jwt",
        "suite": "ES256",
        "key": ISSUER.signer.public.thumbprint,
        "trial": False,
        "proven_at": None,
        "possession_shown": False,
        "purpose_compared": None,
        "status_at": "2026-03-01T08:00:00Z",
        "as_of": None,
        "hub": None,
        "checked_at": "2026-03-01T08:00:00Z",
        "purpose": None,
        "claims": {name: CLAIMS[name] for name in ("name", "uscc", "established_on")},
        "steps": [{"step": rule.number, "name": rule.name, "result": "passed", "reason": None} for rule in PROCEDURE],
    }
    nothing = verify(b"").to_json()
    assert (nothing["certificate"], nothing["purpose"], nothing["claims"]) == (None, None, {})
    assert verify(purpose_copy(), audience=RECEIVER).to_json()["purpose"]["case_no"] == "C-1"


def test_a_holder_may_leave_selective_claims_out_and_no_others() -> None:
    kept = sd_jwt.select(licence().decode(), {"address"}).encode()
    verdict = verify(kept)
    assert passed(verdict)
    assert set(verdict.claims) == {"name", "uscc", "established_on", "address"}


def test_a_key_binding_behind_the_token_is_read_and_not_judged() -> None:
    bound = sign_jws({"nonce": "n"}, signer=SoftwareSigner.generate(), typ="kb+jwt").encode()
    assert passed(verify(licence() + bound))


def test_a_naive_instant_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="aware"):
        verify_certificate(
            licence(), trust=POLICY, statuses=lambda _: None, audience=None, now=NOW.replace(tzinfo=None)
        )


@pytest.mark.parametrize("custody", list(KeyCustody))
def test_custody_is_what_the_trust_policy_says_of_the_issuer_and_not_what_a_licence_says(custody: KeyCustody) -> None:
    issuer = replace(POLICY.issuers[AMR], custody=custody)
    trust = replace(POLICY, issuers={AMR: issuer})
    for claimed in ({"a": 1}, "hub_held", "department_held", ...):
        verdict = verify(altered(certificate=described(custody=claimed)), trust=trust)
        assert passed(verdict)
        assert verdict.custody == custody.value
    assert verify(purpose_copy(), trust=trust, audience=RECEIVER).custody == custody.value


@pytest.mark.parametrize(
    ("claimed", "shown"),
    [("department_held", "department_held"), ("hub_held", "hub_held"), ("mine", None), ({"a": 1}, None), (None, None)],
)
def test_custody_of_an_issuer_the_policy_does_not_know_is_what_the_hub_says_in_the_copy(
    claimed: Any, shown: str | None
) -> None:
    token = altered_copy(certificate=copy_payload()[0]["certificate"] | {"custody": claimed})
    verdict = verify(token, trust=replace(POLICY, issuers={}), audience=RECEIVER)
    assert passed(verdict)
    assert verdict.custody == shown


def test_a_purpose_that_is_none_is_not_shown() -> None:
    verdict = verify(altered_copy(purpose="because"), audience=RECEIVER)
    assert passed(verdict)
    assert verdict.to_json()["purpose"] is None


def test_what_the_verifier_does_not_accept_fails_at_his_own_step() -> None:
    trial = replace(POLICY, trial_anchors=frozenset(POLICY.anchors))
    assert verify(licence(), trust=trial).trial is True
    assert failed(verify(licence(), trust=trial, rules=VerifierRules(trial=False)), 8, "trial_not_accepted")
    assert passed(verify(licence(), rules=VerifierRules(trial=False)))
    refusing = VerifierRules(custodies=frozenset({"department_held"}))
    assert failed(verify(licence(), rules=refusing), 8, "custody_not_accepted")
    assert failed(verify(licence(), rules=VerifierRules(suites=frozenset())), 8, "suite_not_accepted")
