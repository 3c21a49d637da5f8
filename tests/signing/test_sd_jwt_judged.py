"""SD-JWTs before judges that are not ours: PyPI's sd-jwt and npm's @sd-jwt/sd-jwt-vc accept ours; the negatives of
RFC 9901 §7 are refused by us; of those two, each refuses some, and what it lets pass (both: a wrong `typ`) is named.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from jwcrypto.jwk import JWK  # type: ignore[import-untyped]
from sd_jwt.verifier import SDJWTVerifier

from signing import sd_jwt
from signing.disclosures import digest
from signing.errors import SigningError
from signing.keys import SoftwareSigner
from tests import judges
from tests.judges.absence import missing
from tests.signing.sd_tokens import CLAIMS, HIDDEN, HOLDER, NOW, SALT, SIGNER, disclosure, forge, present, token

LATER = int(NOW.timestamp()) + 3600 * 24  # the claims' own iat lies a little after NOW, and the judge looks at it
PUBLIC = SIGNER.public.jwk
NESTED = disclosure(SALT, "street", "某路1号")
ELEMENT = disclosure(SALT, "软件开发")
BASE = {"iss": "https://hub.example.cn", "vct": "urn:x", "_sd_alg": "sha-256"}


@pytest.fixture(scope="module")
def judge() -> Iterator[judges.Judge]:
    if not judges.INSTALLED:
        missing("@sd-jwt (node, npm)")
    with judges.Judge() as running:
        yield running


def nested() -> str:
    payload = {**BASE, "address": {"region": "某市", "_sd": [digest(NESTED)]}, "scope": [{"...": digest(ELEMENT)}]}
    return forge(payload, NESTED, ELEMENT)


SELECTIONS = {
    "whole": token(),
    "selected": sd_jwt.select(token(), {"address", "business_scope"}),
    "nothing disclosed": sd_jwt.select(token(), ()),
    "nested and in an array": nested(),
    "no disclosable claim": sd_jwt.issue(CLAIMS, disclosable=(), signer=SIGNER),
    "with a certificate chain": token({"x5c": ["AA=="]}),
}


@pytest.mark.parametrize("case", SELECTIONS)
def test_ours_are_accepted_and_say_the_same(judge: judges.Judge, case: str) -> None:
    text = SELECTIONS[case]
    ours = sd_jwt.verify(text, key=SIGNER.public).claims
    assert judge.ask("verify", token=text, jwk=PUBLIC, now=LATER)["claims"] == ours
    theirs = SDJWTVerifier(text, lambda *_: JWK.from_pem(SIGNER.public.to_pem())).get_verified_payload()
    assert theirs == ours


def test_a_key_binding_is_accepted_and_another_nonce_is_not(judge: judges.Judge) -> None:
    text = present(sd_jwt.select(token(), {"address"}), iat=LATER)
    answer = judge.ask("verify", token=text, jwk=PUBLIC, now=LATER, nonce="n-1")
    assert (answer["claims"]["address"], answer["bound"]) == (CLAIMS["address"], True)
    assert "error" in judge.ask("verify", token=text, jwk=PUBLIC, now=LATER, nonce="n-2")
    stolen = present(sd_jwt.select(token(), {"address"}), signer=SoftwareSigner.generate(), iat=LATER)
    assert "error" in judge.ask("verify", token=stolen, jwk=PUBLIC, now=LATER, nonce="n-1")
    swapped = text.replace("~", "~" + disclosure(SALT, "extra", 1) + "~", 1)
    assert "error" in judge.ask("verify", token=swapped, jwk=PUBLIC, now=LATER, nonce="n-1")
    assert HOLDER.kid not in answer


def test_another_key_is_refused_by_all(judge: judges.Judge) -> None:
    other = SoftwareSigner.generate().public
    assert "error" in judge.ask("verify", token=token(), jwk=other.jwk, now=LATER)


_A, _A2, _B = disclosure(SALT, "a", 1), disclosure(SALT + "2", "a", 2), disclosure(SALT + "3", "b", 3)
_INNER = disclosure(SALT + "4", "c", {"_sd": [digest(_A)]})


def _forge(payload: dict[str, Any], *disclosures: str, **more: Any) -> str:
    return forge({**BASE, **payload}, *disclosures, **more)


NEGATIVES: dict[str, tuple[str, str]] = {
    "unreferenced disclosure": (_forge({"_sd": [digest(_A)]}, _A, _B), "unreferenced_disclosure"),
    "unreferenced, nothing committed": (_forge({}, _A), "unreferenced_disclosure"),
    "unreferenced inside one withheld": (_forge({"_sd": [digest(_INNER)]}, _A), "unreferenced_disclosure"),
    "disclosure twice": (_forge({"_sd": [digest(_A)]}, _A, _A), "duplicate_disclosure"),
    "digest twice in one list": (_forge({"_sd": [digest(_A), digest(_A)]}, _A), "duplicate_digest"),
    "digest twice, withheld": (_forge({"_sd": [digest(_A), digest(_A)]}), "duplicate_digest"),
    "digest at two levels": (_forge({"_sd": [digest(_A)], "o": {"_sd": [digest(_A)]}}, _A), "duplicate_digest"),
    "digest in a payload and in a disclosure": (
        _forge({"_sd": [digest(_A), digest(_INNER)]}, _A, _INNER), "duplicate_digest",
    ),
    "digest twice in an array": (
        _forge({"l": [{"...": digest(ELEMENT)}, {"...": digest(ELEMENT)}]}, ELEMENT), "duplicate_digest",
    ),
    "claim in clear and disclosed": (_forge({"a": 0, "_sd": [digest(_A)]}, _A), "claim_collision"),
    "claim disclosed twice": (_forge({"_sd": [digest(_A), digest(_A2)]}, _A, _A2), "claim_collision"),
    "claim of a nested object twice": (_forge({"o": {"a": 0, "_sd": [digest(_A)]}}, _A), "claim_collision"),
    "typ of a plain token": (_forge({}, typ="JWT"), "typ"),
    "typ of a key binding": (_forge({}, typ="kb+jwt"), "typ"),
    "typ of an older draft": (_forge({}, typ="vc+sd-jwt"), "typ"),
    "reserved name disclosed": (
        _forge({"_sd": [digest(disclosure(SALT, "_sd", []))]}, disclosure(SALT, "_sd", [])), "reserved_name",
    ),
    "element where a claim belongs": (_forge({"_sd": [digest(ELEMENT)]}, ELEMENT), "disclosure"),
    "claim where an element belongs": (_forge({"l": [{"...": digest(_A)}]}, _A), "disclosure"),
    "unknown digest algorithm": (_forge({"_sd_alg": "md5", "_sd": [digest(_A)]}, _A), "sd_alg"),
    "vct disclosed": (
        forge(
            {"iss": "x", "_sd_alg": "sha-256", "_sd": [digest(disclosure(SALT, "vct", "urn:x"))]},
            disclosure(SALT, "vct", "urn:x"),
        ),
        "never_disclosable",
    ),
}  # fmt: skip

_TYP = {"typ of a plain token", "typ of a key binding", "typ of an older draft"}
_NEVER_CHECKED = {"reserved name disclosed", "vct disclosed"}
_WRONG_PLACE = {"element where a claim belongs", "claim where an element belongs"}

# @sd-jwt/sd-jwt-vc 0.20.0 never looks at `typ`: that a key binding or any other token under the issuer's key is no
# licence is left to its caller. Of two claims of one name the later wins, as of a disclosure that is sent twice.
PASSED_BY_NPM = _TYP | _NEVER_CHECKED | _WRONG_PLACE | {"disclosure twice", "claim disclosed twice"}

# PyPI's sd-jwt 0.10.4 does not look for disclosures that belong nowhere, nor into arrays for digests used twice.
PASSED_BY_PYPI = (
    _TYP
    | _NEVER_CHECKED
    | {
        "unreferenced disclosure",
        "unreferenced, nothing committed",
        "unreferenced inside one withheld",
        "digest twice in an array",
    }
)


@pytest.mark.parametrize("case", NEGATIVES)
def test_the_negatives_of_rfc_9901_are_refused_by_us(case: str) -> None:
    text, reason = NEGATIVES[case]
    with pytest.raises(SigningError) as error:
        sd_jwt.verify(text, key=SIGNER.public)
    assert error.value.reason == reason


def test_npm_refuses_the_negatives_of_rfc_9901_but_for_those_named(judge: judges.Judge) -> None:
    answers = {case: judge.ask("verify", token=text, jwk=PUBLIC, now=LATER) for case, (text, _) in NEGATIVES.items()}
    assert {case for case, answer in answers.items() if "error" not in answer} == PASSED_BY_NPM


def test_pypi_refuses_the_negatives_of_rfc_9901_but_for_those_named() -> None:
    passed = set()
    for case, (text, _) in NEGATIVES.items():
        with suppress(ValueError):
            SDJWTVerifier(text, lambda *_: JWK.from_pem(SIGNER.public.to_pem())).get_verified_payload()
            passed.add(case)
    assert passed == PASSED_BY_PYPI


def test_every_disclosable_claim_was_hidden() -> None:
    assert not HIDDEN & sd_jwt.verify(SELECTIONS["nothing disclosed"], key=SIGNER.public).claims.keys()
