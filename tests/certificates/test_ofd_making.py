"""A sealed OFD from a face in one call, with a seal made for the signer."""

from datetime import UTC, datetime

import pytest
from cryptography import x509

from certificates.rendering.ofd.making import issuer_seal, make, prepared_face
from certificates.rendering.ofd.sealing import finish
from signing.errors import KeyPolicyError
from signing.keys import SoftwareSigner
from signing.ses.asn1 import parse_seal
from tests.certificates.ofd_faces import IDENTIFIER, checked, copy_face, face
from tests.signing.chains import NAME
from tests.signing.sealed import MADE, MAKER, MAKER_LEAF, SEALED, stamp
from tests.signing.sm2_chains import LEAF, SIGNER

SEAL = issuer_seal(face(), certificate=LEAF, maker=MAKER, maker_certificate=MAKER_LEAF, now=MADE)


def test_a_face_becomes_a_sealed_document_in_one_call() -> None:
    found = checked(make(face(), signer=SIGNER, chain=[LEAF], seal=SEAL, now=SEALED, stamp=stamp))
    assert found.identifier == IDENTIFIER
    assert (found.sealed.seal_name, found.sealed.signed_at) == (NAME, SEALED)
    assert found.sealed.valid_until == x509.load_der_x509_certificate(LEAF).not_valid_after_utc


def test_a_face_set_again_has_the_same_message_so_a_signature_may_come_later() -> None:
    first, later = (prepared_face(face(), chain=[LEAF], seal=SEAL, now=SEALED) for _ in range(2))
    assert first.message == later.message
    assert checked(finish(later, SIGNER.sign(first.message), stamp=None)).identifier == IDENTIFIER


def test_a_seal_has_one_number_for_one_certificate_and_look() -> None:
    def number(shown: object) -> str:
        seal = issuer_seal(shown, certificate=LEAF, maker=MAKER, maker_certificate=MAKER_LEAF, now=MADE)  # type: ignore[arg-type]
        return parse_seal(seal).seal_id

    assert number(face()) == parse_seal(SEAL).seal_id
    assert len({number(face()), number(face(seal_shape="oval")), number(copy_face())}) == 3


def test_only_sm2_seals() -> None:
    with pytest.raises(KeyPolicyError):
        make(face(), signer=SoftwareSigner.generate(), chain=[LEAF], seal=SEAL, now=datetime.now(UTC), stamp=None)
