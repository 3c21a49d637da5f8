"""The seven steps of verification: every way in which each can end. Numbers are those of docs/verification.md."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certificates.lifecycle import Status
from certificates.numbering import Identifier
from certificates.trust import Issuer, KeyCustody, TrustPolicy
from certificates.verdict import PROCEDURE
from certificates.verifying import (
    Result,
    StatusQuestion,
    TokenKind,
    Verdict,
    presented_identifier,
    verify_certificate,
)
from signing import sd_jwt
from signing.canonical import b64u, canonical
from signing.disclosures import digest
from signing.jose import sign_jws
from signing.keys import SoftwareSigner
from signing.pki import x5c
from tests.certificates.trusted import (
    AMR,
    CLAIMS,
    COPY_KEY,
    HUB,
    HUB_BODY,
    HUB_KEY,
    IDENTIFIER,
    IDENTITY_TYPE,
    INDEX,
    ISSUER,
    LICENCE_TYPE,
    LIST,
    NOW,
    POLICE,
    POLICE_KEY,
    POLICY,
    RECEIVER,
    ROOT,
    STATUS_KEY,
    Key,
    altered,
    altered_copy,
    certified,
    copy_payload,
    described,
    entitled_to,
    licence,
    licence_payload,
    purpose_copy,
    root,
    signed,
    status_list,
    verify,
)
from tests.signing.test_pki import Recipe

RULES = {rule.number: rule for rule in PROCEDURE}
SECOND = timedelta(seconds=1)
LAST_DAY = date(2026, 12, 31)
SHANGHAI_MIDNIGHT = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)


def failed(verdict: Verdict, number: int, reason: str) -> bool:
    """The verdict failed at this step, for this reason, and the steps before it passed or stayed undecided."""
    last = verdict.steps[-1]
    assert (verdict.result, verdict.reason) == (Result.FAILED, reason)
    assert (last.step, last.result, last.reason) == (number, Result.FAILED, reason)
    assert [step.step for step in verdict.steps] == list(range(1, number + 1))
    assert last.name == RULES[number].name
    assert reason in RULES[number].failures
    return True


def undecided(verdict: Verdict, number: int, reason: str) -> bool:
    """All steps were taken, and this one could not decide."""
    step = verdict.steps[number - 1]
    assert (verdict.result, verdict.reason) == (Result.INDETERMINATE, reason)
    assert (step.step, step.result, step.reason) == (number, Result.INDETERMINATE, reason)
    assert [step.step for step in verdict.steps] == list(range(1, 8))
    assert reason in RULES[number].undecided
    return True


def passed(verdict: Verdict) -> bool:
    assert (verdict.result, verdict.reason) == (Result.PASSED, "ok")
    assert [(step.step, step.name) for step in verdict.steps] == [(rule.number, rule.name) for rule in PROCEDURE]
    assert all(step.result is Result.PASSED and step.reason is None for step in verdict.steps)
    return True


def shows_nothing(verdict: Verdict) -> bool:
    """Nothing that was not verified is shown."""
    assert (verdict.kind, verdict.status) == (TokenKind.UNKNOWN, "unknown")
    assert (verdict.certificate, verdict.signed_by, verdict.custody, verdict.purpose) == (None, None, None, None)
    assert verdict.claims == {}
    return True


def resigned(change: Callable[[dict[str, Any]], object], *, key: Key = ISSUER) -> bytes:
    """The licence's own header over a payload that was changed, without disclosures."""
    payload, _ = licence_payload()
    change(payload)
    return f"{sign_jws(payload, signer=key.signer, typ='dc+sd-jwt', header=key.header)}~".encode()


# -- the whole procedure


def test_a_valid_licence_passes_all_seven_steps() -> None:
    verdict = verify(licence())
    assert passed(verdict)
    assert verdict.kind is TokenKind.LICENCE
    assert (verdict.status, verdict.custody) == ("valid", "hub_held")
    assert verdict.signed_by == f"示例机关 {AMR}"
    assert verdict.claims == CLAIMS
    assert verdict.certificate == described() | {"type": LICENCE_TYPE.code}
    assert verdict.purpose is None


def test_a_copy_for_its_receiver_passes_all_seven_steps() -> None:
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


