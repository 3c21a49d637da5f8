"""Requests that openssl believes, and what an authority sends back: the right chain, and every wrong one by name."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from signing import pem
from signing.errors import ChainError, MalformedError
from signing.keys import ES256, SM2SM3, Signer, SoftwareSigner
from signing.rsa_keys import RS256, RsaSigner
from signing.suites import ALGORITHMS
from signing.x509 import csr
from signing.x509.leaf import Role
from signing.x509.pki import issue_leaf, new_root
from tests.signing import chains, sm2_chains
from tests.signing.asked import asked
from tests.signing.chains import NAME, NOW, URI, USCC
from tests.signing.sm2_chains import openssl

IDENTITY = "distid:1234567812345678"
SIGNERS: dict[str, Signer] = {ES256: chains.SIGNER, SM2SM3: sm2_chains.SIGNER, RS256: RsaSigner.generate()}
REQUESTS = {alg: csr.make_csr(signer, NAME, USCC, role="issuer", uri=URI) for alg, signer in SIGNERS.items()}
SM2_OPTIONS = {SM2SM3: ("-sm3", "-sigopt", IDENTITY), ES256: ("-sha256",), RS256: ("-sha256",)}


@pytest.mark.parametrize("alg", sorted(ALGORITHMS))
def test_openssl_verifies_the_request_and_reads_what_it_asks_for(tmp_path: Path, alg: str) -> None:
    (tmp_path / "request").write_bytes(pem.wrap(REQUESTS[alg], "CERTIFICATE REQUEST"))
    identity = ("-vfyopt", IDENTITY) if alg == SM2SM3 else ()
    text = openssl("req", "-in", tmp_path / "request", "-verify", *identity, "-noout", "-text", "-nameopt", "utf8")
    for part in (NAME, USCC, URI, "urn:yizheng:role:issuer", "Digital Signature, Non Repudiation", "CA:FALSE"):
        assert part.encode() in text


@pytest.mark.parametrize("alg", sorted(ALGORITHMS))
def test_the_request_is_read_back(alg: str) -> None:
    for data in (REQUESTS[alg], pem.wrap(REQUESTS[alg], "CERTIFICATE REQUEST")):
        request = asked(data)
        assert request.public == SIGNERS[alg].public
        assert (request.organization, request.organization_id, request.role, request.uri) == (NAME, USCC, "issuer", URI)


def test_a_request_for_an_organisation_without_a_code_is_not_made() -> None:
    with pytest.raises(ValueError, match="social credit code"):
        csr.make_csr(chains.SIGNER, NAME, "short", role="issuer", uri=URI)


@pytest.mark.parametrize(
    ("root_kind", "alg", "role"),
    [("EC", ES256, "timestamp"), ("RSA", ES256, "issuer"), ("RSA", RS256, "seal"), ("SM2", SM2SM3, "seal")],
)
def test_an_authority_run_with_openssl_certifies_the_request(
    tmp_path: Path, root_kind: str, alg: str, role: Role
) -> None:
    root_key, root, request, leaf = (tmp_path / name for name in ("key", "root", "request", "leaf"))
    kinds = {
        "EC": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"),
        "RSA": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"),
        "SM2": ("-algorithm", "SM2"),
    }
    openssl("genpkey", *kinds[root_kind], "-out", root_key)
    signing = ("-sm3", "-sigopt", IDENTITY) if root_kind == "SM2" else ("-sha384",)
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl("req", "-x509", "-new", "-key", root_key, *signing, "-subj", "/CN=Root", *usage, "-days", 9, "-out", root)
    signer = SIGNERS[alg]
    request.write_bytes(pem.wrap(csr.make_csr(signer, NAME, USCC, role=role, uri=URI), "CERTIFICATE REQUEST"))
    identity = ("-vfyopt", IDENTITY) if alg == SM2SM3 else ()
    openssl(
        "x509", "-req", "-in", request, "-CA", root, "-CAkey", root_key, "-CAcreateserial", "-copy_extensions", "copy",
        *identity, *signing, "-days", 5, "-out", leaf,
    )  # fmt: skip
    anchor = pem.unwrap(root.read_bytes(), "CERTIFICATE")
    sent = b"what an authority writes around it\n" + root.read_bytes() + leaf.read_bytes()
    chain = csr.read_chain(sent, public=signer.public)
    now = x509.load_der_x509_certificate(chain[0]).not_valid_before_utc
    found = csr.check_certified(
        chain, anchors=[anchor], public=signer.public, organization_id=USCC, role=role, uri=URI, now=now
    )
    assert (len(chain), found.roles, found.public) == (1, {role}, signer.public)


@pytest.mark.parametrize("made", [chains, sm2_chains])
def test_the_chain_is_put_in_order_and_roots_are_left_out(made: object) -> None:
    root, signer = made.ROOT, made.SIGNER  # type: ignore[attr-defined]
    one = made.intermediate(root, "One")  # type: ignore[attr-defined]
    two = made.intermediate(one, "Two")  # type: ignore[attr-defined]
    stray = made.intermediate(root, "Stray")  # type: ignore[attr-defined]
    leaf = made.Recipe().make(two)  # type: ignore[attr-defined]
    shuffled = [root.certificate, one.certificate, stray.certificate, leaf, two.certificate]
    chain = csr.read_chain(b"\n".join(pem.wrap(der, "CERTIFICATE") for der in shuffled), public=signer.public)
    assert chain == [leaf, two.certificate, one.certificate]
    assert csr.read_chain(leaf, public=signer.public) == [leaf]
    csr.check_certified(
        chain, anchors=[root.certificate], public=signer.public, organization_id=USCC, role="issuer", uri=URI, now=NOW
    )


def test_an_authority_that_was_renewed_under_its_name_is_told_apart() -> None:
    past, present = (chains.intermediate(chains.ROOT, "Example Issuing CA") for _ in range(2))
    expired, leaf = chains.Recipe(start=NOW - timedelta(days=99)).make(past), chains.Recipe().make(present)
    sent = [expired, past.certificate, leaf, present.certificate]
    for order in (sent, sent[::-1]):
        chain = csr.read_chain(b"".join(pem.wrap(der, "CERTIFICATE") for der in order), public=chains.SIGNER.public)
        assert chain == [leaf, present.certificate]


def test_a_file_of_pem_has_one_spelling() -> None:
    assert pem.unwrap(b"-----BEGIN A-----\nAAA=\n-----END A-----", "A") == b"\0\0"
    with pytest.raises(MalformedError):
        pem.unwrap(b"-----BEGIN A-----\nAAB=\n-----END A-----", "A")


def test_a_bundle_without_our_key_is_refused() -> None:
    with pytest.raises(ChainError) as error:
        csr.read_chain(chains.LEAF, public=SoftwareSigner.generate().public)
    assert error.value.reason == "other_key"
    for data in (b"", b"junk", bytes(200_000), chains.LEAF + b"\0", b"-----BEGIN CERTIFICATE-----\nAAA\n"):
        with pytest.raises(MalformedError):
            csr.read_chain(data, public=chains.SIGNER.public)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"public": SoftwareSigner.generate().public}, "other_key"),
        ({"public": sm2_chains.SIGNER.public}, "other_key"),
        ({"organization_id": "11990100MB0000002X"}, "other_organization"),
        ({"role": "seal"}, "role_missing"),
        ({"uri": "https://elsewhere.example"}, "uri_missing"),
        ({"now": NOW - timedelta(days=1)}, "not_yet_valid"),
        ({"anchors": [new_root("Other", now=NOW).certificate]}, "path"),
    ],
)
def test_a_certificate_that_says_something_else_is_refused_by_name(changes: dict[str, object], reason: str) -> None:
    wanted = {
        "anchors": [chains.ROOT.certificate],
        "public": chains.SIGNER.public,
        "organization_id": USCC,
        "role": "issuer",
        "uri": URI,
        "now": NOW,
    }
    with pytest.raises(ChainError) as error:
        csr.check_certified([chains.LEAF], **{**wanted, **changes})  # type: ignore[arg-type]
    assert error.value.reason == reason


def test_a_key_that_may_do_more_than_asked_is_refused() -> None:
    names = (*sm2_chains.GOOD_NAMES, x509.UniformResourceIdentifier("urn:yizheng:role:hub"))
    both = chains.Recipe(names=names).make()
    with pytest.raises(ChainError) as error:
        csr.check_certified(
            [both], anchors=[chains.ROOT.certificate], public=chains.SIGNER.public,
            organization_id=USCC, role="issuer", uri=URI, now=NOW,
        )  # fmt: skip
    assert error.value.reason == "other_roles"


@pytest.mark.parametrize("alg", sorted(ALGORITHMS))
@pytest.mark.parametrize("role", ["seal", "timestamp"])
def test_the_new_roles_are_issued_by_the_built_in_authority_too(alg: str, role: Role) -> None:
    root = sm2_chains.ROOT if alg == SM2SM3 else chains.ROOT
    signer = SIGNERS[alg]
    leaf = issue_leaf(
        root, public=signer.public, organization=NAME, organization_id=USCC, role=role, uri=URI, now=NOW, days=9
    )
    found = csr.check_certified(
        [leaf], anchors=[root.certificate], public=signer.public, organization_id=USCC, role=role, uri=URI, now=NOW
    )
    assert found.public.alg == alg
