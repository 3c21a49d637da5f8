"""Trust: which roots, which departments for which types, and which statuses a verifier goes by.

A trust pack carries all of it in one signed file, so that a licence verifies with the network unplugged. Whoever loads
a pack trusts the roots in it: compare its root fingerprint with one that came another way.
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, Self

from certificates.errors import TrustPackError
from signing.canonical import strict_loads, unb64u
from signing.errors import SigningError
from signing.jose import read_header, sign_jws, verify_jws
from signing.keys import Signer
from signing.pki import Leaf, chain_from_header, fingerprint, validate_chain

PACK_TYPE: Final = "trust-pack+jwt"
MAX_PACK_BYTES: Final = 64 * 1024 * 1024
_REMEMBERED_CHAINS: Final = 10_000


class KeyCustody(StrEnum):
    """Who holds an issuing key; every verdict says which."""

    HUB = "hub_held"
    DEPARTMENT = "department_held"


@dataclass(frozen=True, slots=True)
class Issuer:
    """A department that may issue licences of these types."""

    name: str
    types: frozenset[str]
    custody: KeyCustody = KeyCustody.HUB


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """What a verifier goes by. Remembers validated chains; make one and keep it.

    Attributes:
        anchors: DER roots.
        issuers: by unified social credit code.
        hub_uri: `iss` of purpose copies and base of status lists.
    """

    anchors: tuple[bytes, ...]
    issuers: Mapping[str, Issuer]
    hub_uri: str
    _leaves: dict[tuple[str, ...], Leaf] = field(default_factory=dict, compare=False, repr=False)

    def leaf(self, header: Mapping[str, Any], *, now: datetime) -> Leaf:
        """Whose key a header's chain is, validated against the anchors; its dates are checked at every call.

        Raises: ChainError, MalformedError.
        """
        presented = header.get("x5c")
        key = tuple(presented) if isinstance(presented, list) and set(map(type, presented)) == {str} else ()
        known = self._leaves.get(key)
        if known is not None and known.not_before <= now <= known.not_after:
            return known
        leaf = validate_chain(chain_from_header(header), anchors=self.anchors, now=now)
        if len(self._leaves) >= _REMEMBERED_CHAINS:
            self._leaves.clear()
        self._leaves[key] = leaf
        return leaf

    def fingerprints(self) -> tuple[str, ...]:
        """The roots, as people compare them."""
        return tuple(fingerprint(anchor) for anchor in self.anchors)


@dataclass(frozen=True, slots=True)
class TrustPack:
    """A policy with the status lists of one moment."""

    policy: TrustPolicy
    status_lists: Mapping[str, str]
    made_at: datetime

    def signed(self, *, signer: Signer, header: Mapping[str, Any]) -> str:
        """The pack as one signed file. `signer` must be certified as the hub under one of the pack's own roots."""
        content = {
            "anchors": [b64encode(anchor).decode() for anchor in self.policy.anchors],
            "issuers": {
                code: {"name": issuer.name, "types": sorted(issuer.types), "custody": issuer.custody.value}
                for code, issuer in self.policy.issuers.items()
            },
            "hub": self.policy.hub_uri,
            "status_lists": dict(self.status_lists),
            "iat": int(self.made_at.timestamp()),
        }
        return sign_jws(content, signer=signer, typ=PACK_TYPE, header=header)

    @classmethod
    def read(cls, data: bytes, *, now: datetime) -> Self:
        """Read a pack: whole, and signed by the hub that its own roots certify.

        Raises: TrustPackError.
        """
        token = data.strip()
        try:
            header = read_header(token, max_bytes=MAX_PACK_BYTES)
            payload = token.split(b".")[1]
            anchors = _anchors(payload)
            policy = TrustPolicy(anchors, {}, "")
            leaf = policy.leaf(header, now=now)
            if "hub" not in leaf.roles:
                raise TrustPackError("not_signed_by_a_hub")
            verified = verify_jws(token, key=leaf.public, typ=PACK_TYPE, max_bytes=MAX_PACK_BYTES)
            content = strict_loads(verified.payload, max_bytes=MAX_PACK_BYTES)
            issuers = {
                code: Issuer(
                    str(item["name"]), frozenset(item["types"]), KeyCustody(item.get("custody", KeyCustody.HUB))
                )
                for code, item in content["issuers"].items()
            }
            return cls(
                TrustPolicy(anchors, issuers, str(content["hub"])),
                {str(uri): str(status) for uri, status in content["status_lists"].items()},
                datetime.fromtimestamp(content["iat"], UTC),
            )
        except SigningError as error:
            raise TrustPackError(error.reason) from error
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise TrustPackError("content") from error


def _anchors(payload: bytes) -> tuple[bytes, ...]:
    content = strict_loads(unb64u(payload), max_bytes=MAX_PACK_BYTES)
    return tuple(b64decode(text, validate=True) for text in content["anchors"])