# -- (1) structure


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        (b"", "not_an_sd_jwt"),
        (b"no tilde", "not_an_sd_jwt"),
        (b"~", "not_an_sd_jwt"),
        (b"~~~~", "not_an_sd_jwt"),
        (b"a~", "segments"),
        (b"a.b~", "segments"),
        (b"a.b.c.d~", "segments"),
        (b"!.b.c~", "base64url"),
        (b"e30=.e30.AAAA~", "base64url"),
        (b"W10.e30.AAAA~", "header"),
        (b"e30x.e30.AAAA~", "json"),
        (b"%s.e30.AAAA~" % b64u(b'{"a":1,"a":1}').encode(), "duplicate_name"),
        (b"%s.e30.AAAA~" % b64u(b'{"a":1e999}').encode(), "number"),
        (b"%s.e30.AAAA~" % b64u(b'{"a":"\\u0000"}').encode(), "character"),
        (b"%s.e30.AAAA~" % b64u(b'{"a":[[[[[[1]]]]]]}').encode(), "depth"),
        (b"%s.e30.AAAA~" % b64u(b'{"a":"\xff"}').encode(), "encoding"),
        ("é.b.c~".encode(), "encoding"),
        (b"\xff\xfe~", "encoding"),
        (b"e30.e30.AAAA~" + b"~" * 65536, "too_large"),
    ],
)
def test_1_bytes_that_are_no_sd_jwt_fail(token: bytes, reason: str) -> None:
    verdict = verify(token)
    assert failed(verdict, 1, reason)
    assert shows_nothing(verdict)


def test_1_a_plain_jwt_is_no_sd_jwt() -> None:
    assert failed(verify(licence().split(b"~")[0]), 1, "not_an_sd_jwt")


def test_1_junk_where_a_key_binding_belongs_fails() -> None:
    assert failed(verify(licence() + b"junk"), 1, "segments")


# -- (2) chain


def test_2_a_foreign_authority_fails() -> None:
    foreign = certified(root("Somebody Else"), "issuer", AMR)
    verdict = verify(licence(key=foreign))
    assert failed(verdict, 2, "chain_path")
    assert shows_nothing(verdict)


def test_2_a_policy_without_roots_trusts_nobody() -> None:
    assert failed(verify(licence(), trust=TrustPolicy((), POLICY.issuers, HUB)), 2, "chain_anchor")


def test_2_a_token_that_names_a_key_and_no_chain_fails() -> None:
    assert failed(verify(signed(*licence_payload(), key=replace(ISSUER, header={}))), 2, "chain_x5c")


@pytest.mark.parametrize(
    ("member", "reason"),
    [([], "chain_x5c"), ([{}], "chain_x5c"), ("AAAA", "chain_x5c"), (["AAAA"], "chain_certificate")],
)
def test_2_a_chain_that_cannot_be_read_fails(member: Any, reason: str) -> None:
    header = b64u(canonical({"alg": "ES256", "typ": "dc+sd-jwt", "x5c": member})).encode()
    token = header + licence()[licence().index(b".") :]
    assert failed(verify(token), 2, reason)


def test_2_an_issuing_certificate_outside_its_dates_fails_with_a_reason_that_is_not_the_licences() -> None:
    key = certified(ROOT, "issuer", AMR, days=100)
    assert failed(verify(licence(key=key)), 2, "chain_expired")
    key = certified(ROOT, "issuer", AMR, now=NOW + SECOND)
    assert failed(verify(licence(key=key)), 2, "chain_not_yet_valid")


def test_2_a_root_in_the_chain_fails() -> None:
    header = {"x5c": [*ISSUER.header["x5c"], *x5c([ROOT.certificate])]}
    assert failed(verify(licence(key=replace(ISSUER, header=header))), 2, "chain_root_in_chain")


FAULTY_LEAVES = {
    "chain_leaf_is_ca": Recipe(ca=True, sign_certificates=True),
    "chain_key_usage": Recipe(sign_documents=False),
    "chain_subject": Recipe(subject=((NameOID.ORGANIZATION_NAME, "无码机关"),)),
    "chain_leaf_key": Recipe(public=rsa.generate_private_key(65537, 2048).public_key()),
}


