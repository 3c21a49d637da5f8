"""Electronic seals: what holds, and every step of GB/T 38540 §7.3 at which one is refused."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.errors import ClaimError, KeyPolicyError, MalformedError, SigningError
from signing.keys import SoftwareSigner
from signing.ses import asn1 as ses_asn1
from signing.ses import seal as ses
from signing.ses.check import CLOCK_SKEW
from signing.sm2 import SM2SM3, Sm2Signer, sm3, to_der
from signing.x509.pki import new_root
from tests.signing.chains import NAME, NOW, USCC
from tests.signing.sealed import (
    DATA,
    ENDS,
    LOCATION,
    MADE,
    MAKER,
    PICTURE,
    SEAL,
    SEALED,
    checked,
    maker_leaf,
    new_seal,
    sign,
    stamp,
)
from tests.signing.sm2_chains import LEAF, ROOT, SIGNER, Recipe, intermediate

VALUE = sign()
STAMPED = sign(stamp=stamp)


def test_a_sealed_document_says_who_sealed_it_with_what_and_when() -> None:
    found = checked(STAMPED)
    assert (found.leaf.organization, found.leaf.organization_id) == (NAME, USCC)
    assert found.leaf.roles == {"issuer"}
    assert found.maker.roles == {"seal"}
    assert (found.signed_at, found.seal_id, found.seal_name) == (SEALED, "YZ-0001", NAME)
    assert (found.valid_from, found.valid_until, found.picture) == (MADE, ENDS, PICTURE)
    assert found.stamp is not None
    assert (found.stamp.time, found.stamp.trial) == (SEALED, True)


def test_without_a_stamp_the_time_is_the_signers_word() -> None:
    found = checked(VALUE)
    assert (found.stamp, found.token) == (None, None)


def test_the_certificates_between_signer_and_anchor_travel_along() -> None:
    middle = intermediate(ROOT, "Middle")
    leaf = Recipe().make(middle)
    value = sign(seal=new_seal(certificates=[LEAF, leaf]), chain=[leaf, middle.certificate])
    assert checked(value).leaf.organization_id == USCC
    assert ses_asn1.parse(value).intermediates == (middle.certificate,)


def test_what_claims_to_be_younger_than_its_stamp_is_refused() -> None:
    late = SEALED + timedelta(days=1)
    with pytest.raises(ClaimError, match="signed_in_future"):
        checked(sign(now=late, stamp=stamp), now=late)
    assert checked(sign(now=SEALED + CLOCK_SKEW, stamp=stamp), now=late).stamp


def test_a_key_elsewhere_signs_between_two_steps() -> None:
    prepared = ses.prepare(DATA, location=LOCATION, seal=SEAL, chain=[LEAF], now=SEALED)
    assert prepared == ses.prepare(DATA, location=LOCATION, seal=SEAL, chain=[LEAF], now=SEALED)
    value = ses.finish(prepared, SIGNER.sign(prepared.to_sign), stamp=None)
    assert checked(value).signed_at == SEALED


def test_a_seal_outlives_its_makers_certificate() -> None:
    # The maker's leaf ends with day 365; the seal was made while it was valid.
    late = NOW + timedelta(days=370)
    leaf = Recipe(days=500).make()
    seal = new_seal(valid_until=late + timedelta(days=9), certificates=[leaf])
    assert checked(sign(seal=seal, chain=[leaf], now=late), now=late).signed_at == late


def resealed(**changes: object) -> bytes:
    """As if an unfaithful maker had written the seal's information by hand."""
    parsed = ses_asn1.parse_seal(SEAL)
    fields: dict[str, object] = {
        "vendor": parsed.vendor,
        "seal_id": parsed.seal_id,
        "type_number": parsed.type,
        "name": parsed.name,
        "certificates": parsed.certificates,
        "created_at": parsed.created_at,
        "valid_from": parsed.valid_from,
        "valid_until": parsed.valid_until,
        "picture": parsed.picture,
    }
    info = ses_asn1.seal_info(**fields | changes)  # type: ignore[arg-type]
    return ses_asn1.seal(info, maker=parsed.maker, signature=to_der(MAKER.sign(info)))


