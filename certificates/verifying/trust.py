"""Trust: which roots, which departments for which types, and whose keys a verifier goes by."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeVar

from signing.errors import ChainError
from signing.keys import VerifyingKey
from signing.x509.crl import revocation_lists
from signing.x509.pki import Leaf, chain_from_header, fingerprint, leaf_key, validate_chain

_REMEMBERED_CHAINS: Final = 10_000
T = TypeVar("T")


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
    suites: frozenset[str] = frozenset()
    """Algorithms of its keys, to be shown; which one signed is in every verdict."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whose key it is, as a chain to one of our roots says; `trial`: the root is one for trying out."""

    leaf: Leaf
    trial: bool


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """What a verifier goes by. Remembers validated chains; make one and keep it.

    Attributes:
        anchors: DER roots.
        issuers: by unified social credit code.
        hub_uri: `iss` of purpose copies and base of status lists.
        compromised: keys, by thumbprint, and since when what they signed is not to be believed.
        trial_anchors: those of the roots that are for trying out.
        stamp_anchors: roots of time-stamp authorities; none given, the anchors are.
        halted: types that the hub has stopped.
        log: the hub's ledger key (C2SP verifier text), for proofs of inclusion.
        signers: chains as `x5c` has them, by the name of the key (`offline_code.key_name`): for codes on pages, which
            have no room for one. A chain proves nothing by being here.
        only: types that are believed of this hub, its purpose copies among them; None: all.
        crls: revocation lists of authorities outside, DER; each is checked under its authority before it is believed.
        left_out: roots of the hub that nobody compared: never believed; what leads to one is told from a stranger's.
        fresh_crls: whether a list that covers the present is asked for; without it a missing or old one is passed over.
    """

    anchors: tuple[bytes, ...]
    issuers: Mapping[str, Issuer]
    hub_uri: str
    compromised: Mapping[str, datetime] = field(default_factory=dict)
    trial_anchors: frozenset[bytes] = frozenset()
    stamp_anchors: tuple[bytes, ...] = ()
    halted: frozenset[str] = frozenset()
    log: str = ""
    signers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    crls: tuple[bytes, ...] = ()
    fresh_crls: bool = False
    only: frozenset[str] | None = None
    left_out: tuple[bytes, ...] = ()
    _leaves: dict[tuple[str, ...], Vouched] = field(default_factory=dict, init=False, compare=False, repr=False)
    """Not an argument: a policy that `replace` made of another, with other anchors, must not inherit its answers."""

    def leaf(self, header: Mapping[str, Any], *, now: datetime, proven_at: datetime | None = None) -> Leaf:
        """Whose key a header's chain is, validated against the anchors; its dates are checked at every call.

        Args:
            proven_at: when it was signed at the latest, if that is proven; what a compromised key signed is believed
                only if that was before. The signer's own word proves nothing: whoever has the key writes any time.
        Raises: ChainError, "key_compromised" among its reasons; MalformedError.
        """
        leaf = self.vouch(header, now=now).leaf
        self.check_compromised(leaf, proven_at)
        return leaf

    def check_compromised(self, leaf: Leaf, proven_at: datetime | None) -> None:
        """Raises: ChainError ("key_compromised", "revoked"): nothing proves that it was signed before the key was
        stolen, or before an authority took back a certificate of its path.
        """
        since = self.compromised.get(leaf.public.thumbprint)
        if since is not None and (proven_at is None or proven_at >= since):
            raise ChainError("key_compromised")
        revocation = revocation_lists(self.crls).revocation(leaf.path) if self.crls else None
        if revocation is not None and (proven_at is None or proven_at >= revocation.since):
            raise ChainError("revoked")

    def is_covered(self, leaf: Leaf, now: datetime) -> bool:
        """Whether nothing newer is to be asked of the authorities of its path; those for trying out make no lists."""
        if not self.fresh_crls or (leaf.path and leaf.path[-1] in self.trial_anchors):
            return True
        until = revocation_lists(self.crls).covered_until(leaf.path)
        return until is not None and now <= until

    def vouch(self, header: Mapping[str, Any], *, now: datetime) -> Vouched:
        """As `leaf`, without asking whether the key was stolen since. Raises: ChainError, MalformedError."""
        key = _chain_key(header)
        known = self._leaves.get(key)
        if known is not None and known.leaf.not_before <= now <= known.leaf.not_after:
            return known
        chain = chain_from_header(header)
        leaf, trial = self.among_anchors(lambda anchors: validate_chain(chain, anchors=anchors, now=now))
        if len(self._leaves) >= _REMEMBERED_CHAINS:
            self._leaves.clear()
        found = self._leaves[key] = Vouched(leaf, trial)
        return found

    def among_anchors(self, follow: Callable[[tuple[bytes, ...]], T]) -> tuple[T, bool]:
        """What `follow` finds under the lasting roots, or else under those for trying out, and whether it was there.

        Raises: ChainError: under neither; "not_compared": under one that was left out.
        """
        lasting = tuple(anchor for anchor in self.anchors if anchor not in self.trial_anchors)
        trial = tuple(anchor for anchor in self.anchors if anchor in self.trial_anchors)
        told: ChainError | None = None
        for anchors in (lasting, trial):
            if not anchors and (self.anchors or anchors is trial):
                continue
            try:
                return follow(anchors), anchors is trial
            except ChainError as error:
                # "No such root" of one kind says nothing where the other kind has one.
                if told is None or told.reason == "anchor":
                    told = error
        told = told or ChainError("anchor")
        if self.left_out and told.reason in {"path", "anchor"}:
            with suppress(ChainError):
                follow(self.left_out)
                told = ChainError("not_compared")
        raise told

    def presented_key(self, header: Mapping[str, Any]) -> VerifyingKey:
        """The key that a header's leaf names, whoever's it is: a signature is checked before its chain.

        Raises: MalformedError ("x5c"), ChainError ("certificate", "leaf_key"), SuiteUnavailableError.
        """
        known = self._leaves.get(_chain_key(header))
        return leaf_key(chain_from_header(header)[0]) if known is None else known.leaf.public

    def stamp_roots(self) -> tuple[bytes, ...]:
        """Under which time-stamps are believed."""
        return self.stamp_anchors or self.anchors

    def fingerprints(self) -> tuple[str, ...]:
        """The roots, as people compare them."""
        return tuple(fingerprint(anchor) for anchor in self.anchors)


def _chain_key(header: Mapping[str, Any]) -> tuple[str, ...]:
    presented = header.get("x5c")
    return tuple(presented) if isinstance(presented, list) and set(map(type, presented)) == {str} else ()