@pytest.mark.parametrize(("reason", "recipe"), FAULTY_LEAVES.items(), ids=FAULTY_LEAVES.keys())
def test_2_a_leaf_that_may_not_sign_documents_fails(reason: str, recipe: Recipe) -> None:
    header = {"x5c": x5c([replace(recipe, start=NOW - SECOND).make(ROOT)])}
    assert failed(verify(licence(key=replace(ISSUER, header=header))), 2, reason)


def test_2_a_certificate_beside_the_path_fails() -> None:
    header = {"x5c": [*ISSUER.header["x5c"], *POLICE_KEY.header["x5c"]]}
    assert failed(verify(licence(key=replace(ISSUER, header=header))), 2, "chain_unused_certificate")


# -- (3) signature


def test_3_a_signature_by_another_key_than_the_chains_fails() -> None:
    verdict = verify(licence(key=replace(ISSUER, signer=SoftwareSigner.generate())))
    assert failed(verdict, 3, "signature")
    assert shows_nothing(verdict)


def test_3_a_changed_claim_fails() -> None:
    jws, rest = licence().split(b"~", 1)
    header, _, signature = jws.split(b".")
    forged = b64u(canonical(licence_payload()[0] | {"name": "别人"})).encode()
    assert failed(verify(b".".join((header, forged, signature)) + b"~" + rest), 3, "signature")


def test_3_another_kind_of_token_fails() -> None:
    token = sd_jwt.issue(*licence_payload()[:1], disclosable=(), signer=ISSUER.signer, typ="JWT", header=ISSUER.header)
    assert failed(verify(token.encode()), 3, "typ")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"alg": "none"}, "alg"),
        ({"alg": "HS256"}, "alg"),
        ({"crit": ["exp"]}, "header_name"),
        ({"jku": HUB}, "header_name"),
    ],
)
def test_3_a_header_that_asks_for_something_else_fails(header: dict[str, Any], reason: str) -> None:
    members = {"alg": "ES256", "typ": "dc+sd-jwt", **ISSUER.header} | header
    token = b64u(canonical(members)).encode() + licence()[licence().index(b".") :]
    assert failed(verify(token), 3, reason)


def disclosure(*content: Any) -> bytes:
    return b64u(canonical(list(content))).encode() + b"~"


SALT = "A" * 22


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        (disclosure(SALT, "registered_capital", "1"), "unreferenced_disclosure"),
        (disclosure(SALT, "name", "别人"), "unreferenced_disclosure"),
        (disclosure("short", "x", 1), "salt"),
        (disclosure(SALT, "_sd", []), "reserved_name"),
        (disclosure(SALT), "disclosure"),
        (disclosure(SALT, 1, 2), "disclosure"),
        (b"e30~", "disclosure"),
        (b"AAAA~", "json"),
        (b"!~", "base64url"),
        (b"~", "json"),
        (b64u(b'["' + b"A" * 22 + b'","x","\xff"]').encode() + b"~", "encoding"),
        (b64u(b'["' + b"A" * 22 + b'","x","\\u0000"]').encode() + b"~", "character"),
        (b64u(b'["' + b"A" * 22 + b'","x",' + b"[" * 40 + b"]" * 40 + b"]").encode() + b"~", "depth"),
        (b64u(b'["' + b"A" * 22 + b'","x",{"a":1,"a":1}]').encode() + b"~", "duplicate_name"),
    ],
)
def test_3_a_disclosure_the_signature_does_not_cover_fails(tail: bytes, reason: str) -> None:
    assert failed(verify(licence() + tail), 3, reason)


def test_3_a_disclosure_shown_twice_fails() -> None:
    token = licence()
    first = token.split(b"~")[1]
    assert failed(verify(token + first + b"~"), 3, "duplicate_disclosure")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"_sd_alg": "sha-512"}, "sd_alg"),
        ({"_sd": {}}, "sd"),
        ({"_sd": [1]}, "sd"),
        ({"_sd": ["x", "x"]}, "duplicate_digest"),
        ({"name": {"...": 1}}, "reserved_name"),
        ({"iat": 2**60}, "number"),
    ],
)
def test_3_a_signed_payload_that_is_no_sd_jwt_fails(changes: dict[str, Any], reason: str) -> None:
    body = json.dumps(licence_payload()[0] | changes, ensure_ascii=False).encode()
    token = sign_jws(body, signer=ISSUER.signer, typ="dc+sd-jwt", header=ISSUER.header).encode() + b"~"
    assert failed(verify(token), 3, reason)


