"""The offline code of a page through the eight steps: nothing in it is believed that its key did not sign."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from certificates.lifecycle.states import Status
from certificates.offline_code import copy_content, key_name, licence_content, write_offline_code
from certificates.verifying.known import VerifierRules
from certificates.verifying.pack import TrustPack
from certificates.verifying.pack_status import PackStatuses
from certificates.verifying.papers_reading import read_paper
from certificates.verifying.procedure import TokenKind, Verdict, verify_paper
from certificates.verifying.trust import TrustPolicy
from signing.canonical import strict_loads, unb64u
from signing.jose import sign_jws
from tests.certificates.steps import failed, passed
from tests.certificates.trusted import (
    AMR,
    CLAIMS,
    COPY_KEY,
    HUB_KEY,
    IDENTIFIER,
    ISSUER,
    LIST,
    NOW,
    POLICE_KEY,
    POLICY,
    RECEIVER,
    ROOT,
    STATUS_KEY,
    Key,
    certified,
    copy_payload,
    entitled_to,
    licence_payload,
    pack,
    status_list,
)

AT = int((NOW - timedelta(days=20)).timestamp())
SHOWN = ("name", "uscc", "established_on")


def knowing(*keys: Key, policy: TrustPolicy = POLICY) -> TrustPolicy:
    signers = {key_name(key.signer.public.thumbprint): tuple(key.header["x5c"]) for key in keys}
    return replace(policy, signers=signers)


TRUST = knowing(ISSUER, POLICE_KEY, COPY_KEY, STATUS_KEY)


def licence_code(*, key: Key = ISSUER, at: int = AT, **changes: Any) -> bytes:
    payload, _ = licence_payload(**changes)
    content = licence_content(payload, shown=SHOWN, type_name="营业执照", binding="5a" * 32, at=at)
    return str(write_offline_code(content, signer=key.signer)).encode()


def copy_code(*, key: Key = COPY_KEY, **changes: Any) -> bytes:
    payload, _ = copy_payload(**changes)
    content = copy_content(payload, shown=tuple(CLAIMS), type_name="营业执照", at=int(NOW.timestamp()))
    return str(write_offline_code(content, signer=key.signer)).encode()


def verify(code: bytes, *, trust: TrustPolicy = TRUST, status: Status | None = Status.VALID, **more: Any) -> Verdict:
    """As offline: by a pack of this moment."""
    now = more.pop("now", NOW)
    listed = None if status is None else status_list(status, now=now - timedelta(minutes=1))
    statuses = PackStatuses(pack(listed, policy=trust, made_at=now), now=now)
    asked = {"audience": None, "now": now} | more
    return verify_paper(read_paper(code), trust=trust, statuses=statuses, **asked)


def undecided(verdict: Verdict, step: int, reason: str) -> bool:
    found = [item for item in verdict.steps if item.result == "indeterminate"]
    return verdict.result == "indeterminate" and [(item.step, item.reason) for item in found] == [(step, reason)]


def test_a_licences_code_passes_all_eight_steps_and_says_what_the_page_says() -> None:
    verdict = verify(licence_code())
    assert passed(verdict)
    assert (verdict.kind, verdict.format, verdict.status) == (TokenKind.LICENCE, "offline_code", "valid")
    assert verdict.claims == {name: CLAIMS[name] for name in SHOWN}
    assert verdict.certificate == {
        "identifier": IDENTIFIER.text,
        "type": IDENTIFIER.type_code,
        "type_name": "营业执照",
        "issued_on": "2026-01-01",
        "valid_from": "2026-01-01",
        "valid_until": None,
        "issuer": {"name": "市场监督管理局", "uscc": IDENTIFIER.issuer_code},
    }
    assert verdict.proven_at is None


def test_a_copys_code_is_for_its_receiver_until_its_end() -> None:
    verdict = verify(copy_code(), audience=RECEIVER)
    assert passed(verdict)
    assert verdict.kind is TokenKind.PURPOSE_COPY
    assert verdict.claims == {name: CLAIMS[name] for name in ("name", "uscc", "address")}
    assert verdict.purpose == {"text": "办理食品经营许可", "case_no": "C-1", "matter": "FOOD"}
    assert failed(verify(copy_code(), audience="somebody"), 7, "audience_mismatch")
    assert undecided(verify(copy_code()), 7, "audience_not_given")
    assert failed(verify(copy_code(), audience=RECEIVER, now=NOW + timedelta(hours=1)), 5, "expired")


@pytest.mark.parametrize("made", [licence_code, copy_code])
def test_no_changed_character_passes(made: Callable[[], bytes]) -> None:
    code = made()
    for at in range(4, len(code)):
        changed = code[:at] + (b"A" if code[at : at + 1] != b"A" else b"B") + code[at + 1 :]
        verdict = verify(changed, audience=RECEIVER)
        assert verdict.result != "passed", at
        assert not verdict.claims
        assert verdict.certificate is None


def test_a_key_that_nobody_listed_decides_nothing_and_nothing_of_its_code_is_shown() -> None:
    verdict = verify(licence_code(), trust=knowing(COPY_KEY))
    assert undecided(verdict, 2, "key_unknown")
    assert (verdict.certificate, verdict.claims, verdict.kind) == (None, {}, TokenKind.UNKNOWN)


def test_another_key_under_the_name_of_a_listed_one_fails() -> None:
    forged = knowing(POLICE_KEY).signers[key_name(POLICE_KEY.signer.public.thumbprint)]
    trust = replace(TRUST, signers={key_name(ISSUER.signer.public.thumbprint): forged})
    assert failed(verify(licence_code(), trust=trust), 2, "signature")


def test_a_listed_key_signs_what_it_may_and_no_more() -> None:
    assert failed(verify(licence_code(key=POLICE_KEY)), 3, "issuer_not_entitled")
    assert failed(verify(licence_code(key=COPY_KEY)), 3, "issuer_not_entitled")
    assert failed(verify(licence_code(key=STATUS_KEY)), 3, "issuer_not_entitled")
    assert failed(verify(copy_code(key=ISSUER), audience=RECEIVER), 3, "not_the_hubs_copy_key")
    others = knowing(ISSUER, policy=entitled_to("11990000MB0000009X001"))
    assert failed(verify(licence_code(), trust=others), 3, "type_not_entitled")
    assert failed(verify(licence_code(), trust=replace(TRUST, anchors=())), 3, "chain_anchor")


def test_a_signature_made_for_a_token_is_none_for_a_code() -> None:
    """The signed bytes of a code begin with its prefix, which no token has."""
    assert not sign_jws({"iat": AT}, signer=ISSUER.signer, typ="dc+sd-jwt").startswith("YZ1:")


def test_an_ended_certificate_and_a_stolen_key_vouch_for_nothing_since_a_code_proves_no_time() -> None:
    ended = NOW + timedelta(days=3300)
    assert failed(verify(licence_code(), now=ended), 4, "chain_expired")
    stolen = replace(TRUST, compromised={ISSUER.signer.public.thumbprint: NOW})
    assert failed(verify(licence_code(), trust=stolen), 4, "chain_key_compromised")
    ahead = licence_code(at=int((NOW + timedelta(minutes=1)).timestamp()))
    assert failed(verify(ahead), 4, "issued_in_future")


def test_a_key_that_was_certified_anew_still_vouches_for_what_it_signed_before() -> None:
    again = certified(ROOT, "issuer", AMR, signer=ISSUER.signer, now=NOW - timedelta(days=1))
    trust = replace(TRUST, signers={**TRUST.signers, **knowing(again).signers})
    assert trust.signers.keys() == TRUST.signers.keys()
    assert passed(verify(licence_code(), trust=trust))


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.REVOKED])
def test_status_and_dates_count_as_for_the_licence(status: Status) -> None:
    assert failed(verify(licence_code(), status=status), 6, f"certificate_{status.value}")
    assert undecided(verify(licence_code(), status=None), 6, "status_unavailable")
    assert failed(verify(licence_code(valid_from=NOW.date() + timedelta(days=2))), 5, "not_yet_valid")
    assert failed(verify(licence_code(valid_until=NOW.date() - timedelta(days=1))), 5, "expired")
    assert failed(verify(licence_code(status_uri="https://elsewhere.example/status-lists/3")), 6, "status_reference")


def test_the_verifiers_own_rules_count() -> None:
    assert failed(verify(licence_code(), rules=VerifierRules(suites=frozenset({"SM2SM3"}))), 8, "suite_not_accepted")


def test_lines_and_ends_of_a_pasted_code_do_not_count_and_its_spaces_do() -> None:
    code = next(code for code in (licence_code() for _ in range(200)) if b" " in code[20:])
    wrapped = b"\r\n".join(code[at : at + 40] for at in range(0, len(code), 40))
    assert passed(verify(b"  " + wrapped + b" \n"))
    assert verify(code[:20] + code[20:].replace(b" ", b"", 1)).result == "failed"


def test_a_pack_carries_the_chains_and_its_stopped_types_and_an_older_one_says_neither() -> None:
    trust = replace(TRUST, halted=frozenset({IDENTIFIER.type_code}))
    made = TrustPack(trust, {LIST: status_list()}, NOW)
    read = TrustPack.read(made.signed(signer=HUB_KEY.signer, header=HUB_KEY.header).encode(), now=NOW)
    assert (read.policy.signers, read.policy.halted) == (trust.signers, trust.halted)
    assert undecided(verify(licence_code(), trust=read.policy), 6, "type_halted")
    assert verify(licence_code(), trust=read.policy).status == "unknown"
    assert undecided(verify(copy_code(), trust=read.policy, audience=RECEIVER), 6, "type_halted")

    first = {name: said_in(made)[name] for name in ("anchors", "issuers", "hub", "status_lists", "iat")}
    written = sign_jws(first, signer=HUB_KEY.signer, typ="trust-pack+jwt", header=HUB_KEY.header)
    old = TrustPack.read(written.encode(), now=NOW)
    assert (old.policy.signers, old.policy.halted) == ({}, frozenset())
    assert undecided(verify(licence_code(), trust=old.policy), 2, "key_unknown")


def said_in(made: TrustPack) -> dict[str, Any]:
    signed = made.signed(signer=HUB_KEY.signer, header=HUB_KEY.header)
    return dict(strict_loads(unb64u(signed.split(".")[1]), max_bytes=1_000_000))
