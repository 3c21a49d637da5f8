"""A stranger, years later: the answer as it was filed and the key set of its day, no hub."""

import json
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from signing.keys import SoftwareSigner
from signing.log.checkpoint import NoteSigner
from signing.log.merkle import leaf_hash
from tests.clients.conftest import SOURCES, Either, Filed, Town
from tests.support import ENTERPRISE, PURPOSE
from yizheng_client import (
    ConfigurationError,
    Expected,
    Jwks,
    Outcome,
    Receipt,
    VerificationError,
    check_receipt,
    request_hash,
    verify_evidence,
    verify_query_answer,
    verify_receipt,
)
from yizheng_client.jose import SigningKey, b64u, unb64u
from yizheng_client.log import verify_inclusion

VECTORS = Path(__file__).parent.parent / "vectors" / "merkle" / "certificate_transparency.json"


def test_the_answer_and_the_keys_are_enough_in_a_program_without_a_network(filed: Filed, tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_bytes(filed.query)
    (tmp_path / "jwks.json").write_text(filed.jwks.text)
    program = (
        "import sys\n"
        "def refuse(event, _):\n"
        "    assert not event.startswith('socket.'), event\n"
        "sys.addaudithook(refuse)\n"
        "from pathlib import Path\n"
        "from yizheng_client import Jwks, verify_query_answer\n"
        "keys = Jwks.read(Path('jwks.json').read_bytes())\n"
        "print(verify_query_answer(Path('answer.json').read_bytes(), keys).records[0]['uscc'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=tmp_path, env={"PYTHONPATH": str(SOURCES)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == (ENTERPRISE["id_number"], "")


def test_an_answer_says_for_whom_and_to_which_request_it_is(filed: Filed) -> None:
    answer = verify_query_answer(filed.query, filed.jwks)
    assert verify_query_answer(
        filed.query.decode(), filed.jwks, Expected(audience="intake", request_id=answer.query_id)
    )
    body = json.dumps(
        {"case_no": answer.case_no, "purpose": PURPOSE}, ensure_ascii=False, separators=(",", ":")
    ).encode()
    assert answer.request_hash == request_hash(f"/api/v1/interfaces/{answer.interface}/query", body)


@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        (Expected(audience="narrow"), "audience"),
        (Expected(issuer="https://another.example"), "issuer"),
        (Expected(request_hash="0" * 64), "request_differs"),
        (Expected(request_id="another"), "another_request"),
        (Expected(issued_from=time.time() + 3600), "older_than_the_request"),
    ],
)
def test_an_answer_for_something_else_is_refused(filed: Filed, expected: Expected, reason: str) -> None:
    for verify, answer in ((verify_query_answer, filed.query), (verify_evidence, filed.evidence)):
        with pytest.raises(VerificationError) as refused:
            verify(answer, filed.jwks, expected)
        assert refused.value.reason == reason


