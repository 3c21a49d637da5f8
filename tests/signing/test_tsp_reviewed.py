"""Time-stamps and their CMS, spelt otherwise or by authorities that are nearly right: refused, by our own errors."""

import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from signing.canonical import sha256
from signing.cms import der as cms_der
from signing.cms import message as cms
from signing.cms.der import SEQUENCE, SET, children, integer, octets, oid, sequence, set_of, tlv
from signing.errors import SigningError
from signing.keys import SoftwareSigner
from signing.suites import document_signature
from signing.tsp import tokens as tsp
from signing.tsp.authority import Authority
from signing.x509.pki import CertificateAuthority
from tests.signing.chains import ROOT, Recipe, intermediate
from tests.signing.stamped import AUTHORITY, LATER, SIGNED, STAMP_LEAF, STAMPER, stamp

DIGEST = sha256(b"data")
ANCHORS = (ROOT.certificate,)
STAMPING = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)
SHA256, SHA512 = (sequence(oid(dotted)) for dotted in (cms.ID_SHA256, "2.16.840.1.101.3.4.2.3"))


def reason(token: bytes, *, now: Any = LATER) -> str:
    with pytest.raises(SigningError) as error:
        tsp.verify_token(token, digest=DIGEST, anchors=ANCHORS, now=now)
    return error.value.reason


def rebuilt(change: Callable[[list[bytes]], None], *, wrapper: int = SEQUENCE) -> bytes:
    """A good token whose SignedData is put together anew; nothing in it that is signed changes."""
    kind, wrapped = children(cms_der.read(stamp(DIGEST)))
    parts = [each.raw for each in children(children(wrapped)[0])]
    change(parts)
    return tlv(wrapper, kind.raw, tlv(0xA0, sequence(*parts)))


def retagged(index: int, tag: int) -> Callable[[list[bytes]], None]:
    def change(parts: list[bytes]) -> None:
        parts[index] = bytes((tag,)) + parts[index][1:]

    return change


def algorithms(*listed: bytes) -> Callable[[list[bytes]], None]:
    def change(parts: list[bytes]) -> None:
        parts[1] = set_of(*listed)

    return change


def signer_as(tag: int) -> Callable[[list[bytes]], None]:
    def change(parts: list[bytes]) -> None:
        (signer,) = children(cms_der.read(parts[-1]))
        parts[-1] = set_of(tlv(tag, signer.body))

    return change


def test_a_token_put_together_anew_still_holds() -> None:
    for change in (lambda _: None, algorithms(SHA512, SHA256)):
        assert tsp.verify_token(rebuilt(change), digest=DIGEST, anchors=ANCHORS, now=LATER).time == SIGNED


@pytest.mark.parametrize(
    "change",
    [algorithms(), algorithms(SHA512), retagged(1, SEQUENCE), retagged(1, 0xA5), retagged(2, SET), signer_as(SET)],
    ids=["no_digest", "other_digest", "digests_sequence", "digests_tagged", "content_set", "signer_set"],
)
def test_a_structure_of_other_kinds_is_refused(change: Callable[[list[bytes]], None]) -> None:
    assert reason(rebuilt(change)) in {"cms_digest", "der"}


def test_the_whole_and_its_attributes_are_of_their_kinds_too() -> None:
    with pytest.raises(SigningError):
        tsp.token_of(sequence(sequence(integer(0)), rebuilt(lambda _: None, wrapper=SET)), digest=DIGEST, nonce=None)
    assert reason(by_hand(attribute_tag=SET)) == "der"


def test_attributes_that_others_would_put_in_another_order_are_refused() -> None:
    """Signed as they stand: whoever sorts them first, as openssl does, finds no signature over them."""
    assert tsp.verify_token(by_hand(), digest=DIGEST, anchors=ANCHORS, now=LATER)
    assert reason(by_hand(ordered=False)) == "cms_attribute"


