"""From a face to a sealed OFD in one call, for who keeps no seals: the seal is made for the signer's certificate.

A seal made here bears its owner's name, is made by the owner's key in the role "seal", and ends with the certificate
that it names.
A seal of an official maker is put on with `ofd_sealing.seal` instead.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from importlib import resources
from pathlib import Path
from threading import Lock
from typing import Any, Final

from cryptography import x509

from certificates.rendering.face import Face, Shape
from certificates.rendering.ofd import document as ofd
from certificates.rendering.ofd.fonts import fonts
from certificates.rendering.ofd.seal import seal_picture
from certificates.rendering.ofd.sealing import PreparedOfd, finish, prepare
from signing.canonical import sha256
from signing.keys import Signer
from signing.ses import seal as ses
from signing.ses.asn1 import Picture

SEAL_FOOT: Final = "电子证照专用章"
COPY_FOOT: Final = "加注件专用章"
MAX_LETTERS: Final = 40
_ID_BYTES: Final = 16
_PEN_LOCK: Final = Lock()


def make(
    face: Face,
    *,
    signer: Signer,
    chain: Sequence[bytes],
    seal: bytes,
    now: datetime,
    stamp: ses.Stamp | None,
    own_fonts: Path | None = None,
) -> bytes:
    """Set a face and seal it. Takes ten milliseconds and what the key takes: call it in a thread.

    Args:
        signer, chain: SM2, the certificate first, root left out.
        seal: DER, from `issuer_seal` or of another maker; it must name `chain[0]`.
        now: aware; the signer's statement of the time, to the second.
        stamp: SHA-256 in, time-stamp token out; None for a document without one.
        own_fonts: a folder of further fonts (`YIZHENG_FONT_DIR`).
    Raises: RenderingError; KeyPolicyError ("alg"): not an SM2 key. What signer and `stamp` raise.
    """
    ses.check_suite(signer)
    prepared = prepared_face(face, chain=chain, seal=seal, now=now, own_fonts=own_fonts)
    return finish(prepared, signer.sign(prepared.message), stamp=stamp)


def prepared_face(
    face: Face, *, chain: Sequence[bytes], seal: bytes, now: datetime, own_fonts: Path | None = None
) -> PreparedOfd:
    """The same up to the signature: the same arguments give the same `message`, so that who waits for an approval may
    set the face again when it came. `ofd_sealing.finish` does the rest.

    Raises: RenderingError. ValueError: a seal that does not name the certificate.
    """
    return prepare(ofd.write(face, own_fonts=fonts(own_fonts)), seal=seal, chain=chain, now=now)


def issuer_seal(face: Face, *, certificate: bytes, maker: Signer, maker_certificate: bytes, now: datetime) -> bytes:
    """A seal for whoever signs under `certificate`: name and shape as the face has them, ending with the certificate.

    Its number is one for one certificate and look; the maker's signature differs each time, so keep what was made.

    Args:
        maker, maker_certificate: SM2 key and leaf in the role "seal".
        now: aware, from when it is valid; at or before the first document's time of signing.
    Raises: KeyPolicyError ("alg"). MalformedError ("seal_text", "glyph"): a name that cannot be drawn.
    """
    name, foot = face.seal_text[:MAX_LETTERS], _foot(face)
    return ses.new_seal(
        maker=maker,
        maker_certificate=maker_certificate,
        seal_id=seal_number(face, certificate),
        name=name,
        certificates=[certificate],
        picture=_picture(name, face.seal_shape, foot),
        now=now,
        valid_until=x509.load_der_x509_certificate(certificate).not_valid_after_utc,
    )


def seal_number(face: Face, certificate: bytes) -> str:
    """The number of the seal that `issuer_seal` makes."""
    look = f"{face.seal_text[:MAX_LETTERS]}\n{face.seal_shape}\n{_foot(face)}".encode()
    return sha256(certificate + look).hex()[: 2 * _ID_BYTES].upper()


def _foot(face: Face) -> str:
    return SEAL_FOOT if face.watermark is None else COPY_FOOT


@lru_cache(maxsize=256)
def _picture(name: str, shape: Shape, foot: str) -> Picture:
    with _PEN_LOCK:  # a pen is for one thread at a time
        return seal_picture(_pen().draw(name, foot=foot, oval=shape == "oval"))


@lru_cache(maxsize=1)
def _pen() -> Any:
    from signing.pades.seal import SealPen

    return SealPen((resources.files("pylopdf_fonts_zh_cn") / "NotoSerifSC-Regular.otf").read_bytes())
