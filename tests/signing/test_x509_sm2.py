"""SM2 certificates: paths that hold, judged by openssl, and every way one must not."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from signing.errors import ChainError, KeyPolicyError
from signing.keys import ES256, SoftwareSigner
from signing.sm2 import SM2SM3, Sm2Signer
from signing.x509 import leaf as leaves
from signing.x509.pki import issue_leaf, new_root, validate_chain
from tests.signing import chains
from tests.signing.chains import NAME, NOW, URI, USCC
from tests.signing.sm2_chains import LEAF, ROOT, SIGNER, Recipe, intermediate, openssl, reason

IDENTITY = "distid:1234567812345678"


def pem(der: bytes) -> bytes:
    return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


def test_openssl_accepts_the_chain(tmp_path: Path) -> None:
    middle = intermediate(ROOT, "Middle")
    leaf = Recipe().make(middle)
    for name, der in (("root", ROOT.certificate), ("middle", middle.certificate), ("leaf", leaf), ("direct", LEAF)):
        (tmp_path / name).write_bytes(pem(der))
    # The tool gives the user id to the last certificate alone, so each link is judged by itself.
    common = ("verify", "-vfyopt", IDENTITY, "-attime", int(NOW.timestamp()) + 1, "-partial_chain", "-CAfile")
    openssl(*common, tmp_path / "root", "-x509_strict", tmp_path / "direct")
    openssl(*common, tmp_path / "root", tmp_path / "middle")
    openssl(*common, tmp_path / "middle", tmp_path / "leaf")
    assert b"SM2-with-SM3" in openssl("x509", "-in", tmp_path / "direct", "-noout", "-text")


def test_a_chain_that_openssl_made_is_accepted(tmp_path: Path) -> None:
    key, root, leaf_key, request, leaf, terms = (
        tmp_path / name for name in ("key", "root", "leaf_key", "request", "leaf", "terms")
    )
    for made in (key, leaf_key):
        openssl("genpkey", "-algorithm", "SM2", "-out", made)
    signing = ("-sm3", "-sigopt", IDENTITY)
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl("req", "-x509", "-new", "-key", key, *signing, "-subj", "/CN=Other", *usage, "-days", 9, "-out", root)
    subject = f"/O=Bureau/organizationIdentifier={USCC}"
    openssl("req", "-new", "-key", leaf_key, *signing, "-subj", subject, "-out", request)
    terms.write_text(
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
        f"subjectAltName=URI:{URI},URI:urn:yizheng:role:issuer\n"
    )
    openssl(
        "x509", "-req", "-in", request, "-CA", root, "-CAkey", key, "-CAcreateserial", "-extfile", terms,
        "-vfyopt", IDENTITY, *signing, "-days", 9, "-out", leaf,
    )  # fmt: skip
    root_der, leaf_der = (
        x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER) for path in (root, leaf)
    )
    now = x509.load_der_x509_certificate(leaf_der).not_valid_before_utc
    found = validate_chain([leaf_der], anchors=[root_der], now=now)
    assert (found.organization, found.organization_id, found.roles) == ("Bureau", USCC, {"issuer"})
    signature = openssl("pkeyutl", "-sign", "-inkey", leaf_key, "-rawin", "-digest", "sm3", "-pkeyopt", IDENTITY,
                        given=b"message")  # fmt: skip
    assert found.public == Sm2Signer.from_pem(leaf_key.read_bytes()).public
    Sm2Signer.from_pem(leaf_key.read_bytes()).public.verify_der(b"message", signature)


def test_paths_with_intermediates_are_accepted_up_to_four() -> None:
    authorities = [ROOT]
    for name in ("One", "Two", "Three", "Four"):
        authorities.append(intermediate(authorities[-1], name))
    for above in ([1], [2, 1], [3, 2, 1]):
        chain = [Recipe().make(authorities[above[0]]), *(authorities[index].certificate for index in above)]
        assert validate_chain(chain, anchors=[ROOT.certificate], now=NOW).organization_id == USCC
    chain = [Recipe().make(authorities[4]), *(authorities[index].certificate for index in (4, 3, 2, 1))]
    assert reason(chain) == "too_long"
    assert reason([]) == "empty"


def test_no_path_mixes_suites() -> None:
    other = SoftwareSigner.generate()
    both = (ROOT.certificate, chains.ROOT.certificate)
    for chain in ([LEAF], [chains.LEAF]):
        assert validate_chain(chain, anchors=both, now=NOW).organization_id == USCC
    # An SM2 leaf under the other root, with that root's name and a signature of that root's key.
    assert reason([LEAF], anchors=(chains.ROOT.certificate,)) == "anchor"
    assert reason([chains.LEAF], anchors=(ROOT.certificate,)) == "anchor"
    foreign = intermediate(ROOT, "Middle")
    assert reason([chains.LEAF, foreign.certificate], anchors=both) in {"path", "unused_certificate", "certificate"}
    assert reason([LEAF, chains.intermediate(chains.ROOT, "M").certificate], anchors=both) == "path"
    for ca, public in ((ROOT, other.public), (chains.ROOT, SIGNER.public)):
        with pytest.raises(KeyPolicyError) as error:
            issue_leaf(ca, public=public, organization=NAME, organization_id=USCC, role="hub", uri=URI, now=NOW, days=1)
        assert error.value.reason == "suite"


def test_an_es256_key_in_a_certificate_signed_with_sm2_is_refused() -> None:
    class Disguised:
        point = SIGNER.public.point

        def to_der(self) -> bytes:
            return SoftwareSigner.generate().public.to_der()

    mixed = Recipe(public=Disguised()).make()  # type: ignore[arg-type]
    assert reason([mixed], anchors=(ROOT.certificate, chains.ROOT.certificate)) == "path"
    # The bytes that lead to the path of SM2, in an extension of a certificate of the other world.
    lure = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), SIGNER.public.to_der())
    made = chains.Recipe(more=((lure, False),)).make()
    assert reason([made], anchors=(ROOT.certificate, chains.ROOT.certificate)) == "path"
    assert reason([Recipe(public=Disguised(), more=((lure, False),)).make()]) == "leaf_key"  # type: ignore[arg-type]


def test_a_caller_who_wants_other_suites_gets_no_sm2() -> None:
    with pytest.raises(ChainError) as error:
        validate_chain([LEAF], anchors=[ROOT.certificate], now=NOW, suites={ES256})
    assert error.value.reason == "leaf_key"


def test_leaf_never_outlives_its_root_and_years_after_2049_have_four_digits() -> None:
    root = new_root("Root", now=NOW, years=40, alg=SM2SM3)
    der = issue_leaf(
        root, public=SIGNER.public, organization=NAME, organization_id=USCC, role="hub", uri=URI, now=NOW, days=99999
    )
    assert validate_chain([der], anchors=[root.certificate], now=NOW).not_after.year == 2066


@pytest.mark.parametrize(
    "changes",
    [
        {"ca": False},
        {"ca_critical": False},
        {"usage": None},
        {"usage": leaves.key_usage(sign=True)},
        {"more": ((x509.NameConstraints([x509.DNSName("example.com")], None), False),)},
    ],
    ids=str,
)
def test_what_is_no_authority_certifies_nothing(changes: dict[str, object]) -> None:
    one = intermediate(ROOT, "One", **changes)
    two = intermediate(one, "Two")
    assert reason([Recipe().make(two), two.certificate, one.certificate]) == "path"


def test_an_authority_for_documents_certifies_their_signers() -> None:
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION, ExtendedKeyUsageOID.SERVER_AUTH])
    one = intermediate(ROOT, "One", more=((purposes, True),))
    assert validate_chain(
        [Recipe().make(one), one.certificate], anchors=[ROOT.certificate], now=NOW + timedelta(days=1)
    )


def test_authority_key_identifier_must_be_the_authoritys() -> None:
    own = x509.load_der_x509_certificate(ROOT.certificate).extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    assert validate_chain([Recipe(key_identifier=own.value.digest).make()], anchors=[ROOT.certificate], now=NOW)
    assert reason([Recipe(key_identifier=b"another").make()]) == "path"


def test_certificates_beside_the_path_or_in_another_order_are_refused() -> None:
    one = intermediate(ROOT, "One")
    two = intermediate(one, "Two")
    assert reason([LEAF, one.certificate]) == "unused_certificate"
    assert reason([Recipe().make(two), one.certificate, two.certificate]) == "path"


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (Recipe(usage=None), "key_usage"),
        (Recipe(usage=leaves.key_usage(sign=False)), "key_usage"),
        (Recipe(names=()), "path"),
        (Recipe(more=((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True),)), "path"),
        (Recipe(more=((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False),)), "path"),
        (Recipe(more=((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True),)), "path"),
        (Recipe(subject=((NameOID.ORGANIZATION_NAME, NAME),)), "subject"),
        (Recipe(subject=((NameOID.ORGANIZATION_NAME, NAME), (NameOID.ORGANIZATION_IDENTIFIER, "x" * 18))), "subject"),
    ],
)
def test_leaf_that_is_not_ours_is_refused(recipe: Recipe, expected: str) -> None:
    assert reason([recipe.make()]) == expected


def test_extension_given_twice_is_refused() -> None:
    again = (x509.SubjectAlternativeName([x509.UniformResourceIdentifier("https://b")]), False)
    assert reason([Recipe(more=(again,)).make()]) == "certificate"


def test_other_parameters_of_the_algorithm_are_refused() -> None:
    algorithm = bytes.fromhex("300a06082a811ccf55018375")
    assert LEAF.count(algorithm) == 2
    end = LEAF.rindex(algorithm)
    assert reason([LEAF[:end] + algorithm[:-1] + b"\x76" + LEAF[end + len(algorithm) :]]) == "path"


@given(st.binary())
def test_garbage_is_refused(data: bytes) -> None:
    assert reason([LEAF, data]) == "certificate"
    assert reason([LEAF + data + b"\0"]) == "certificate"


@given(st.integers(0, len(LEAF) - 1), st.binary(min_size=1, max_size=4))
def test_no_damage_makes_anything_but_a_chain_error(position: int, data: bytes) -> None:
    changed = LEAF[:position] + data + LEAF[position + len(data) :]
    if changed != LEAF:
        assert reason([changed])