def test_3_a_payload_that_is_no_object_fails() -> None:
    token = sign_jws(b"[]", signer=ISSUER.signer, typ="dc+sd-jwt", header=ISSUER.header).encode() + b"~"
    assert failed(verify(token), 3, "payload")


def test_3_a_claim_a_verifier_decides_by_may_not_come_from_a_disclosure() -> None:
    hidden = b64u(canonical([SALT, "exp", 1]))
    payload = licence_payload()[0] | {"_sd": [digest(hidden)]}
    token = f"{sign_jws(payload, signer=ISSUER.signer, typ='dc+sd-jwt', header=ISSUER.header)}~{hidden}~".encode()
    assert failed(verify(token), 3, "never_disclosable")


def test_3_a_disclosure_over_a_claim_in_clear_fails() -> None:
    hidden = b64u(canonical([SALT, "name", "别人"]))
    payload = licence_payload()[0] | {"_sd": [digest(hidden)]}
    token = f"{sign_jws(payload, signer=ISSUER.signer, typ='dc+sd-jwt', header=ISSUER.header)}~{hidden}~".encode()
    assert failed(verify(token), 3, "claim_collision")


# -- (4) entitlement


@pytest.mark.parametrize("vct", ["urn:example:diploma", "", None, 5, ["urn:yizheng:purpose-copy"], {"a": 1}])
def test_4_what_is_neither_licence_nor_copy_fails(vct: Any) -> None:
    verdict = verify(altered(vct=vct))
    assert failed(verdict, 4, "vct")
    assert shows_nothing(verdict)


@pytest.mark.parametrize(
    "member",
    [
        None, 5, "x", [], {}, ["identifier"], described(identifier=...), described(identifier=5),
        described(identifier=[IDENTIFIER.text]), described(identifier={"text": IDENTIFIER.text}),
        described(identifier=IDENTIFIER.text[:-1] + "?"), described(identifier=""),
    ],
)  # fmt: skip
def test_4_a_certificate_without_a_correct_identifier_fails(member: Any) -> None:
    assert failed(verify(altered(certificate=member)), 4, "identifier")


@pytest.mark.parametrize("uri", [f"{HUB}/issuers/{POLICE}", HUB, None, 5, [ISSUER.uri], {}])
def test_4_an_issuer_uri_that_is_not_in_the_signers_certificate_fails(uri: Any) -> None:
    assert failed(verify(altered(iss=uri)), 4, "issuer_uri")


def test_4_an_issuer_nobody_entitled_fails() -> None:
    stranger = replace(POLICY, issuers={POLICE: POLICY.issuers[POLICE]})
    verdict = verify(licence(), trust=stranger)
    assert failed(verdict, 4, "issuer_not_entitled")
    assert shows_nothing(verdict)


def test_4_a_type_its_issuer_is_not_entitled_to_fails() -> None:
    assert failed(verify(licence(), trust=entitled_to(IDENTITY_TYPE.code)), 4, "type_not_entitled")
    assert failed(verify(licence(), trust=entitled_to()), 4, "type_not_entitled")


def test_4_a_vct_of_another_type_than_the_identifier_fails() -> None:
    other = f"urn:yizheng:certificate-type:{IDENTITY_TYPE.code}"
    both = entitled_to(LICENCE_TYPE.code, IDENTITY_TYPE.code)
    assert failed(verify(altered(vct=other), trust=both), 4, "type_not_entitled")


def test_4_an_identifier_of_another_issuer_than_the_certificates_fails() -> None:
    foreign = Identifier(LICENCE_TYPE.code, POLICE, "2026ABCDEFGHJKLM", 2)
    assert failed(verify(altered(certificate=described(identifier=foreign.text))), 4, "issuer_not_entitled")
    entitled = replace(POLICY, issuers={POLICE: Issuer("公安局", frozenset({LICENCE_TYPE.code}))})
    assert failed(verify(altered(key=POLICE_KEY, iss=POLICE_KEY.uri), trust=entitled), 4, "issuer_not_entitled")


def test_4_a_division_as_issuer_has_no_certificate_to_be_the_issuers() -> None:
    division = Identifier(LICENCE_TYPE.code, "340100", "000000016")
    assert failed(verify(altered(certificate=described(identifier=division.text))), 4, "issuer_not_entitled")


