"""The trust pack: a trust policy and all status lists of one moment in one signed file, for verifying offline.

Whoever loads a pack trusts the roots in it: compare its root fingerprint with one that came another way. Members are
only ever added; a pack of an earlier release lacks some, and says nothing by that.
"""

import math
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from certificates.errors import TrustPackError
from certificates.verifying.trust import Issuer, KeyCustody, TrustPolicy
from signing.canonical import strict_loads, unb64u
from signing.errors import SigningError
from signing.jose import read_header, sign_jws, verify_jws
from signing.keys import Signer
from signing.x509.pki import fingerprint

PACK_TYPE: Final = "trust-pack+jwt"
MAX_PACK_BYTES: Final = 64 * 1024 * 1024
PACK_LIFE: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class TrustPack:
    """A policy with the status lists of one moment."""

    policy: TrustPolicy
    status_lists: Mapping[str, str]
    made_at: datetime

    @property
    def version(self) -> int:
        """Of two packs of a hub the higher is the newer."""
        return int(self.made_at.timestamp())

    @property
    def ends_at(self) -> datetime:
        """After this it is refused: who left since may still be in it."""
        return self.made_at + PACK_LIFE

    def signed(self, *, signer: Signer, header: Mapping[str, Any]) -> str:
        """The pack as one signed file. `signer` must be certified as the hub under one of the pack's own roots."""
        content = {
            "anchors": [b64encode(anchor).decode() for anchor in self.policy.anchors],
            "issuers": {
                code: {
                    "name": issuer.name,
                    "types": sorted(issuer.types),
                    "custody": issuer.custody.value,
                    "suites": sorted(issuer.suites),
                }
                for code, issuer in self.policy.issuers.items()
            },
            "hub": self.policy.hub_uri,
            "compromised": {key: int(since.timestamp()) for key, since in self.policy.compromised.items()},
            "trial_anchors": sorted(fingerprint(anchor) for anchor in self.policy.trial_anchors),
            "stamp_anchors": [b64encode(anchor).decode() for anchor in self.policy.stamp_anchors],
            "halted": sorted(self.policy.halted),
            "log": self.policy.log,
            "signers": {name: list(chain) for name, chain in self.policy.signers.items()},
            "crls": [b64encode(crl).decode() for crl in self.policy.crls],
            "version": self.version,
            "exp": int(self.ends_at.timestamp()),
            "status_lists": dict(self.status_lists),
            "iat": int(self.made_at.timestamp()),
        }
        return sign_jws(content, signer=signer, typ=PACK_TYPE, header=header)

    @classmethod
    def read(cls, data: bytes, *, now: datetime, under: Collection[str] | None = None) -> Self:
        """Read a pack: whole, and signed by the hub that its own roots certify.

        Args:
            under: fingerprints of the roots of which one must have certified the hub, and as the very hub that the pack
                says: an authority may have certified several. None: any root of the pack.
        Raises: TrustPackError.
        """
        token = data.strip()
        try:
            header = read_header(token, max_bytes=MAX_PACK_BYTES)
            payload = token.split(b".")[1]
            anchors = _anchors(payload)
            roots = tuple(root for root in anchors if under is None or fingerprint(root) in under)
            policy = TrustPolicy(roots, {}, "")
            leaf = policy.leaf(header, now=now)
            if "hub" not in leaf.roles:
                raise TrustPackError("not_signed_by_a_hub")
            verified = verify_jws(token, key=leaf.public, typ=PACK_TYPE, max_bytes=MAX_PACK_BYTES)
            content = strict_loads(verified.payload, max_bytes=MAX_PACK_BYTES)
            issuers = {
                code: Issuer(
                    str(item["name"]),
                    frozenset(item["types"]),
                    KeyCustody(item.get("custody", KeyCustody.HUB)),
                    frozenset(item.get("suites", ())),
                )
                for code, item in content["issuers"].items()
            }
            compromised = {
                str(key): datetime.fromtimestamp(since, UTC) for key, since in content.get("compromised", {}).items()
            }
            if now.timestamp() >= content.get("exp", math.inf):
                raise TrustPackError("expired")
            policy = _policy(anchors, issuers, compromised, content)
            if under is not None and policy.hub_uri not in leaf.uris:
                raise TrustPackError("another_hub")
            policy.check_compromised(leaf, None)
            return cls(
                policy,
                {str(uri): str(status) for uri, status in content["status_lists"].items()},
                datetime.fromtimestamp(content["iat"], UTC),
            )
        except SigningError as error:
            raise TrustPackError(error.reason) from error
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise TrustPackError("content") from error


def _policy(
    anchors: tuple[bytes, ...],
    issuers: Mapping[str, Issuer],
    compromised: Mapping[str, datetime],
    content: Mapping[str, Any],
) -> TrustPolicy:
    trial = frozenset(content.get("trial_anchors", ()))
    return TrustPolicy(
        anchors,
        issuers,
        str(content["hub"]),
        compromised,
        trial_anchors=frozenset(anchor for anchor in anchors if fingerprint(anchor) in trial),
        stamp_anchors=tuple(b64decode(text, validate=True) for text in content.get("stamp_anchors", ())),
        halted=frozenset(content.get("halted", ())),
        log=str(content.get("log", "")),
        signers={str(name): tuple(map(str, chain)) for name, chain in content.get("signers", {}).items()},
        crls=tuple(b64decode(text, validate=True) for text in content.get("crls", ())),
    )


def _anchors(payload: bytes) -> tuple[bytes, ...]:
    content = strict_loads(unb64u(payload), max_bytes=MAX_PACK_BYTES)
    return tuple(b64decode(text, validate=True) for text in content["anchors"])
