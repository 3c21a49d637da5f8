"""A leaf: which one may sign documents, how it travels in a header, and which is never issued."""

from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from signing.errors import KeyPolicyError, MalformedError
from signing.x509.pki import CertificateAuthority, chain_from_header, issue_leaf, x5c
from tests.signing.chains import LEAF, NAME, NOW, ROOT, SIGNER, URI, USCC, Recipe, reason


@pytest.mark.parametrize(
    "recipe", [Recipe(key_usage=False), Recipe(sign_documents=False), Recipe(sign_certificates=True)]
)
def test_leaf_without_exactly_the_right_key_usage_is_refused(recipe: Recipe) -> None:
    assert reason([recipe.make()]) == "key_usage"


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP384R1()).public_key(),
        lambda: rsa.generate_private_key(65537, 3072).public_key(),
    ],
    ids=["P-384", "RSA"],
)
def test_leaf_with_a_key_other_than_p256_is_refused(
    make: Callable[[], ec.EllipticCurvePublicKey | rsa.RSAPublicKey],
) -> None:
    assert reason([Recipe(public=make()).make()]) == "leaf_key"


@pytest.mark.parametrize(
    "more",
    [
        ((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True),),
        ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False),),
    ],
    ids=["unknown critical extension", "another purpose"],
)
def test_leaf_with_terms_not_understood_is_refused(more: tuple[tuple[x509.ExtensionType, bool], ...]) -> None:
    assert reason([Recipe(more=more).make()]) == "path"


def test_leaf_without_names_is_refused() -> None:
    assert reason([Recipe(names=()).make()]) == "path"


ORGANIZATION = (NameOID.ORGANIZATION_NAME, NAME)
IDENTIFIER = (NameOID.ORGANIZATION_IDENTIFIER, USCC)


@pytest.mark.parametrize(
    "subject",
    [
        (ORGANIZATION,),
        (IDENTIFIER,),
        (ORGANIZATION, IDENTIFIER, (NameOID.ORGANIZATION_IDENTIFIER, USCC[:-1] + "1")),
        (ORGANIZATION, ORGANIZATION, IDENTIFIER),
        (ORGANIZATION, (NameOID.ORGANIZATION_IDENTIFIER, USCC.lower())),
        ((NameOID.ORGANIZATION_NAME, "a\nb"), IDENTIFIER),
    ],
    ids=["no identifier", "no name", "two identifiers", "two names", "lower case", "control character"],
)
def test_leaf_that_does_not_name_one_organisation_is_refused(
    subject: tuple[tuple[x509.ObjectIdentifier, str], ...],
) -> None:
    assert reason([Recipe(subject=subject).make()]) == "subject"


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        [],
        x5c([LEAF])[0],
        x5c([LEAF] * 5),
        [b"bytes"],
        [1],
        [""],
        ["é"],
        [x5c([LEAF])[0] + "\n"],
        [x5c([b"\xfb\xff"])[0].replace("+", "-").replace("/", "_")],
        ["AB=="],
        ["AAA"],
        x5c([bytes(9000)]),
    ],
)
def test_header_of_another_form_is_malformed(value: object) -> None:
    with pytest.raises(MalformedError) as error:
        chain_from_header({"x5c": value})
    assert error.value.reason == "x5c"


def test_header_without_x5c_is_malformed() -> None:
    with pytest.raises(MalformedError):
        chain_from_header({})


@pytest.mark.parametrize(
    ("organization_id", "role", "uri"),
    [(USCC[1:], "issuer", URI), (USCC, "root", URI), (USCC, "issuer", "urn:yizheng:role:hub")],
)
def test_leaf_that_would_not_validate_is_not_issued(organization_id: str, role: str, uri: str) -> None:
    with pytest.raises(ValueError):
        issue_leaf(
            ROOT,
            public=SIGNER.public,
            organization=NAME,
            organization_id=organization_id,
            role=role,  # type: ignore[arg-type]
            uri=uri,
            now=NOW,
            days=1,
        )


def test_authority_with_another_kind_of_key_does_not_issue() -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat

    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(KeyPolicyError):
        issue_leaf(
            CertificateAuthority(ROOT.certificate, pem),
            public=SIGNER.public,
            organization=NAME,
            organization_id=USCC,
            role="issuer",
            uri=URI,
            now=NOW,
            days=1,
        )


def test_private_key_is_not_printed() -> None:
    assert "PRIVATE" not in repr(ROOT)