@pytest.mark.parametrize("issuer", [{"name": "公安局", "uscc": POLICE}, {"name": "x"}, "市场监督管理局", None, ...])
def test_4_a_licence_that_prints_another_issuer_than_its_signer_fails(issuer: Any) -> None:
    assert failed(verify(altered(certificate=described(issuer=issuer))), 4, "issuer_not_entitled")


@pytest.mark.parametrize("key", [COPY_KEY, HUB_KEY, STATUS_KEY])
def test_4_a_licence_signed_by_a_key_of_the_hub_fails(key: Key) -> None:
    assert failed(verify(altered(key=key, iss=HUB)), 4, "issuer_not_entitled")
    assert failed(verify(altered(key=key)), 4, "issuer_uri")


def test_4_a_licence_signed_by_a_copy_key_certified_for_the_department_fails() -> None:
    key = certified(ROOT, "purpose-copy", AMR, uri=ISSUER.uri)
    assert failed(verify(licence(key=key)), 4, "issuer_not_entitled")


def test_4_a_copy_signed_by_an_issuing_key_fails() -> None:
    assert failed(verify(purpose_copy(key=ISSUER), audience=RECEIVER), 4, "issuer_uri")
    assert failed(verify(altered_copy(key=ISSUER, iss=ISSUER.uri), audience=RECEIVER), 4, "not_the_hubs_copy_key")
    posing = certified(ROOT, "issuer", AMR, uri=HUB)
    assert failed(verify(purpose_copy(key=posing), audience=RECEIVER), 4, "not_the_hubs_copy_key")


@pytest.mark.parametrize("key", [HUB_KEY, STATUS_KEY])
def test_4_a_copy_signed_by_another_key_of_the_hub_fails(key: Key) -> None:
    assert failed(verify(purpose_copy(key=key), audience=RECEIVER), 4, "not_the_hubs_copy_key")


def test_4_a_copy_of_another_hub_under_the_same_root_fails() -> None:
    other = certified(ROOT, "purpose-copy", HUB_BODY, uri="https://other.example")
    token = altered_copy(key=other, iss="https://other.example")
    assert failed(verify(token, audience=RECEIVER), 4, "not_the_hubs_copy_key")


# -- (5) status


@pytest.mark.parametrize("status", [Status.REVOKED, Status.SUSPENDED, Status.SUPERSEDED])
def test_5_a_licence_that_is_not_valid_any_more_fails_and_says_how(status: Status) -> None:
    verdict = verify(licence(), status=status)
    assert failed(verdict, 5, f"certificate_{status.value}")
    assert verdict.status == status.value
    assert verdict.claims == CLAIMS
    assert verdict.kind is TokenKind.LICENCE


@pytest.mark.parametrize("status", [Status.REVOKED, Status.SUSPENDED, Status.SUPERSEDED])
def test_5_a_revoked_suspended_or_superseded_licence_says_so_also_when_it_has_expired(status: Status) -> None:
    verdict = verify(licence(valid_until=date(2026, 2, 1)), status=status)
    assert failed(verdict, 5, f"certificate_{status.value}")


@pytest.mark.parametrize(
    "listed",
    [
        None,
        status_list(Status.REVOKED, now=NOW - timedelta(days=2)),
        status_list(now=NOW - timedelta(minutes=11)),
        status_list(uri=f"{HUB}/status-lists/4"),
        status_list(key=ISSUER),
        "broken",
    ],
    ids=["missing", "expired", "older than the pack", "another list", "signed by an issuer", "broken"],
)
def test_5_without_a_current_list_the_status_is_undecided(listed: str | None) -> None:
    verdict = verify(licence(), listed=listed)
    assert undecided(verdict, 5, "status_unavailable")
    assert verdict.status == "unknown"
    assert verdict.claims == CLAIMS


def test_5_an_undecided_status_is_overridden_by_a_later_failure() -> None:
    verdict = verify(licence(valid_until=date(2026, 2, 1)), listed=None)
    assert failed(verdict, 6, "expired")
    assert verdict.steps[4].result is Result.INDETERMINATE
    assert verdict.status == "unknown"


