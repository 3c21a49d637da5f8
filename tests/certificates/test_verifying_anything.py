"""Anything at all: nothing presented raises, nothing changed passes, and what is read beforehand is not trusted."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from certificates.lifecycle.states import Status
from certificates.verifying.procedure import Result, StatusQuestion, Verdict, presented_identifier, verify_certificate
from signing.jose import sign_jws
from tests.certificates.steps import RULES, shows_nothing
from tests.certificates.trusted import (
    AMR,
    COPY_KEY,
    HUB,
    IDENTIFIER,
    ISSUER,
    LIST,
    NOW,
    POLICY,
    RECEIVER,
    Key,
    altered,
    copy_payload,
    described,
    licence,
    licence_payload,
    purpose_copy,
    signed,
    verify,
)

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


def resigned(change: Callable[[dict[str, Any]], object], *, key: Key = ISSUER) -> bytes:
    """The licence's own header over a payload that was changed, without disclosures."""
    payload, _ = licence_payload()
    change(payload)
    return f"{sign_jws(payload, signer=key.signer, typ='dc+sd-jwt', header=key.header)}~".encode()


def test_the_presented_identifier_is_read_without_trusting_it() -> None:
    assert presented_identifier(LICENCE) == presented_identifier(COPY) == IDENTIFIER.text
    unsigned = LICENCE.split(b"~")[0].rpartition(b".")[0] + b".AAAA~"
    assert presented_identifier(unsigned) == IDENTIFIER.text


@pytest.mark.parametrize("member", [None, [], {}, "x", described(identifier=[]), described(identifier="x")])
def test_there_is_no_presented_identifier_in_anything_else(member: Any) -> None:
    assert presented_identifier(resigned(lambda payload: payload.update(certificate=member))) is None
    assert presented_identifier(b"junk") is None
    assert presented_identifier(b"") is None
