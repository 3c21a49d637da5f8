"""A chain from an authority outside, held against the keys that it may certify and the roots that are trusted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.issuing.keys.anchors_store import TrustAnchor
from hub.issuing.keys.errors import KeyRuleError
from hub.issuing.keys.store import KeySlot, SigningKey
from signing.errors import ChainError
from signing.suites import key_from_jwk
from signing.x509.csr import check_certified, read_chain
from signing.x509.pki import Leaf, Role


@dataclass(frozen=True, slots=True)
class Certification:
    """A key of ours that is certified: its chain without the root, under which root, and what the leaf says."""

    key: SigningKey
    chain: tuple[bytes, ...]
    anchor: TrustAnchor
    leaf: Leaf


def certification(
    data: bytes,
    slot: KeySlot,
    keys: Sequence[SigningKey],
    anchors: Sequence[TrustAnchor],
    *,
    role: Role,
    uri: str,
    now: datetime,
) -> Certification:
    """Which of our keys this chain certifies, and under which root.

    Args:
        data: PEM, any order, or the leaf alone in DER.
        keys: of the slot, newest first.
        anchors: roots that an operator named; the built-in ones are never among them.
    Raises: MalformedError; ChainError: it is over another key, for another organisation or role, or leads nowhere that
        is trusted; KeyRuleError: no root is.
    """
    if not anchors:
        raise KeyRuleError(slot.name, "no authority outside is trusted: `yizheng key trust` comes first")
    key, chain = _over_ours(data, keys)
    leaf, anchor = _under(chain, key, anchors, role=role, uri=uri, now=now)
    return Certification(key, chain, anchor, leaf)


def _over_ours(data: bytes, keys: Sequence[SigningKey]) -> tuple[SigningKey, tuple[bytes, ...]]:
    for key in keys:
        try:
            return key, tuple(read_chain(data, public=key_from_jwk(key.jwk)))
        except ChainError as error:
            if error.reason != "other_key":
                raise
    raise ChainError("other_key")


def _under(
    chain: Sequence[bytes], key: SigningKey, anchors: Sequence[TrustAnchor], *, role: Role, uri: str, now: datetime
) -> tuple[Leaf, TrustAnchor]:
    """Root by root, so that it is known which one it was. A reason beyond `path` says more than one that follows it."""
    failure = ChainError("path")
    for anchor in anchors:
        try:
            leaf = check_certified(
                chain,
                anchors=[anchor.certificate],
                public=key_from_jwk(key.jwk),
                organization_id=key.slot.organization_id,
                role=role,
                uri=uri,
                now=now,
            )
        except ChainError as error:
            failure = failure if error.reason == "path" else error
            continue
        return leaf, anchor
    raise failure