@pytest.mark.parametrize(
    "status", [None, 5, "x", [], {}, {"status_list": None}, {"status_list": {}}, {"status_list": {"uri": LIST}}]
)
def test_5_a_licence_without_a_status_entry_fails(status: Any) -> None:
    assert failed(verify(altered(status=status)), 5, "status_missing")
    assert failed(verify(altered(drop="status")), 5, "status_missing")


@pytest.mark.parametrize(
    ("uri", "index"),
    [
        ("https://evil.example/status-lists/3", INDEX),
        (f"{HUB}.evil.example/status-lists/3", INDEX),
        (f"{HUB}/other/3", INDEX),
        (5, INDEX),
        (LIST, "77"),
        (LIST, 77.5),
        (LIST, True),
        (LIST, -1),
        (LIST, None),
    ],
)
def test_5_a_status_entry_off_the_hubs_lists_fails(uri: Any, index: Any) -> None:
    token = altered(status={"status_list": {"uri": uri, "idx": index}})
    assert failed(verify(token), 5, "status_reference")


def test_5_an_index_beyond_the_list_is_undecided() -> None:
    assert undecided(verify(licence(status_index=5000)), 5, "status_unavailable")


def test_5_the_status_is_asked_for_by_list_entry_for_a_licence_and_by_identifier_for_a_copy() -> None:
    asked: list[StatusQuestion] = []

    def source(question: StatusQuestion) -> Status:
        asked.append(question)
        return Status.VALID

    for token in (licence(), purpose_copy()):
        verify_certificate(token, trust=POLICY, statuses=source, audience=RECEIVER, now=NOW)
    assert asked == [
        StatusQuestion(IDENTIFIER.text, LIST, INDEX),
        StatusQuestion(IDENTIFIER.text, None, None),
    ]


def test_5_a_copy_of_a_certificate_known_to_be_revoked_fails() -> None:
    verdict = verify_certificate(
        purpose_copy(), trust=POLICY, statuses=lambda _: Status.REVOKED, audience=RECEIVER, now=NOW
    )
    assert failed(verdict, 5, "certificate_revoked")
    assert verdict.kind is TokenKind.PURPOSE_COPY


# -- (6) time


@pytest.mark.parametrize(
    ("now", "holds"),
    [(SHANGHAI_MIDNIGHT - SECOND, True), (SHANGHAI_MIDNIGHT, False)],
    ids=["15:59:59Z", "16:00:00Z"],
)
def test_6_a_licence_ends_with_its_last_day_in_shanghai(now: datetime, holds: bool) -> None:  # noqa: FBT001
    token = licence(valid_until=LAST_DAY)
    assert passed(verify(token, now=now)) if holds else failed(verify(token, now=now), 6, "expired")


@pytest.mark.parametrize(
    ("now", "holds"),
    [(SHANGHAI_MIDNIGHT - SECOND, True), (SHANGHAI_MIDNIGHT, False)],
    ids=["15:59:59Z", "16:00:00Z"],
)
def test_6_the_civil_end_counts_without_an_exp(now: datetime, holds: bool) -> None:  # noqa: FBT001
    token = altered(certificate=described(valid_until="2026-12-31"))
    assert passed(verify(token, now=now)) if holds else failed(verify(token, now=now), 6, "expired")


@pytest.mark.parametrize(
    ("now", "holds"),
    [(datetime(2026, 2, 28, 15, 59, 59, tzinfo=UTC), False), (datetime(2026, 2, 28, 16, 0, tzinfo=UTC), True)],
    ids=["15:59:59Z", "16:00:00Z"],
)
def test_6_a_licence_begins_with_its_first_day_in_shanghai(now: datetime, holds: bool) -> None:  # noqa: FBT001
    token = licence(valid_from=date(2026, 3, 1))
    assert passed(verify(token, now=now)) if holds else failed(verify(token, now=now), 6, "not_yet_valid")


def test_6_the_29th_of_february_is_a_last_day() -> None:
    token = licence(valid_until=date(2028, 2, 29))
    end = datetime(2028, 2, 29, 16, 0, tzinfo=UTC)
    assert passed(verify(token, now=end - SECOND))
    assert failed(verify(token, now=end), 6, "expired")
    assert failed(verify(altered(certificate=described(valid_until="2027-02-29"))), 6, "dates")


def test_6_long_term_written_as_the_last_day_of_the_calendar_passes() -> None:
    assert passed(verify(licence(valid_until=date.max)))


