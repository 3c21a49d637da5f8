"""Where the parts of a certificate stand, as bytes: for looking things up in what strangers sent, nothing believed yet.

Whatever the suite, and also where no library reads the key. Wire format: RFC 5280 §4.1.
"""

from dataclasses import dataclass
from typing import Final, Self

from signing.cms.der import SEQUENCE, children, read, sequence
from signing.errors import MalformedError

_VERSION: Final = 0xA0


@dataclass(frozen=True, slots=True)
class Fields:
    """Parts of a certificate, each with its tag and length."""

    serial: bytes
    issuer: bytes
    subject: bytes
    key: bytes
    """SubjectPublicKeyInfo."""

    @classmethod
    def of(cls, certificate: bytes) -> Self:
        """Cut them out. Not checked: what is in them, what follows. Raises: MalformedError ("der")."""
        whole = children(read(certificate, tag=SEQUENCE))
        parts = children(whole[0], tag=SEQUENCE) if whole else []
        if parts and parts[0].tag == _VERSION:
            del parts[0]
        if len(parts) < 6:
            raise MalformedError("der")
        serial, _, issuer, _, subject, key, *_ = (part.raw for part in parts)
        return cls(serial, issuer, subject, key)

    @property
    def issuer_and_serial(self) -> bytes:
        """As CMS names a signer (RFC 5652 §10.2.4)."""
        return sequence(self.issuer, self.serial)
