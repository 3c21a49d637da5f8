"""Putting an electronic seal on an OFD: `Signature.xml` with the digest of every file, and the seal over it.

Every file is covered, the list of signatures included: nothing can be added, taken away or changed, not even a second
signature. Which seal is shown follows from who signs: a seal names its keys, so the hub's
own key cannot show an issuer's.

Wire format. Source: GB/T 33190-2016 §18; method and digest are named by their OIDs, as published documents have it.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from certificates.rendering.ofd.document import CREATOR, DOCUMENT, ENTRY, SIGNATURES, Unsigned, entry
from certificates.rendering.ofd.items import number
from certificates.rendering.ofd.xml import Node
from certificates.rendering.ofd.zip import read_package, write_package
from signing.canonical import sha256
from signing.errors import MalformedError
from signing.keys import Signer
from signing.ses import asn1 as ses_asn1
from signing.ses import seal as ses
from signing.ses.asn1 import SM2_WITH_SM3, SM3, SealedData
from signing.sm2 import sm3

SIGNATURE: Final = f"{DOCUMENT}/Signs/Sign_0/Signature.xml"
SEAL: Final = f"{DOCUMENT}/Signs/Sign_0/Seal.esl"
SIGNED_VALUE: Final = f"{DOCUMENT}/Signs/Sign_0/SignedValue.dat"
SOFTWARE_VERSION: Final = "1.0"
_TIME: Final = "%Y%m%d%H%M%SZ"


@dataclass(frozen=True, slots=True)
class PreparedOfd:
    """An OFD about to be sealed; `message` is what the signer signs, the same for the same arguments."""

    files: dict[str, bytes] = field(repr=False)
    sealing: ses.Prepared = field(repr=False)

    @property
    def message(self) -> bytes:
        """The exact bytes to sign."""
        return self.sealing.to_sign


def prepare(unsigned: Unsigned, *, seal: bytes, chain: Sequence[bytes], now: datetime) -> PreparedOfd:
    """Everything but the signature, so that a key elsewhere may make it.

    Args:
        seal: DER, from `ses.new_seal`; it must name `chain[0]`.
        chain: DER, the signer's certificate first, root left out.
        now: aware; the signer's statement of the time, to the second.
    Raises: ValueError, MalformedError: as `ses.prepare`.
    """
    files = {**unsigned.files, ENTRY: entry(unsigned.information, signed=True)}
    files[SIGNATURES] = _signatures()
    files[SEAL] = seal
    described = _signature(files, unsigned, now)
    sealing = ses.prepare(described, location=f"/{SIGNATURE}", seal=seal, chain=chain, now=now)
    files[SIGNATURE] = described
    return PreparedOfd(files, sealing)


def finish(prepared: PreparedOfd, signature: bytes, *, stamp: ses.Stamp | None) -> bytes:
    """The sealed package, of what `prepare` gave and the signer's 64 bytes over `message`.

    The signature is not verified here. Raises: SignatureError: not 64 bytes. What `stamp` raises.
    """
    return write_package({**prepared.files, SIGNED_VALUE: ses.finish(prepared.sealing, signature, stamp=stamp)})


def seal(
    unsigned: Unsigned,
    *,
    signer: Signer,
    chain: Sequence[bytes],
    seal: bytes,
    now: datetime,
    stamp: ses.Stamp | None,
) -> bytes:
    """`prepare`, sign and `finish` with an SM2 key that answers at once.

    Raises: KeyPolicyError ("alg"): not an SM2 key. What the three raise.
    """
    ses.check_suite(signer)
    prepared = prepare(unsigned, seal=seal, chain=chain, now=now)
    return finish(prepared, signer.sign(prepared.message), stamp=stamp)


def attach_stamp(package: bytes, token: bytes) -> bytes:
    """The sealed package with a time-stamp token that it lacked; `to_stamp` says what the token is over.

    Not checked here: `ofd_check`. Raises: SigningError: not a sealed package of ours, or stamped already.
    """
    files = read_package(package)
    found = _unstamped(files)
    value = ses_asn1.sealed(found.to_sign, certificate=found.certificate, signature=found.signature, stamp=token)
    return write_package({**files, SIGNED_VALUE: value})


def to_stamp(package: bytes) -> bytes:
    """The SHA-256 that a time-stamp of a sealed package is over. Raises: as `attach_stamp`."""
    return sha256(_unstamped(read_package(package)).signature)


def _unstamped(files: Mapping[str, bytes]) -> SealedData:
    if SIGNED_VALUE not in files:
        raise MalformedError("not_sealed")
    found = ses_asn1.parse(files[SIGNED_VALUE])
    if found.stamp is not None:
        raise MalformedError("stamped")
    return found


def _signatures() -> bytes:
    root = Node("Signatures")
    root.add("MaxSignId", "1")
    root.add("Signature", ID="1", Type="Seal", BaseLoc=f"/{SIGNATURE}")
    return root.to_bytes()


def _signature(files: dict[str, bytes], unsigned: Unsigned, now: datetime) -> bytes:
    root = Node("Signature")
    info = root.add("SignedInfo")
    info.add("Provider", ProviderName=CREATOR, Version=SOFTWARE_VERSION, Company=CREATOR)
    info.add("SignatureMethod", SM2_WITH_SM3)
    info.add("SignatureDateTime", written_time(now))
    references = info.add("References", CheckMethod=SM3)
    for name, data in files.items():
        reference = references.add("Reference", FileRef=f"/{name}")
        reference.add("CheckValue", base64.b64encode(sm3(data)).decode())
    place = unsigned.seal
    boundary = " ".join(map(number, (place.x, place.y, place.width, place.height)))
    info.add("StampAnnot", ID="1", PageRef=unsigned.page_id, Boundary=boundary)
    info.add("Seal").add("BaseLoc", f"/{SEAL}")
    root.add("SignedValue", f"/{SIGNED_VALUE}")
    return root.to_bytes()


def written_time(moment: datetime) -> str:
    """The instant as `Signature.xml` has it, in UTC and to the second, equal to the one that is signed."""
    return moment.astimezone(UTC).strftime(_TIME)