def test_6_an_issue_in_the_future_fails_beyond_ten_seconds() -> None:
    assert passed(verify(licence(issued_at=NOW + 10 * SECOND)))
    assert failed(verify(licence(issued_at=NOW + 11 * SECOND)), 6, "issued_in_future")
    copy = purpose_copy(issued_at=NOW + 11 * SECOND)
    assert failed(verify(copy, audience=RECEIVER), 6, "issued_in_future")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"drop": "iat"}, "missing_iat"),
        ({"iat": None}, "bad_iat"),
        ({"iat": True}, "bad_iat"),
        ({"iat": "1"}, "bad_iat"),
        ({"iat": 1.5}, "bad_iat"),
        ({"exp": None}, "bad_exp"),
        ({"exp": "never"}, "bad_exp"),
        ({"exp": int(NOW.timestamp())}, "expired"),
        ({"nbf": int(NOW.timestamp()) + 60}, "not_yet_valid"),
        ({"nbf": "later"}, "bad_nbf"),
        ({"sub": 5}, "bad_sub"),
        ({"jti": 5}, "bad_jti"),
        ({"aud": ["x"]}, "bad_aud"),
    ],
)
def test_6_an_instant_that_is_none_or_past_fails(changes: dict[str, Any], reason: str) -> None:
    assert failed(verify(altered(**changes)), 6, reason)


@pytest.mark.parametrize(
    "changes",
    [
        {"valid_from": ...}, {"valid_until": ...}, {"valid_from": None}, {"valid_from": 5}, {"valid_until": 5},
        {"valid_until": ""}, {"valid_until": "20991231"}, {"valid_until": "2099-W01-1"}, {"valid_until": "2099-02-29"},
        {"valid_until": "2099-1-1"}, {"valid_until": "２０99-01-01"}, {"valid_until": ["2099-01-01"]},
    ],
)  # fmt: skip
def test_6_civil_dates_that_are_none_fail(changes: dict[str, Any]) -> None:
    assert failed(verify(altered(certificate=described(**changes))), 6, "dates")


def test_6_a_copy_ends_in_its_named_second_and_must_name_one() -> None:
    token = purpose_copy(expires_at=NOW + timedelta(minutes=5))
    assert passed(verify(token, audience=RECEIVER, now=NOW + timedelta(minutes=5) - SECOND))
    assert failed(verify(token, audience=RECEIVER, now=NOW + timedelta(minutes=5)), 6, "expired")
    assert failed(verify(altered_copy(drop="exp"), audience=RECEIVER), 6, "missing_exp")


def test_6_a_copy_does_not_outlive_its_licence() -> None:
    source = licence_payload(valid_until=date(2026, 3, 1))[0]
    token = purpose_copy(source=source, expires_at=NOW + timedelta(days=2))
    assert passed(verify(token, audience=RECEIVER))
    assert failed(verify(token, audience=RECEIVER, now=NOW + timedelta(hours=8)), 6, "expired")


# -- (7) receiver


def test_7_a_copy_for_somebody_else_fails() -> None:
    verdict = verify(purpose_copy(), audience="somebody-else")
    assert failed(verdict, 7, "audience_mismatch")
    assert failed(verify(purpose_copy(), audience=""), 7, "audience_mismatch")
    assert failed(verify(altered_copy(drop="aud"), audience=RECEIVER), 7, "audience_mismatch")


def test_7_a_copy_is_undecided_when_nobody_says_who_verifies() -> None:
    verdict = verify(purpose_copy())
    assert undecided(verdict, 7, "audience_not_given")
    assert verdict.kind is TokenKind.PURPOSE_COPY


@pytest.mark.parametrize("audience", [None, RECEIVER, "somebody-else"])
def test_7_a_licence_is_for_everyone(audience: str | None) -> None:
    assert passed(verify(licence(), audience=audience))


def test_7_of_two_undecided_steps_the_first_gives_the_reason() -> None:
    token = altered_copy(vct=f"urn:yizheng:certificate-type:{LICENCE_TYPE.code}")
    assert failed(verify(token), 4, "issuer_not_entitled")
    verdict = verify(licence(), listed=None, audience=None)
    assert [step.result for step in verdict.steps].count(Result.INDETERMINATE) == 1


# -- nothing presented raises, and nothing changed passes

LICENCE = licence()
COPY = purpose_copy()


