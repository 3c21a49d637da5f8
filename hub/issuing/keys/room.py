"""What every change of keys goes through: which key a name means, what may take its place, when that begins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, get_args

from sqlalchemy import Connection

from catalog.identifiers import USCC, check
from catalog.store import find_department
from hub.access.actors import Actor
from hub.clock import Clock, rfc3339
from hub.issuing.keys.desk import JWKS_AGE, SigningDesk
from hub.issuing.keys.errors import KeyRuleError, NoSigningKeyError
from hub.issuing.keys.making import HUB_ROLES, TOKEN_ROLE
from hub.issuing.keys.store import DEPARTMENTAL, KeySlot, KeyState, SigningKey
from hub.storage.database import Database
from hub.storage.errors import ConflictError, MissingError
from hub.storage.keystore.port import Place
from hub.storage.suites import Suite
from signing.keys import Signer
from signing.x509.pki import Role as CertifiedRole

PUBLISHED_FIRST: Final = 2 * JWKS_AGE
"""Everybody who keeps the key set has the new key by then."""
_PUBLISHED: Final = frozenset({TOKEN_ROLE, *HUB_ROLES})


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key, and what it is at this moment."""

    key: SigningKey
    trial: bool
    use: str
    """`signs`, `coming`, `replaced`, `ended`, or its state: `pending`, `stopped`, `compromised`."""
    ends: str | None = None
    """`soon`: within 60 days, and nothing is to take its place; `ended`."""

    def as_json(self) -> dict[str, Any]:
        """Additive only: a contract of `--json` and the API."""
        key = self.key
        return {
            "kid": key.kid,
            "name": key.slot.name,
            "role": key.slot.role,
            "organization_id": key.slot.organization_id,
            "organization": key.organization,
            "suite": key.slot.suite.value,
            "type": key.slot.scope or None,
            "use": self.use,
            "state": key.state.value,
            "custody": key.custody.value,
            "place": key.place.value,
            "authority": key.authority,
            "built_in": self.trial,
            "created_at": rfc3339(key.created_at),
            "active_from": rfc3339(key.active_from),
            "retired_at": rfc3339(key.retired_at) if key.retired_at else None,
            "not_after": rfc3339(key.not_after),
            "ends": self.ends,
            "compromised_since": rfc3339(key.compromised_since) if key.compromised_since else None,
        }


class KeyRoom:
    """Shared by the services around keys."""

    def __init__(self, database: Database, *, desk: SigningDesk, clock: Clock) -> None:
        self.database = database
        self.desk = desk
        self.clock = clock

    async def changed(self, unit: Callable[[Connection], SigningKey]) -> KeyView:
        """Write a change; this process goes by it at once."""
        key = await self.database.write(unit)
        await self.database.read(self.desk.load)
        return self.view(key, self.clock())

    def prepared(self, slot: KeySlot) -> Signer:
        """A new private key, and the built-in authority that may certify it. Blocks; not in a transaction."""
        return self.desk.maker.prepared(slot, self.desk.owner().organization, now=self.clock())

    def view(self, key: SigningKey, now: datetime) -> KeyView:
        """As shown at this moment."""
        use = key.state.value
        if key.state is KeyState.ACTIVE:
            use = "signs" if key.signs_at(now) else "coming" if key.active_from > now else "replaced"
        ends = key.ends(now)
        use = "ended" if use == "signs" and ends == "ended" else use
        return KeyView(key, self.desk.maker.is_trial(key), use, ends)

    def slot(self, tx: Connection, name: str, suite: Suite) -> tuple[KeySlot, str]:
        """What a name means, and whose key it is. Raises: KeyRuleError, MissingError, IdentifierError."""
        role, _, rest = name.partition("/")
        if role not in (*get_args(CertifiedRole), TOKEN_ROLE):
            raise KeyRuleError(name, "no such role")
        if role not in DEPARTMENTAL:
            owner = self.desk.owner()
            return KeySlot(role, owner.slot.organization_id, suite), owner.organization
        code, _, scope = rest.partition("/")
        check(USCC, code)
        department = find_department(tx, code)
        if department is None:
            raise MissingError("department")
        if scope and scope not in department.issues:
            raise KeyRuleError(name, "the department does not issue this type")
        return KeySlot(role, code, suite, scope), department.name_zh[:64]

    def of(self, tx: Connection, slot: KeySlot, *, held: bool = False) -> Sequence[SigningKey]:
        """The keys of a slot, in the order in which they begin to sign; `held` locks them."""
        keys = self.desk.book.of(tx, slot.role, slot.organization_id, for_update=held)
        if not keys and slot.role == TOKEN_ROLE:
            keys = [self.desk.maker.first_token_key(self.desk.owner())]
        return [key for key in keys if key.slot == slot]

    def waiting(self, tx: Connection, slot: KeySlot, *, held: bool = False) -> SigningKey | None:
        """The key that waits for a certificate."""
        return newest([key for key in self.of(tx, slot, held=held) if key.state is KeyState.PENDING])

    def replaceable(self, tx: Connection, slot: KeySlot, now: datetime, *, held: bool = False) -> SigningKey:
        """The key that a new one may take the place of without anybody outside being asked."""
        old = newest([key for key in self.of(tx, slot, held=held) if key.state is not KeyState.PENDING])
        if old is None:
            raise NoSigningKeyError(slot.name)
        if old.active_from > now:
            raise KeyRuleError(slot.name, f"a rotation is under way: the new key signs from {rfc3339(old.active_from)}")
        if old.chain and not self.desk.maker.is_trial(old):
            raise KeyRuleError(
                slot.name, "certified by an authority outside: ask it, by `yizheng key csr` and `import`"
            )
        if old.place is Place.REMOTE:
            raise KeyRuleError(slot.name, "the department keeps this key: attach its new one by `yizheng key remote`")
        if old.slot.role != TOKEN_ROLE:
            self.desk.maker.check_built_in(old.slot)
        return old

    def begin(self, slot: KeySlot, old: SigningKey, begins: datetime | None, now: datetime) -> datetime:
        """When a new key takes the old one's place. Raises: KeyRuleError."""
        if old.state is not KeyState.ACTIVE or self.desk.maker.refuses(old):
            return now  # nothing signs meanwhile
        if begins is not None and begins < now:
            raise KeyRuleError(slot.name, "the new key begins to sign in the future, or now")
        early = slot.role in _PUBLISHED and slot.suite is Suite.ES256
        return begins or (now + PUBLISHED_FIRST if early else now)

    def retire(
        self, tx: Connection, old: SigningKey, new: SigningKey, at: datetime, actor: Actor, now: datetime
    ) -> None:
        """Let the old key end where the new one begins. Raises: ConflictError: it is the same."""
        if old.kid == new.kid:
            raise ConflictError("key_certificates")
        self.desk.book.write(tx, replace(old, retired_at=at), "key.replaced", actor=actor, now=now, by=new.kid)


def newest(keys: Sequence[SigningKey]) -> SigningKey | None:
    """The one that begins to sign last."""
    return max(keys, key=lambda key: (key.active_from, key.created_at), default=None)
