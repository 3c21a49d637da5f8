"""A seal maker, a seal, a department that uses it: for tests of electronic seals."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from signing.ses import seal as ses
from signing.ses.asn1 import Picture
from signing.ses.check import Sealed, check
from signing.sm2 import Sm2Signer
from signing.tsp.tokens import Stamp, verify_token
from signing.x509.pki import CertificateAuthority, issue_leaf
from tests.signing import stamped
from tests.signing.chains import NAME, NOW, URI, USCC
from tests.signing.chains import ROOT as STAMP_ROOT
from tests.signing.sm2_chains import LEAF, ROOT, SIGNER

MADE = NOW + timedelta(days=1)
SEALED = NOW + timedelta(days=10)
ENDS = NOW + timedelta(days=200)
DATA = "<Signature>一证</Signature>".encode()
LOCATION = "/Doc_0/Signs/Sign_0/Signature.xml"
MAKER = Sm2Signer.generate()
PICTURE = Picture("PNG", b"\x89PNG\r\n\x1a\n", 40, 40)


def maker_leaf(role: Any = "seal", authority: CertificateAuthority = ROOT) -> bytes:
    return issue_leaf(
        authority,
        public=MAKER.public,
        organization="示例市印章制作单位",
        organization_id=USCC,
        role=role,
        uri=URI,
        now=NOW,
        days=365,
    )


MAKER_LEAF = maker_leaf()


def new_seal(**changes: Any) -> bytes:
    options: dict[str, Any] = {
        "maker": MAKER,
        "maker_certificate": MAKER_LEAF,
        "seal_id": "YZ-0001",
        "name": NAME,
        "certificates": [LEAF],
        "picture": PICTURE,
        "now": MADE,
        "valid_until": ENDS,
    }
    return ses.new_seal(**options | changes)


SEAL = new_seal()


def stamp(digest: bytes) -> bytes:
    return stamped.stamp(digest, at=SEALED)


def sign(**changes: Any) -> bytes:
    options: dict[str, Any] = {
        "location": LOCATION,
        "seal": SEAL,
        "signer": SIGNER,
        "chain": [LEAF],
        "now": SEALED,
        "stamp": None,
    } | changes
    return ses.sign(options.pop("data", DATA), **options)


def verify_stamp(token: bytes, digest: bytes) -> Stamp:
    return verify_token(token, digest=digest, anchors=[STAMP_ROOT.certificate], now=SEALED + timedelta(days=1))


def checked(
    value: bytes,
    *,
    data: bytes = DATA,
    location: str = LOCATION,
    anchors: Sequence[bytes] = (ROOT.certificate,),
    now: datetime = SEALED + timedelta(days=1),
) -> Sealed[Stamp]:
    return check(value, data=data, location=location, anchors=anchors, now=now, verify_stamp=verify_stamp)