def changed(raw: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    body = json.loads(raw)
    change(body)
    return json.dumps(body).encode()


def resigned(token: str) -> str:
    """The token's claims under a stranger's key that has the same `kid`."""
    head, body, _ = token.split(".")
    header = json.loads(unb64u(head))
    key = SigningKey.from_pem(SoftwareSigner.generate().to_pem(), kid=header["kid"])
    return key.sign(json.loads(unb64u(body)), typ=header["typ"])


def headed(token: str, **changes: Any) -> str:
    head, rest = token.split(".", 1)
    return b64u(json.dumps(json.loads(unb64u(head)) | changes).encode()) + "." + rest


CHANGES: dict[str, tuple[Callable[[dict[str, Any], Filed], None], str]] = {
    "a record": (lambda body, _: body["records"][0].update(name="别家"), "body_differs"),
    "a yes for a one": (lambda body, _: body["records"][0].update(is_active=1), "body_differs"),
    "an outcome": (lambda body, _: body.update(outcome="declared_none"), "body_differs"),
    "a number": (lambda body, _: body.update(query_id="another"), "body_differs"),
    "a missing member": (lambda body, _: body.pop("stale"), "body_differs"),
    "no answer": (lambda body, _: body.pop("answer"), "no_answer"),
    "a stranger's signature": (lambda body, _: body.update(answer=resigned(body["answer"])), "signature"),
    "no algorithm": (lambda body, _: body.update(answer=headed(body["answer"], alg="none")), "algorithm"),
    "a shared secret": (lambda body, _: body.update(answer=headed(body["answer"], alg="HS256")), "algorithm"),
    "a critical header": (lambda body, _: body.update(answer=headed(body["answer"], crit=["b64"])), "algorithm"),
    "an unknown key": (lambda body, _: body.update(answer=headed(body["answer"], kid="x")), "unknown_key"),
    "the receipt as answer": (lambda body, _: body.update(answer=body["receipt"]), "token_type"),
    "another's receipt": (
        lambda body, filed: body.update(receipt=json.loads(filed.other)["receipt"]),
        "receipt_of_another",
    ),
    "padding": (lambda body, _: body.update(answer=body["answer"] + "="), "base64url"),
    "two tokens": (lambda body, _: body.update(answer=body["answer"] + "." + body["answer"]), "not_a_jws"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_an_altered_query_answer_is_refused(filed: Filed, what: str) -> None:
    change, reason = CHANGES[what]
    with pytest.raises(VerificationError) as refused:
        verify_query_answer(changed(filed.query, lambda body: change(body, filed)), filed.jwks)
    assert refused.value.reason == reason


def licence(body: dict[str, Any]) -> dict[str, Any]:
    return body["requirements"][0]["evidence"]


def another_disclosure(body: dict[str, Any]) -> None:
    """A disclosure the signer never made, and the bundle none the wiser."""
    token = licence(body)["token"] + b64u(b'["c2FsdHNhbHRzYWx0c2FsdA","name","x"]') + "~"
    licence(body)["token"] = token


BUNDLE_CHANGES: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "an outcome": (lambda body: body["requirements"][1].update(outcome="satisfied"), "body_differs"),
    "a requirement left out": (lambda body: body["requirements"].pop(), "body_differs"),
    "two exchanged": (lambda body: body["requirements"].reverse(), "body_differs"),
    "a claim": (lambda body: licence(body)["claims"].update(name="别家"), "claims_differ"),
    "a claim hidden": (lambda body: licence(body)["claims"].pop("name"), "claims_differ"),
    "a copy left out": (lambda body: body["requirements"][0].pop("evidence"), "copies_differ"),
    "a copy added": (
        lambda body: body["requirements"][0].update(further_evidence=[body["requirements"][0]["evidence"]]),
        "copies_differ",
    ),
    "a copy beside none": (
        lambda body: body["requirements"][1].update(further_evidence=[body["requirements"][0]["evidence"]]),
        "copies_differ",
    ),
    "a disclosure added": (another_disclosure, "copies_differ"),
    "a receipt": (
        lambda body: body["requirements"][0].update(receipt=body["requirements"][1]["receipt"]),
        "receipt_of_another",
    ),
    "a number": (lambda body: body.update(case_no="YZ0"), "body_differs"),
    "a stranger's signature": (lambda body: body.update(bundle=resigned(body["bundle"])), "signature"),
}


@pytest.mark.parametrize("what", BUNDLE_CHANGES)
def test_an_altered_bundle_is_refused(filed: Filed, what: str) -> None:
    change, reason = BUNDLE_CHANGES[what]
    with pytest.raises(VerificationError) as refused:
        verify_evidence(changed(filed.evidence, change), filed.jwks)
    assert refused.value.reason == reason


def test_still_needed_follows_from_what_is_signed(filed: Filed) -> None:
    quiet = changed(filed.evidence, lambda body: body.update(still_needed=[]))
    assert verify_evidence(quiet, filed.jwks).still_needed == ("representative",)


@pytest.mark.parametrize("outcome", Outcome)
def test_what_fails_is_owed_and_only_what_the_person_has_is_asked(filed: Filed, outcome: Outcome) -> None:
    answer = verify_evidence(filed.evidence, filed.jwks)
    item = replace(answer.requirements[0], outcome=outcome)
    told = replace(answer, requirements=(item,))
    quiet = {"satisfied", "not_applicable", "declared_none", "source_unavailable", "pending"}
    assert told.still_needed == (() if outcome in quiet else (item.code,))
    assert told.owed == ((item.code,) if outcome == "source_unavailable" else ())


def test_nonsense_is_refused_and_never_a_bare_exception(filed: Filed) -> None:
    nonsense: list[bytes | str] = [b"", b"[]", b"{}", b"\xff", b'{"answer":1}', b'{"answer":"a.b.c"}', "{" * 100_000]
    nonsense += [b'{"answer":"%s"}' % b"a" * 10, b'{"bundle":"e30.e30.e30"}', b'{"a":1,"a":2}', b'{"answer":NaN}']
    for answer in nonsense:
        for verify in (verify_query_answer, verify_evidence):
            with pytest.raises(VerificationError):
                verify(answer, filed.jwks)
    for keys in (b"", b"[]", b"{}", b'{"keys":1}'):
        with pytest.raises(VerificationError):
            Jwks.read(keys)


def paths(value: Any, *path: Any) -> list[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        members = value.items() if isinstance(value, dict) else enumerate(value)
        return [path, *(found for name, item in members for found in paths(item, *path, name))]
    return [path]


@pytest.mark.parametrize("kind", ["query", "evidence"])
def test_whatever_stands_in_a_member_it_is_an_answer_or_refused(filed: Filed, kind: str) -> None:
    raw: bytes = getattr(filed, kind)
    verify: Any = verify_query_answer if kind == "query" else verify_evidence
    for path in paths(json.loads(raw))[1:]:
        for junk in (None, 1, "x", "a.b.c", [], [1], {}, {"a": 1}):
            body = json.loads(raw)
            place = body
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = junk
            if path[-1] == "evidence":
                place["further_evidence"] = junk
            try:
                verify(json.dumps(body), filed.jwks)
            except VerificationError:
                continue


def test_a_key_set_may_hold_keys_of_other_kinds(filed: Filed) -> None:
    body = json.loads(filed.jwks.text)
    body["keys"] += [{"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "ed"}, {"kty": "RSA", "kid": "r"}, "nonsense"]
    assert verify_query_answer(filed.query, Jwks.read(json.dumps(body)))


def test_a_receipt_is_proved_to_be_in_the_log(hub: Either, filed: Filed) -> None:
    logged = hub.check_receipt(filed.receipt)
    assert 0 <= logged.index < logged.size
    assert hub.check_receipt(filed.receipt.token).index == logged.index


def test_a_wrong_proof_is_refused(hub: Either, filed: Filed, town: Town) -> None:
    import httpx2

    hub.check_receipt(filed.receipt)
    path = f"{town.url}/api/v1/ledger/entries/{filed.receipt.entry}/proof"
    proof = httpx2.get(path, trust_env=False).content
    assert check_receipt(filed.receipt, proof, log_key=town.log_key)
    receipt = verify_receipt(filed.receipt.token, filed.jwks)
    flipped = b64encode(b"\0" * 32).decode()
    cases: list[tuple[Receipt, bytes, str]] = [
        (replace(receipt, commitment="A" * 43), proof, "not_in_the_log"),
        (replace(receipt, log="another/ledger"), proof, "another_log"),
        (receipt, changed(proof, lambda body: body.update(index=body["index"] - 1)), "not_in_the_log"),
        (receipt, changed(proof, lambda body: body["path"].__setitem__(0, flipped)), "not_in_the_log"),
        (receipt, changed(proof, lambda body: body["path"].pop()), "not_in_the_log"),
        (receipt, changed(proof, lambda body: body["path"].append(flipped)), "not_in_the_log"),
        (receipt, changed(proof, lambda body: body.update(index=10**9)), "not_a_proof"),
        (receipt, changed(proof, lambda body: body.update(checkpoint="x")), "checkpoint"),
        (receipt, changed(proof, lambda body: body.update(checkpoint=body["checkpoint"].replace("\n", "1\n", 2))), "checkpoint_not_signed"),  # noqa: E501
        (receipt, b"[]", "not_a_proof"),
    ]  # fmt: skip
    for claimed, given, reason in cases:
        with pytest.raises(VerificationError) as refused:
            check_receipt(claimed, given, log_key=town.log_key)
        assert refused.value.reason == reason
    name = town.log_key.partition("+")[0]
    with pytest.raises(VerificationError, match="checkpoint_not_signed"):
        check_receipt(receipt, proof, log_key=NoteSigner.generate(name).verifier.text)
    with pytest.raises(ConfigurationError):
        check_receipt(receipt, proof, log_key="nonsense")


def test_inclusion_against_the_vectors_of_certificate_transparency() -> None:
    vectors = json.loads(VECTORS.read_text())
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in vectors["leaves"]]
    roots = [bytes.fromhex(root) for root in vectors["roots"]]
    proofs = vectors["inclusion"]
    assert proofs
    for proof in proofs:
        path, index, size = [bytes.fromhex(node) for node in proof["proof"]], proof["index"], proof["size"]
        verify_inclusion(leaves[index], index=index, size=size, path=path, root=roots[size])
        with pytest.raises(VerificationError):
            verify_inclusion(leaves[index - 1], index=index, size=size, path=path, root=roots[size])
