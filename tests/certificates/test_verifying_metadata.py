"""Signed metadata by the same steps: of a licence its issuer's, of a copy the hub's; neither passes for the other."""

from datetime import timedelta
from typing import Any

import pytest

from certificates.lifecycle.states import Status
from certificates.metadata import metadata
from certificates.verifying.papers import METADATA_TYPE
from certificates.verifying.papers_reading import read_paper
from certificates.verifying.procedure import verify_paper
from certificates.verifying.verdict import Format, Result, TokenKind, Verdict
from signing.canonical import canonical
from signing.jose import sign_jws
from tests.certificates.steps import failed, passed, shows_nothing, undecided
from tests.certificates.trusted import (
    COPY_KEY,
    HUB,
    IDENTIFIER,
    ISSUER,
    LICENCE_TYPE,
    NOW,
    POLICY,
    RECEIVER,
    Key,
    copy_payload,
    licence_payload,
)

OF_A_COPY = ("iss", "vct", "aud", "exp", "purpose")
BINDING = "00" * 32


def file(payload: dict[str, Any], beside: dict[str, Any], key: Key, **clear: Any) -> bytes:
    """The file of these claims; a claim beside them that is None is left out, and `clear` stands there unsigned."""
    content = metadata(
        type=LICENCE_TYPE,
        identifier=IDENTIFIER,
        payload=payload,
        status=Status.VALID,
        area_code="",
        digital_certificate=None,
        file_url=None,
    )
    claims = {"sub": IDENTIFIER.text, "iat": int(NOW.timestamp()), "metadata": content} | beside
    signed = {name: value for name, value in claims.items() if value is not None}
    jws = sign_jws(signed, signer=key.signer, typ=METADATA_TYPE, header=key.header)
    shown = {"binding": signed["binding"]} if "binding" in signed else {}
    return canonical({"metadata": content, "jws": jws} | shown | clear)


def of_copy(key: Key = COPY_KEY, clear: dict[str, Any] | None = None, **changes: Any) -> bytes:
    payload, _ = copy_payload()
    return file(payload, {name: payload[name] for name in OF_A_COPY} | changes, key, **(clear or {}))


def of_licence(key: Key = ISSUER, **changes: Any) -> bytes:
    return file(licence_payload()[0], {"iss": key.uri, "binding": BINDING} | changes, key)


def judged(data: bytes, audience: str | None = RECEIVER) -> Verdict:
    return verify_paper(read_paper(data), trust=POLICY, statuses=lambda _: Status.VALID, audience=audience, now=NOW)


def test_a_copys_metadata_passes_for_its_receiver_with_what_it_says() -> None:
    verdict = judged(of_copy())
    assert passed(verdict)
    assert (verdict.format, verdict.kind) == (Format.JSON, TokenKind.PURPOSE_COPY)
    assert set(verdict.claims) == {"name", "uscc", "address"}
    assert verdict.purpose == copy_payload()[0]["purpose"]
    assert undecided(judged(of_copy(), None), 7, "audience_not_given")
    assert failed(judged(of_copy(), "narrow"), 7, "audience_mismatch")
    assert passed(judged(of_licence()))


def test_neither_passes_for_the_other() -> None:
    assert failed(judged(of_copy(ISSUER)), 3, "issuer_uri")
    assert failed(judged(of_copy(ISSUER, iss=ISSUER.uri)), 3, "not_the_hubs_copy_key")
    assert failed(judged(of_licence(COPY_KEY, iss=HUB)), 3, "issuer_not_entitled")
    assert failed(judged(of_copy(vct=None)), 2, "payload")
    assert failed(judged(of_copy(vct=None, binding=BINDING)), 3, "issuer_not_entitled")


@pytest.mark.parametrize(
    ("data", "step", "reason"),
    [
        (of_copy(exp=int((NOW - timedelta(hours=1)).timestamp())), 5, "expired"),
        (of_copy(aud=None), 7, "audience_mismatch"),
        (of_copy(clear={"binding": BINDING}), 2, "metadata_mismatch"),
        (of_copy(clear={"binding": None}), 1, "metadata"),
        (of_copy(clear={"metadata": {}}), 2, "metadata_mismatch"),
        (of_licence(binding=None), 2, "payload"),
    ],
)
def test_a_copy_without_end_receiver_or_truth_does_not_pass(data: bytes, step: int, reason: str) -> None:
    assert failed(judged(data), step, reason)


def test_a_copy_must_end() -> None:
    verdict = judged(of_copy(exp=None))
    assert verdict.result is Result.FAILED
    assert verdict.steps[-1].step == 4
    assert shows_nothing(verdict)
