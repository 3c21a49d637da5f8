"""(7) holder, asked with a nonce: a copy that leaked passes for nobody, whoever he says that he is."""

from datetime import timedelta
from typing import Any

import pytest

from certificates.verifying.known import VerifierRules
from certificates.verifying.possession import BINDING_AGE
from certificates.verifying.procedure import Verdict
from signing.disclosures import digest
from signing.jose import sign_jws
from signing.keys import SoftwareSigner
from tests.certificates.steps import SECOND, failed, passed, undecided
from tests.certificates.trusted import NOW, RECEIVER, altered, licence, purpose_copy, verify

NONCE = "Zm9yIHRoaXMgcXVlc3Rpb24"
MINE = SoftwareSigner.generate()
STOLEN = purpose_copy(receiver_jwk=MINE.public.jwk)


def bound(token: bytes, *, signer: SoftwareSigner = MINE, over: bytes | None = None, **changes: Any) -> bytes:
    """What the holder of the key makes of a token for whoever gave him the nonce."""
    claims = {"iat": int(NOW.timestamp()), "aud": RECEIVER, "nonce": NONCE, "sd_hash": digest((over or token).decode())}
    return token + sign_jws(claims | changes, signer=signer, typ="kb+jwt").encode()


def asked(token: bytes, audience: str | None = RECEIVER, **more: Any) -> Verdict:
    return verify(token, audience=audience, rules=VerifierRules(nonce=NONCE), **more)


def test_a_copy_passes_for_whoever_holds_the_key_in_it_and_no_longer_than_its_nonce() -> None:
    verdict = asked(bound(STOLEN))
    assert passed(verdict)
    assert verdict.to_json()["possession_shown"] is True
    assert passed(asked(bound(STOLEN), now=NOW + BINDING_AGE))
    assert failed(asked(bound(STOLEN), now=NOW + BINDING_AGE + SECOND), 7, "binding_wrong")


def test_a_copy_that_leaked_fails_where_a_nonce_was_asked_for() -> None:
    verdict = asked(STOLEN)
    assert failed(verdict, 7, "binding_missing")
    assert verdict.possession_shown is False
    assert failed(asked(STOLEN, None), 7, "binding_missing")


@pytest.mark.parametrize(
    "how",
    [
        {"signer": SoftwareSigner.generate()}, {"nonce": "of another question"}, {"aud": "somebody-else"},
        {"iat": int((NOW - timedelta(hours=1)).timestamp())}, {"iat": int((NOW + timedelta(hours=1)).timestamp())},
        {"over": purpose_copy(receiver_jwk=MINE.public.jwk)}, {"nonce": None},
    ],
    ids=["key", "nonce", "audience", "old", "ahead", "another copy", "none"],
)  # fmt: skip
def test_a_binding_by_another_key_or_for_another_question_fails(how: dict[str, Any]) -> None:
    assert failed(asked(bound(STOLEN, **how)), 7, "binding_wrong")


def test_a_licence_with_its_holders_key_is_asked_the_same() -> None:
    token = altered(cnf={"jwk": MINE.public.jwk})
    assert passed(asked(bound(token)))
    assert failed(asked(token), 7, "binding_missing")
    assert undecided(asked(bound(token), None), 7, "audience_not_given")


def test_with_a_nonce_nothing_passes_that_names_no_key() -> None:
    """Else who has a leaked page, or the licence that a copy was made of, would show that instead."""
    assert undecided(asked(licence()), 7, "binding_unavailable")
    assert failed(asked(bound(licence())), 7, "binding_wrong")


def test_without_a_nonce_nothing_is_judged_and_the_verdict_says_so() -> None:
    for token in (licence(), STOLEN, bound(STOLEN), bound(STOLEN, nonce="any")):
        verdict = verify(token, audience=RECEIVER)
        assert passed(verdict)
        assert verdict.to_json()["possession_shown"] is False
    assert verify(b"junk").to_json()["possession_shown"] is None