def signed_by_hand(seal: bytes, *, digest: bytes | None = None, location: str = LOCATION) -> bytes:
    """As if an unfaithful signer had used a seal that does not name it, or another digest."""
    message = ses_asn1.to_sign(
        seal=seal, signed_at=SEALED, digest=digest or sm3(DATA), location=location, intermediates=()
    )
    signature = to_der(SIGNER.sign(message))
    return ses_asn1.sealed(message, certificate=LEAF, signature=signature, stamp=None)


STRANGER = Sm2Signer.generate()
OTHER_LEAF = Recipe(public=STRANGER.public).make()
OTHER_ROOT = new_root("Another root", now=NOW, alg=SM2SM3)
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "1 structure: not DER": (lambda: VALUE[:-1], "der"),
    "1 structure: bytes behind it": (lambda: VALUE + b"\0", "der"),
    "2 signature: of another key": (
        lambda: ses_asn1.sealed(
            ses_asn1.parse(VALUE).to_sign,
            certificate=LEAF,
            signature=to_der(STRANGER.sign(ses_asn1.parse(VALUE).to_sign)),
            stamp=None,
        ),
        "signature",
    ),
    "2 signature: certificate exchanged": (
        lambda: ses_asn1.sealed(
            ses_asn1.parse(VALUE).to_sign,
            certificate=OTHER_LEAF,
            signature=ses_asn1.parse(VALUE).signature,
            stamp=None,
        ),
        "signature",
    ),
    "3 certificate: not yet valid when signed": (lambda: sign(now=NOW - timedelta(days=1)), "not_yet_valid"),
    "3 certificate: signed in the future": (lambda: sign(now=SEALED + timedelta(days=30)), "signed_in_future"),
    "4 the seal names another key": (lambda: signed_by_hand(new_seal(certificates=[OTHER_LEAF])), "seal_certificate"),
    "5 seal: maker's signature is another key's": (
        lambda: sign(seal=new_seal(maker=STRANGER)),
        "seal_signature",
    ),
    "5 seal: its maker may not make seals": (
        lambda: sign(seal=new_seal(maker_certificate=maker_leaf("issuer"))),
        "seal_role",
    ),
    "5 seal: its maker is of a root that nobody trusts": (
        lambda: sign(seal=new_seal(maker_certificate=maker_leaf(authority=OTHER_ROOT))),
        "path",
    ),
    "5 seal: used before it was valid": (lambda: sign(now=MADE - timedelta(seconds=1)), "seal_not_yet_valid"),
    "5 seal: used after its end": (
        lambda: sign(seal=new_seal(valid_until=SEALED - timedelta(seconds=1))),
        "seal_expired",
    ),
    "5 seal: made before its maker was certified": (
        lambda: sign(seal=resealed(created_at=NOW - timedelta(days=1))),
        "not_yet_valid",
    ),
    "6 document: another one": (lambda: signed_by_hand(SEAL, digest=sm3(b"another")), "data_hash"),
    "6 document: of another place": (lambda: signed_by_hand(SEAL, location="/Doc_0/x.xml"), "location"),
    "7 stamp: over something else": (lambda: sign(stamp=lambda digest: stamp(digest[::-1])), "stamp_imprint"),
    "7 stamp: not one": (lambda: sign(stamp=lambda _: b"\x30\x00"), "cms_structure"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    make, reason = REFUSED[case]
    with pytest.raises(SigningError) as error:
        checked(make())
    assert error.value.reason == reason


def test_nobody_is_believed_under_a_root_that_is_not_trusted() -> None:
    with pytest.raises(SigningError) as error:
        checked(VALUE, anchors=[OTHER_ROOT.certificate])
    assert error.value.reason == "path"


TOKEN = STAMPED.index(ses_asn1.parse(STAMPED).stamp or b"none")
WITNESSED = checked(STAMPED)


def refused_or_the_same(changed: bytes) -> None:
    """A time-stamp's envelope has bytes that say nothing (RFC 5652 §5.1, digestAlgorithms); what it proves may not
    change.
    """
    try:
        found = checked(changed)
    except SigningError:
        return
    assert changed[: TOKEN - 16] == STAMPED[: TOKEN - 16]
    assert replace(found, token=None) == replace(WITNESSED, token=None)


def test_no_bit_may_change() -> None:
    for position in range(0, TOKEN, 7):
        flipped = bytearray(STAMPED)
        flipped[position] ^= 1 << position % 8
        with pytest.raises(SigningError):
            checked(bytes(flipped))


def test_no_bit_of_a_stamp_changes_what_it_proves() -> None:
    for position in range(TOKEN, len(STAMPED), 11):
        flipped = bytearray(STAMPED)
        flipped[position] ^= 1 << position % 8
        refused_or_the_same(bytes(flipped))


@given(st.binary(max_size=300))
def test_anything_is_refused_as_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        checked(data)


@pytest.mark.parametrize("certificate", [b"0\0", b"0\x020\0", b"\x04\0", b""])
def test_a_certificate_that_is_none_is_refused(certificate: bytes) -> None:
    parsed = ses_asn1.parse(VALUE)
    value = ses_asn1.sealed(parsed.to_sign, certificate=certificate, signature=parsed.signature, stamp=None)
    with pytest.raises(SigningError):
        checked(value)
    seal = ses_asn1.seal(parsed.seal.seal_info, maker=certificate, signature=parsed.seal.signature)
    certificates = {"certificate": parsed.certificate, "signature": parsed.signature, "stamp": None}
    with pytest.raises(SigningError):
        checked(ses_asn1.sealed(parsed.to_sign.replace(parsed.seal.raw, seal), **certificates))  # type: ignore[arg-type]


@given(st.integers(0, len(STAMPED) - 1), st.integers(0, 40), st.binary(max_size=40))
def test_whatever_is_cut_out_and_put_in_only_our_errors_leave(start: int, length: int, new: bytes) -> None:
    refused_or_the_same(STAMPED[:start] + new + STAMPED[start + length :])


def test_a_stamp_that_was_taken_off_is_missed_by_who_asks_for_one() -> None:
    parsed = ses_asn1.parse(STAMPED)
    bare = ses_asn1.sealed(parsed.to_sign, certificate=LEAF, signature=parsed.signature, stamp=None)
    assert checked(bare).stamp is None


def test_versions_and_lists_that_we_do_not_read_are_named() -> None:
    old = SEAL.replace(b"\x16\x02ES\x02\x01\x04", b"\x16\x02ES\x02\x01\x01", 1)
    with pytest.raises(MalformedError) as error:
        ses_asn1.parse_seal(old)
    assert error.value.reason == "ses_version"
    other = VALUE.replace(bytes.fromhex("06082a811ccf55018375"), bytes.fromhex("06082a811ccf55018374"))
    with pytest.raises(MalformedError) as error:
        ses_asn1.parse(other)
    assert error.value.reason == "ses_algorithm"


def test_other_suites_neither_make_nor_use_seals() -> None:
    other = SoftwareSigner.generate()
    with pytest.raises(KeyPolicyError):
        new_seal(maker=other)
    with pytest.raises(KeyPolicyError):
        sign(signer=other)


MISUSED: dict[str, Callable[[], bytes]] = {
    "a certificate that the seal does not name": lambda: sign(chain=[OTHER_LEAF]),
    "no certificate": lambda: sign(chain=[]),
    "an instant without a zone": lambda: sign(now=SEALED.replace(tzinfo=None)),
    "a seal that nobody may use": lambda: new_seal(certificates=[]),
    "a seal that ends before it begins": lambda: new_seal(valid_until=MADE - timedelta(seconds=1)),
}


@pytest.mark.parametrize("case", MISUSED)
def test_misuse_is_told_to_the_caller(case: str) -> None:
    with pytest.raises(ValueError):
        MISUSED[case]()


def test_nothing_of_a_seal_or_a_document_is_in_a_repr() -> None:
    parsed = ses_asn1.parse(STAMPED)
    text = repr(parsed) + repr(replace(parsed.seal, name="")) + repr(checked(STAMPED))
    assert LEAF.hex() not in text
    assert "PNG\\r" not in text
