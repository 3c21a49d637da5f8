"""Other hubs whose issuers this hub accepts, each for named types alone: shared regions verify each other's licences.

Who is accepted, by which roots and for which types, is said by two persons. A newer pack of an accepted hub needs one:
it is signed under a root that they compared, and its version only ever rises. A hub has a root for each world of
certificates, P-256 and SM2; one that was not compared is not believed, whatever else the pack proves. Neither hub asks
the other anything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog.errors import DefinitionError
from certificates.errors import TrustPackError
from certificates.verifying.pack import TrustPack
from certificates.verifying.pack_status import PackStatuses
from certificates.verifying.trust import TrustPolicy
from hub.access.actors import Actor, Role
from hub.clock import Clock, rfc3339
from hub.storage.database import Database
from hub.storage.errors import ConflictError, MissingError
from hub.storage.objects.folder import ObjectStore
from hub.storage.objects.guarded import beside
from hub.storage.vault import DataKey, Vault
from hub.verification.peers_store import ACCEPTED, RENEWED, TrustPeer, new_peer, read_peers, write_peer
from hub.verification.roots import Root, as_stored, from_stored, plain, split
from signing.canonical import sha256

ACCEPT: Final = "trust.accept"
"""The proposal."""
_NAMES: Final = ("hub", "digest")


@dataclass(frozen=True, slots=True)
class Peer:
    """A hub as a verifier goes by it: its policy, cut down to the types that were accepted, and its statuses."""

    hub: str
    policy: TrustPolicy
    statuses: PackStatuses


@dataclass(frozen=True, slots=True)
class Offer:
    """A pack that was looked at: the roots that count, and those that nobody compared. `payload` is what two persons
    are asked for; None: it only renews what they said.
    """

    hub: str
    roots: tuple[Root, ...]
    left_out: tuple[Root, ...]
    version: int
    payload: dict[str, Any] | None

    def as_json(self) -> dict[str, Any]:
        """Additive only."""
        roots = {"roots": as_stored(self.roots), "left_out": as_stored(self.left_out)}
        return {"hub": self.hub, "version": self.version} | roots


class PeerService:
    """For operators; read by verification."""

    def __init__(
        self, database: Database, *, objects: ObjectStore, vault: Vault, log_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._objects = objects
        self._vault = vault
        self._log_key = log_key
        self._clock = clock
        self._offered: dict[str, bytes] = {}

    async def offer(self, actor: Actor, pack: bytes, *, compared: Sequence[str], types: Sequence[str]) -> Offer:
        """Look at a pack. One of an accepted hub, by roots and for types that were accepted, is put into use at once;
        every other is kept until two persons decided.

        Args:
            compared: fingerprints of roots, which came by another way than the pack. One of them must have certified
                the signer of the pack, and each must be in it; its other roots are not believed.
            types: codes that are accepted from there; each must be issued there.
        Raises: TrustPackError ("version": older than the one in use, "root_not_in_pack", and what `TrustPack.read`
            raises); DefinitionError: no type, or one that is not issued there.
        """
        actor.require(Role.OPERATOR)
        named = frozenset(map(plain, compared))
        read = TrustPack.read(pack, now=self._clock(), under=named)
        roots, left_out = split(read.policy.anchors, named)
        hub, chosen = read.policy.hub_uri, sorted(set(types))
        issued = {code for issuer in read.policy.issuers.values() for code in issuer.types}
        if not chosen or not set(chosen) <= issued:
            raise DefinitionError(f"{ACCEPT}: types that are issued there: {sorted(issued)}")
        current = _of(await self._database.read(self._read), hub)
        _check_version(current, read)
        offer = Offer(hub, roots, left_out, read.version, None)
        if current is not None and set(chosen) <= set(current.types) and named <= current.fingerprints():
            return await self._database.write(lambda tx: self._renew(tx, offer, pack, read, actor))
        digest = sha256(pack).hex()
        await beside(self._objects.put, f"trust-offers/{digest}", pack)
        before = [] if current is None else as_stored(current.roots)
        return replace(offer, payload=offer.as_json() | {"types": chosen, "digest": digest, "roots_before": before})

    async def accepted(self, actor: Actor) -> list[dict[str, Any]]:
        """The accepted hubs. For operators and auditors."""
        actor.require(Role.OPERATOR, Role.AUDITOR)
        return [
            {
                "hub": peer.hub,
                "roots": as_stored(peer.roots),
                "left_out": as_stored(peer.left_out),
                "types": list(peer.types),
                "version": peer.version,
                "accepted_by": peer.accepted_by,
                "changed_at": rfc3339(peer.changed_at),
            }
            for peer in await self._database.read(self._read)
        ]

    def check(self, payload: dict[str, Any]) -> None:
        """Refuse a proposal that could never be made. Raises: DefinitionError."""
        types = payload.get("types")
        named = all(isinstance(payload.get(name), str) and payload[name] for name in _NAMES)
        listed = isinstance(types, list) and bool(types) and all(isinstance(item, str) for item in types)
        if not named or not listed or type(payload.get("version")) is not int or not _compared(payload):
            raise DefinitionError(f"{ACCEPT}: offered by `yizheng trust import`")

    async def try_out(self, payload: dict[str, Any]) -> None:
        """Fetch the pack that was offered, before it is confirmed. Raises: DefinitionError."""
        digest = str(payload["digest"])
        try:
            pack = await beside(self._objects.get, f"trust-offers/{digest}")
        except (MissingError, ValueError):
            raise DefinitionError(f"{ACCEPT}: no such pack was offered") from None
        named = [root.fingerprint for root in _compared(payload)]
        try:
            read = TrustPack.read(pack, now=self._clock(), under=named)
            roots, left_out = split(read.policy.anchors, named)
        except TrustPackError as error:  # it ended since
            raise DefinitionError(f"{ACCEPT}: {error.reason}") from error
        offer = Offer(read.policy.hub_uri, roots, left_out, read.version, None)
        # All that the second person was shown is what the pack says.
        if sha256(pack).hex() != digest or not offer.as_json().items() <= payload.items():
            raise DefinitionError(f"{ACCEPT}: another pack than was offered")
        self._offered[digest] = pack

    def accept(self, tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        """Accept the hub for these types, in the transaction in which a second person confirms it."""
        hub = str(payload["hub"])
        peer = _of(read_peers(tx, self._vault, for_update=True), hub) or new_peer(hub, now=now)
        if as_stored(peer.roots) != payload.get("roots_before") or peer.version > payload["version"]:
            raise DefinitionError(f"{ACCEPT}: another pack was accepted since this was proposed")
        changed = replace(
            peer,
            roots=_compared(payload),
            left_out=from_stored(payload["left_out"]),
            types=tuple(payload["types"]),
            version=payload["version"],
            pack=self._offered[str(payload["digest"])],
            accepted_by=by.as_json(),
        )
        self._write(tx, changed, ACCEPTED, by, now)
        return {"hub": hub, "roots": as_stored(changed.roots)}

    async def peers(self) -> tuple[Peer, ...]:
        """The accepted hubs whose packs have not ended. Raises: IntegrityBrokenError."""
        now = self._clock()
        found = []
        for peer in await self._database.read(self._read):
            try:
                pack = TrustPack.read(peer.pack, now=now, under=peer.fingerprints())
            except TrustPackError:
                continue
            limited = replace(pack, policy=_limited(pack.policy, peer))
            found.append(Peer(peer.hub, limited.policy, PackStatuses(limited, now=now)))
        return tuple(found)

    def _read(self, tx: Connection) -> list[TrustPeer]:
        return read_peers(tx, self._vault)

    def _renew(self, tx: Connection, offer: Offer, pack: bytes, read: TrustPack, actor: Actor) -> Offer:
        peer = _of(read_peers(tx, self._vault, for_update=True), offer.hub)
        if peer is None or not {root.fingerprint for root in offer.roots} <= peer.fingerprints():
            raise ConflictError("trust_peers")  # changed since it was looked at
        _check_version(peer, read)
        known = peer.fingerprints()
        left_out = tuple(root for root in offer.left_out if root.fingerprint not in known)
        changed = replace(peer, pack=pack, version=read.version, left_out=left_out)
        self._write(tx, changed, RENEWED, actor, self._clock())
        return replace(offer, roots=peer.roots, left_out=left_out)

    def _write(self, tx: Connection, peer: TrustPeer, kind: str, actor: Actor, now: datetime) -> None:
        write_peer(tx, self._vault, peer, kind, actor=actor, log_key=self._log_key, now=now)


def _limited(policy: TrustPolicy, peer: TrustPeer) -> TrustPolicy:
    """Only the roots that were compared, and only the types that were accepted: licences and copies of them."""
    from signing.x509.pki import fingerprint

    accepted, known = frozenset(peer.types), peer.fingerprints()
    issuers = {code: replace(issuer, types=issuer.types & accepted) for code, issuer in policy.issuers.items()}
    roots = tuple(anchor for anchor in policy.anchors if fingerprint(anchor) in known)
    others = tuple(anchor for anchor in policy.anchors if fingerprint(anchor) not in known)
    return replace(policy, anchors=roots, left_out=others, issuers=issuers, only=accepted)


def _of(peers: Iterable[TrustPeer], hub: str) -> TrustPeer | None:
    return next((peer for peer in peers if peer.hub == hub), None)


def _compared(payload: dict[str, Any]) -> tuple[Root, ...]:
    """The roots that a proposal names; none: it names none."""
    try:
        from_stored(payload["left_out"])
        return from_stored(payload["roots"])
    except (KeyError, TypeError, ValueError):
        return ()


def _check_version(current: TrustPeer | None, read: TrustPack) -> None:
    if current is not None and read.version < current.version:
        raise TrustPackError("version")