def by_hand(
    *, extensions: bytes = b"", attribute_tag: int = SEQUENCE, leaf: bytes = STAMP_LEAF, ordered: bool = True
) -> bytes:
    """A token with what our authority does not write, signed by it."""
    imprint = sequence(sequence(oid(cms.ID_SHA256)), octets(DIGEST))
    info = sequence(integer(1), oid(AUTHORITY.policy), imprint, integer(1), cms_der.generalized(SIGNED), extensions)
    made = cms.writer((leaf,), alg="ES256", content_type=cms.ID_TST_INFO)
    items = children(cms_der.read(made.attributes(sha256(info))))
    retagged = [tlv(attribute_tag, each.body) for each in items]
    attributes = set_of(*retagged) if ordered else tlv(SET, *reversed(retagged))
    signature = document_signature("ES256", STAMPER.sign(attributes))
    return made.envelope(attributes, signature, content=info)


def test_an_extension_that_is_critical_is_not_passed_over() -> None:
    name, value = oid("1.2.3.4"), octets(b"\5\0")
    assert tsp.verify_token(
        by_hand(extensions=tlv(0xA1, sequence(name, value))), digest=DIGEST, anchors=ANCHORS, now=LATER
    )
    critical = tlv(0xA1, sequence(name, b"\x01\x01\xff", value))
    assert reason(by_hand(extensions=critical)) == "tsp_info"


@pytest.mark.parametrize(
    "changes",
    [
        {"sign_certificates": True},
        {"more": (STAMPING, (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True))},
        {"ca": True},
    ],
    ids=["certifies", "unknown_critical", "authority"],
)
def test_a_key_that_may_certify_or_bears_unknown_terms_stamps_nothing(changes: dict[str, Any]) -> None:
    leaf = Recipe(**{"public": STAMPER.public.public_key, "more": (STAMPING,)} | changes).make()
    assert reason(stamp(DIGEST, authority=Authority(STAMPER, (leaf,)))) in {"purpose", "path", "leaf_is_ca"}


def test_an_authority_for_servers_or_under_unmarked_terms_certifies_no_stamps() -> None:
    name = x509.DirectoryName(x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "another")]))
    servers = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    stamps = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.TIME_STAMPING])

    def stamped_under(extension: x509.ExtensionType) -> bytes:
        between = intermediate(ROOT, "Between", more=((extension, False),))
        leaf = Recipe(public=STAMPER.public.public_key, more=(STAMPING,)).make(between)
        return stamp(DIGEST, authority=Authority(STAMPER, (leaf, between.certificate)))

    assert tsp.verify_token(stamped_under(stamps), digest=DIGEST, anchors=ANCHORS, now=LATER).time == SIGNED
    assert reason(stamped_under(servers)) == "path"
    assert reason(stamped_under(x509.NameConstraints([name], None))) == "path"


def test_a_stamp_of_after_the_certificates_end_is_refused_however_our_clock_goes() -> None:
    leaf = Recipe(public=STAMPER.public.public_key, more=(STAMPING,), days=20).make()
    end = x509.load_der_x509_certificate(leaf).not_valid_after_utc
    late = stamp(DIGEST, at=end + timedelta(seconds=5), authority=Authority(STAMPER, (leaf,)))
    assert reason(late, now=end) == "stamp_time"


@pytest.mark.parametrize("serial", [b"\xff", b"\0"])
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_a_serial_that_the_library_warns_of_makes_no_error_of_another_kind(serial: bytes) -> None:
    """Under either way of treating warnings."""
    token = by_hand(leaf=_with_serial(Recipe(public=STAMPER.public.public_key, more=(STAMPING,)).make(), serial, ROOT))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert reason(token) == "certificate"


def _with_serial(leaf: bytes, serial: bytes, issuer: CertificateAuthority) -> bytes:
    signed, algorithm, _ = children(cms_der.read(leaf))
    parts = [each.raw for each in children(signed)]
    parts[1] = tlv(cms_der.INTEGER, serial)
    written = sequence(*parts)
    key = SoftwareSigner.from_pem(issuer.private_key_pem)
    signature = document_signature("ES256", key.sign(written))
    return sequence(written, algorithm.raw, tlv(cms_der.BIT_STRING, b"\0", signature))
