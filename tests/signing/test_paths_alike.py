"""What holds of every path to an anchor, with the library's rules or with our own: one list, both worlds."""

from datetime import datetime, timedelta
from types import ModuleType

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from signing.keys import ES256, SM2SM3
from signing.x509.pki import CertificateAuthority, fingerprint, new_root, validate_chain
from tests.signing import chains, sm2_chains
from tests.signing.chains import NAME, NOW, URI, USCC

pytestmark = pytest.mark.parametrize("world", [chains, sm2_chains], ids=[ES256, SM2SM3])
OTHER = x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "另一机构")]))
OURS = x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, NAME)]))


def twin(world: ModuleType, name: str = "", *, years: int = 10) -> bytes:
    """Another root of the same name."""
    own = x509.load_der_x509_certificate(world.ROOT.certificate).subject
    common = str(own.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    return new_root(name or common, now=NOW, years=years, alg=world.SIGNER.alg).certificate


def test_an_issued_leaf_says_whose_key_it_is(world: ModuleType) -> None:
    leaf = validate_chain([world.LEAF], anchors=[world.ROOT.certificate], now=NOW)
    assert (leaf.organization, leaf.organization_id) == (NAME, USCC)
    assert (leaf.roles, leaf.uris) == (frozenset({"issuer"}), (URI,))
    assert (leaf.not_before, leaf.not_after) == (NOW, NOW + timedelta(days=365))
    assert (leaf.fingerprint, leaf.public) == (fingerprint(world.LEAF), world.SIGNER.public)
    leaf.public.verify(b"message", world.SIGNER.sign(b"message"))


def test_a_foreign_anchor_is_refused_under_the_same_name_and_one_right_one_is_enough(world: ModuleType) -> None:
    assert world.reason([world.LEAF], anchors=(twin(world),)) == "path"
    assert world.reason([world.LEAF], anchors=(twin(world, "Other Root"),)) == "path"
    anchors = [twin(world), world.ROOT.certificate]
    assert validate_chain([world.LEAF], anchors=anchors, now=NOW).organization_id == USCC


def test_an_anchor_that_is_missing_or_unreadable_is_named(world: ModuleType) -> None:
    for anchors in ((), (b"garbage",), (world.ROOT.certificate, b"")):
        assert world.reason([world.LEAF], anchors=anchors) == "anchor"


@pytest.mark.parametrize(
    ("now", "expected"),
    [(NOW - timedelta(seconds=1), "not_yet_valid"), (NOW + timedelta(days=365, seconds=1), "expired")],
)
def test_a_leaf_outside_its_dates_is_refused(world: ModuleType, now: datetime, expected: str) -> None:
    assert world.reason([world.LEAF], now=now) == expected


def test_an_expired_root_or_intermediate_ends_the_path(world: ModuleType) -> None:
    middle = world.intermediate(world.ROOT, "Middle", days=10)
    chain = [world.Recipe().make(middle), middle.certificate]
    found = validate_chain(chain, anchors=[world.ROOT.certificate], now=NOW + timedelta(days=9))
    assert found.not_after == NOW + timedelta(days=10)
    assert world.reason(chain, now=NOW + timedelta(days=11)) == "path"
    short = new_root("Short Root", now=NOW, years=0, alg=world.SIGNER.alg)
    assert world.reason([world.Recipe().make(short)], anchors=(short.certificate,)) == "path"


def test_a_leaf_certifies_nothing_and_an_authority_is_no_leaf(world: ModuleType) -> None:
    below = world.Recipe().make(CertificateAuthority(world.LEAF, world.SIGNER.to_pem()))
    assert world.reason([below, world.LEAF]) == "path"
    assert world.reason([world.ROOT.certificate]) == "leaf_is_ca"
    assert world.reason([world.intermediate(world.ROOT, "One").certificate]) == "leaf_is_ca"
    assert world.reason([world.LEAF, world.ROOT.certificate]) == "root_in_chain"
    assert world.reason([world.LEAF, world.intermediate(world.ROOT, "One").certificate]) == "unused_certificate"


@pytest.mark.parametrize(
    "changes",
    [
        {"path_length": 0},
        {"more": ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), True),)},
        {"more": ((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), False),)},
        {"more": ((x509.NameConstraints([OTHER], None), True),)},
        {"more": ((x509.NameConstraints([OTHER], None), False),)},
        {"more": ((x509.NameConstraints(None, [OURS]), False),)},
        {"more": ((x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True),)},
    ],
    ids=["depth", "servers", "stamps", "other_names", "other_names_unmarked", "not_ours_unmarked", "unknown"],
)
def test_an_authority_goes_no_further_than_it_may(world: ModuleType, changes: dict[str, object]) -> None:
    one = world.intermediate(world.ROOT, "One", **changes)
    two = world.intermediate(one, "Two")
    assert world.reason([world.Recipe().make(two), two.certificate, one.certificate]) == "path"


def test_every_changed_bit_of_the_signed_part_is_noticed(world: ModuleType) -> None:
    for position in range(4, 4 + len(x509.load_der_x509_certificate(world.LEAF).tbs_certificate_bytes)):
        for bit in (1, 128):
            changed = bytearray(world.LEAF)
            changed[position] ^= bit
            assert world.reason([bytes(changed)])
