"""Verifying at the hub: `certificates.verifying.procedure`, with the status read from the row, not from a list."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal

from sqlalchemy import Connection

from catalog.store import list_departments
from certificates.offline_code import key_name
from certificates.verifying.known import NO_RULES, KnownStatus, StatusQuestion, VerifierRules
from certificates.verifying.pack import TrustPack
from certificates.verifying.papers import Paper, SdJwtPaper
from certificates.verifying.papers_reading import read_paper
from certificates.verifying.procedure import verify_paper
from certificates.verifying.proof import read_proof
from certificates.verifying.trust import Issuer, KeyCustody, TrustPolicy
from certificates.verifying.verdict import Verdict
from hub.clock import Clock
from hub.issuing.keys.desk import SigningDesk
from hub.issuing.stamping.service import TimeStamps
from hub.issuing.status.service import StatusService
from hub.issuing.types.halts import stopped_types
from hub.issuing.types.registry import TypeRegistry
from hub.storage.cache import SharedCache
from hub.storage.database import Database
from hub.storage.suites import Suite
from hub.storage.vault import Vault
from hub.threads import off_loop
from hub.verification.knowing import Looked, look_up, proven_by
from hub.verification.peers import Peer, PeerService
from signing.x509.pki import x5c

_OF_PAGES: Final = frozenset({"issuer", "purpose-copy"})
POLICY_AGE: Final = timedelta(seconds=30)
PACK_AGE: Final = timedelta(seconds=10)
_PACK_KEY: Final = "trust-pack"
_OF_TIME: Final = frozenset({"chain_expired", "chain_key_compromised", "chain_revoked"})
"""What proven time may turn."""
_NOT_COMPARED: Final = "chain_not_compared"
_OF_STRANGERS: Final = frozenset({"chain_path", "chain_anchor", "key_unknown"})


class VerificationService:
    """Verifies what is presented, and makes the pack with which others verify offline."""

    def __init__(
        self,
        database: Database,
        *,
        vault: Vault,
        desk: SigningDesk,
        status: StatusService,
        stamps: TimeStamps,
        types: TypeRegistry,
        peers: PeerService,
        cache: SharedCache,
        clock: Clock,
        public_url: str,
        fresh_crls: bool = False,
    ) -> None:
        self._database = database
        self._vault = vault
        self._desk = desk
        self._status = status
        self._stamps = stamps
        self._types = types
        self._peers = peers
        self._accepted: tuple[Peer, ...] = ()
        self._log = ""
        self._clock = clock
        self._public_url = public_url
        self._fresh_crls = fresh_crls
        self._policy: TrustPolicy | None = None
        self._policy_until = clock()
        self._cache = cache

    @property
    def clock(self) -> Clock:
        """The clock that verdicts go by."""
        return self._clock

    def learn_log(self, verifier: str) -> None:
        """The ledger's public key, for the pack: others check proofs of inclusion with it."""
        self._log = verifier

    async def verify(self, token: bytes, *, audience: str | None) -> Verdict:
        """The verdict on a licence or purpose copy as text. Unknown identifiers and missing status look alike."""
        return await self.judge(SdJwtPaper(token), token, audience=audience)

    async def judge(
        self,
        paper: Paper,
        data: bytes,
        *,
        audience: str | None,
        rules: VerifierRules = NO_RULES,
        as_of: datetime | None = None,
        proof: bytes | None = None,
    ) -> Verdict:
        """The verdict on a paper that was read from `data`.

        Args:
            proof: of another hub, which came with its page: this hub looks into its own ledger instead.
        Raises: ProofRefusedError: it is of an accepted hub, and its proof is not of it.
        """
        now = self._clock()
        looked = await self._database.read(
            lambda tx: look_up(tx, self._vault, self._types, paper, data, now=now, as_of=as_of)
        )
        verdict = await self.judge_known(
            paper, looked, now=now, size=len(data), audience=audience, rules=rules, as_of=as_of
        )
        if verdict.reason in _OF_STRANGERS:
            return await self._by_peers(data, verdict, proof, audience=audience, rules=rules, as_of=as_of)
        return verdict

    async def judge_known(
        self,
        paper: Paper,
        looked: Looked,
        *,
        now: datetime,
        size: int,
        audience: str | None,
        rules: VerifierRules,
        as_of: datetime | None,
    ) -> Verdict:
        """The verdict on a paper of about `size` bytes of which this is known here; by this hub's own trust alone."""
        policy = await self.policy()

        def status(question: StatusQuestion) -> KnownStatus | Literal["type_halted"] | None:
            return looked.status if question.identifier == looked.identifier else None

        def taken(proven_at: datetime | None = None) -> Verdict:
            return verify_paper(
                paper,
                trust=policy,
                statuses=status,
                audience=audience,
                now=now,
                proven_at=proven_at,
                known=looked.known,
                rules=rules,
                as_of=as_of,
            )

        verdict = await off_loop(size, taken)
        if verdict.reason in _OF_TIME:
            proven = await self._database.read(lambda tx: proven_by(tx, self._vault, paper))
            if proven is not None:
                return await off_loop(size, lambda: taken(proven))
        return verdict

    async def _by_peers(
        self,
        data: bytes,
        verdict: Verdict,
        proof: bytes | None,
        *,
        audience: str | None,
        rules: VerifierRules,
        as_of: datetime | None,
    ) -> Verdict:
        """Signed under none of our own roots: perhaps under those of a hub that two persons accepted."""
        now = self._clock()

        def taken(peer: Peer) -> Verdict:
            ask = partial(
                verify_paper,
                trust=peer.policy,
                statuses=peer.statuses,
                audience=audience,
                now=now,
                rules=rules,
                as_of=as_of,
            )
            found = ask(read_paper(data))
            if proof is None or found.reason in _OF_STRANGERS | {_NOT_COMPARED}:
                return found
            paper = read_paper(data)
            return ask(paper, known=read_proof(proof.strip(), trust=peer.policy, now=now).known_of(paper))

        for peer in self._accepted:
            found = await off_loop(len(data), partial(taken, peer))
            if found.reason not in _OF_STRANGERS:
                verdict = replace(found, hub=peer.hub)
                if found.reason != _NOT_COMPARED:  # another accepted hub may share that root, and have it compared
                    break
        return verdict

    async def policy(self) -> TrustPolicy:
        """Roots and entitlements; read anew every half minute, so that a new department needs no restart."""
        now = self._clock()
        if self._policy is None or now >= self._policy_until:
            issuers, signers = await self._database.read(self._listed)
            self._accepted = await self._peers.peers()
            self._policy = TrustPolicy(
                self._desk.anchors(),
                issuers,
                self._public_url,
                self._desk.compromised(),
                trial_anchors=frozenset(self._desk.maker.built_in()),
                stamp_anchors=self._stamps.anchors(),
                log=self._log,
                signers=signers,
                crls=self._desk.crls(),
                fresh_crls=self._fresh_crls,
            )
            self._policy_until = now + POLICY_AGE
        return self._policy

    async def told_policy(self) -> TrustPolicy:
        """The policy as others are given it: with the types that are stopped at this moment, which the hub itself reads
        with each licence. Raises: IntegrityBrokenError: nobody can say which.
        """
        halted = await self._database.read(lambda tx: stopped_types(tx, self._vault))
        return replace(await self.policy(), halted=frozenset(halted))

    async def trust_pack(self) -> bytes:
        """Everything offline verification needs, signed: roots, entitlements, and all status lists.

        Made at most every ten seconds: anybody may ask, and it signs every list.
        """
        async with self._cache.lock("trust-pack", seconds=30):
            known = await self._cache.get(_PACK_KEY)
            if known is None:
                known = await self._make_pack()
                await self._cache.set(_PACK_KEY, known, seconds=PACK_AGE.total_seconds())
        return str(known).encode()

    async def _make_pack(self) -> str:
        policy, certified = await self.told_policy(), self._desk.hub("hub")
        lists: dict[str, str] = {}
        for number in await self._status.numbers():
            lists[f"{self._public_url}/status-lists/{number}"] = (await self._status.build(number)).decode()
        pack = TrustPack(policy, lists, self._clock())
        return pack.signed(signer=certified.signer, header=certified.header)

    def _listed(self, tx: Connection) -> tuple[Mapping[str, Issuer], Mapping[str, tuple[str, ...]]]:
        """The issuers, and the chains of all keys that ever signed pages: what they signed outlives their use."""
        keys = self._desk.book.all(tx)
        suites: dict[str, set[str]] = {}
        for key in keys:
            if key.slot.role == "issuer":
                suites.setdefault(key.slot.organization_id, set()).add(key.slot.suite.alg)
        issuers = {
            item.code: Issuer(
                item.name_zh,
                frozenset(item.issues),
                KeyCustody(item.key_custody),
                frozenset(suites.get(item.code, ())),
            )
            for item in list_departments(tx)
            if item.issues
        }
        of_pages = [key for key in keys if key.slot.role in _OF_PAGES and key.slot.suite is Suite.ES256 and key.chain]
        chains = {key_name(key.kid): tuple(x5c(key.chain)) for key in of_pages}
        return issuers, chains
