"""The roots of a trust pack as people tell them to each other: fingerprint, and suite of the root."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from certificates.errors import TrustPackError


@dataclass(frozen=True, slots=True)
class Root:
    """A root. `suite` is of the root's own key: es256, sm2, rsa; "other" for one that only an authority outside has."""

    fingerprint: str
    suite: str

    def as_json(self) -> dict[str, str]:
        """Additive only."""
        return {"fingerprint": self.fingerprint, "suite": self.suite}

    def as_text(self) -> str:
        """One line, to be read out."""
        return f"{self.suite.upper():<5}  SHA-256 {self.fingerprint}"


def roots_of(anchors: Iterable[bytes]) -> tuple[Root, ...]:
    """The roots, DER, in their order."""
    from signing.x509.pki import fingerprint

    return tuple(Root(fingerprint(anchor), _suite(anchor)) for anchor in anchors)


def as_stored(roots: Iterable[Root]) -> list[dict[str, str]]:
    """By fingerprint."""
    return [root.as_json() for root in sorted(roots, key=lambda root: root.fingerprint)]


def from_stored(value: Iterable[Any]) -> tuple[Root, ...]:
    """Raises: KeyError, TypeError, ValueError: these are no roots."""
    found = tuple(Root(item["fingerprint"], item["suite"]) for item in value)
    if not all(isinstance(part, str) and part for root in found for part in (root.fingerprint, root.suite)):
        raise ValueError("roots")
    return found


def split(anchors: Sequence[bytes], compared: Iterable[str]) -> tuple[tuple[Root, ...], tuple[Root, ...]]:
    """The roots that were compared, and those that were left out.

    Raises: TrustPackError ("root_not_in_pack"): one that was compared is not there, or none was.
    """
    named, found = set(compared), roots_of(anchors)
    if not named or not named <= {root.fingerprint for root in found}:
        raise TrustPackError("root_not_in_pack")
    chosen = tuple(root for root in found if root.fingerprint in named)
    return chosen, tuple(root for root in found if root.fingerprint not in named)


def plain(compared: str) -> str:
    """A fingerprint as it is written here, upper-case hex with colons, from what somebody typed."""
    digits = compared.replace(":", "").replace(" ", "").upper()
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def _suite(anchor: bytes) -> str:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    from signing.sm2 import PUBLIC_KEY_PREFIX

    if PUBLIC_KEY_PREFIX in anchor:
        return "sm2"
    try:
        key = x509.load_der_x509_certificate(anchor).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "other"
    if isinstance(key, rsa.RSAPublicKey):
        return "rsa"
    return "es256" if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1) else "other"