@pytest.mark.parametrize("token", [LICENCE, COPY], ids=["licence", "copy"])
def test_no_single_changed_byte_passes(token: bytes) -> None:
    statuses: Callable[[StatusQuestion], Status] = lambda _: Status.VALID  # noqa: E731
    for place, byte in enumerate(token):
        for other in {byte ^ 1, byte ^ 0x20, ord("A"), ord("~"), ord("."), 0xFF} - {byte}:
            changed = token[:place] + bytes([other]) + token[place + 1 :]
            verdict = verify_certificate(changed, trust=POLICY, statuses=statuses, audience=RECEIVER, now=NOW)
            assert verdict.result is Result.FAILED, (place, other)
            assert shows_nothing(verdict)


def test_no_shortened_licence_passes_unless_whole_disclosures_are_gone() -> None:
    for end in range(len(LICENCE)):
        verdict = verify(LICENCE[:end])
        assert (verdict.result is Result.PASSED) == (LICENCE[:end].endswith(b"~")), end


def sound(verdict: Verdict) -> Verdict:
    """A verdict that keeps the promises of docs/verification.md."""
    json.dumps(verdict.to_json())
    for step in verdict.steps:
        rule = RULES[step.step]
        assert step.name == rule.name
        allowed = {Result.PASSED: {None}, Result.FAILED: rule.failures, Result.INDETERMINATE: rule.undecided}
        assert step.reason in allowed[step.result], step
    return verdict


@given(st.binary(max_size=200))
def test_any_bytes_get_a_verdict(data: bytes) -> None:
    assert sound(verify(data)).result is Result.FAILED
    presented_identifier(data)


PIECES = [*LICENCE.split(b"~"), *LICENCE.split(b"~")[0].split(b"."), *COPY.split(b"~"), b"", b"~", b".", b"e30", b"W10"]


@given(
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=6), st.sampled_from([b"~", b".", b""])
)
def test_any_pieces_of_tokens_get_a_verdict(pieces: list[bytes], joint: bytes) -> None:
    sound(verify(joint.join(pieces), audience=RECEIVER))


VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.floats(-1e9, 1e9), st.text(max_size=20),
        st.sampled_from([IDENTIFIER.text, LIST, ISSUER.uri, HUB, "2026-01-01", "9999-12-31", AMR]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["identifier", "status_list", "uri", "idx", "valid_from", "issuer", "uscc", "x"]),
            inner, max_size=5,
        ),
    ),
    max_leaves=6,
)  # fmt: skip
NAMES = st.sampled_from([*licence_payload()[0], *copy_payload()[0], "nbf", "sub", "custody"])


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(NAMES, VALUES, max_size=4), st.sampled_from(["licence", "copy"]))
def test_any_claims_of_a_genuine_signer_get_a_verdict(claims: dict[str, Any], kind: str) -> None:
    payload, key = (licence_payload()[0], ISSUER) if kind == "licence" else (copy_payload()[0], COPY_KEY)
    try:
        token = signed(payload | claims, key=key)
    except Exception:  # noqa: BLE001  # what cannot be signed cannot be presented
        return
    sound(verify(token, audience=RECEIVER))
    presented_identifier(token)


@given(
    st.dictionaries(st.sampled_from(["valid_from", "valid_until", "issuer", "custody", "type_name", "type"]), VALUES)
)
def test_any_description_of_a_genuine_signer_gets_a_verdict(members: dict[str, Any]) -> None:
    try:
        token = altered(certificate=described() | members)
    except Exception:  # noqa: BLE001
        return
    sound(verify(token))


# -- looking the status up beforehand


def test_the_presented_identifier_is_read_without_trusting_it() -> None:
    assert presented_identifier(LICENCE) == presented_identifier(COPY) == IDENTIFIER.text
    unsigned = LICENCE.split(b"~")[0].rpartition(b".")[0] + b".AAAA~"
    assert presented_identifier(unsigned) == IDENTIFIER.text


@pytest.mark.parametrize("member", [None, [], {}, "x", described(identifier=[]), described(identifier="x")])
def test_there_is_no_presented_identifier_in_anything_else(member: Any) -> None:
    assert presented_identifier(resigned(lambda payload: payload.update(certificate=member))) is None
    assert presented_identifier(b"junk") is None
    assert presented_identifier(b"") is None
