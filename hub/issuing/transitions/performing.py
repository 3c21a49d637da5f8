"""Performing an act that may be performed: on a version in one transaction, or by making a version in two."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from catalog.store import Department, find_department, list_departments
from certificates.errors import ActError
from certificates.lifecycle.rules import RULES, By
from certificates.stores import certificates as store
from certificates.stores.version import VersionRecord
from hub.access.actors import Actor, Role
from hub.access.errors import ForbiddenError
from hub.clock import BEIJING, Clock
from hub.collection.errors import NotEntitledError
from hub.issuing.parts import Part
from hub.issuing.plan import Record
from hub.issuing.service import IssuingService
from hub.issuing.status.service import UnknownCertificateError
from hub.issuing.transitions.acts import Act
from hub.issuing.transitions.making import OfficersMaking
from hub.issuing.transitions.writing import Cause, Changed, change, told
from hub.issuing.types.registry import TypeInForce, TypeRegistry
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import Vault

Hook = Callable[[Connection, VersionRecord], None]
"""Runs in the transaction of an act, with the version it changed or made."""


def nothing(tx: Connection, version: VersionRecord) -> None:
    """The hook of an act that nobody else has to write beside."""
    del tx, version


@dataclass(frozen=True, slots=True)
class Hands:
    """Who performs an act: whoever asked, and where the type wants it, the second person who confirmed."""

    by: Mapping[str, str]
    second: Mapping[str, str] | None = None


class Performing:
    """Performs acts that were checked. Who may ask for them is `capacity`."""

    def __init__(
        self, database: Database, *, vault: Vault, types: TypeRegistry, issuing: IssuingService, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._issuing = issuing
        self._clock = clock

    def change(self, tx: Connection, version: VersionRecord, act: Act, hands: Hands) -> VersionRecord:
        """Do it to a locked version. Raises: TransitionError, ActError, IntegrityBrokenError."""
        done = self.changed(tx, version, act, hands)
        told(tx, [done], now=self._clock())
        return done.after

    def changed(self, tx: Connection, version: VersionRecord, act: Act, hands: Hands) -> Changed:
        """As `change`, for whoever has lists published and users told once for many. Raises before it writes."""
        cause = Cause(
            operation=act.operation,
            reason_code=act.reason_code,
            reason=act.reason,
            legal_basis=act.legal_basis,
            by=hands.by,
            effective_at=act.effective_at,
            detail={"second": dict(hands.second)} if hands.second else {},
        )
        return change(tx, self._vault, version, cause, now=self._clock())

    async def make(
        self,
        act: Act,
        hands: Hands,
        *,
        issued: TypeInForce,
        issuer: Department,
        predecessor: str | None,
        first: Callable[[Connection], None],
        after: Hook = nothing,
    ) -> VersionRecord:
        """Make the version that an act asks for; answers it signed and stored.

        Raises: ClaimsError, ActError, TransitionError, NotEntitledError, UnknownCertificateError; what `first` raises.
        """
        record, making = self._making(act, hands, issued, issuer, predecessor, first, after)
        await self._issuing.issue([record], issued=issued, issuer=issuer, making=making)
        return _made(making)

    async def make_together(
        self,
        acts: Sequence[tuple[TypeInForce, Act]],
        hands: Hands,
        *,
        issuer: Department,
        first: Callable[[Connection], None],
        then: Callable[[Connection, Sequence[VersionRecord]], None],
    ) -> list[VersionRecord]:
        """Make a first version by each act: all intents and what `then` writes commit together, or nothing does.

        Args:
            first: runs before anything is decided, in that transaction.
            then: is given the versions in the order of the acts, when their intents are written.
        Raises: as `make`; what `first` and `then` raise.
        """
        made = [self._making(act, hands, issued, issuer, None, first, nothing) for issued, act in acts]
        parts = [Part(record, issued, making) for (record, making), (issued, _) in zip(made, acts, strict=True)]
        await self._issuing.issue_together(
            parts, issuer=issuer, then=lambda tx: then(tx, [_made(making) for _, making in made])
        )
        return [_made(making) for _, making in made]

    def _making(
        self,
        act: Act,
        hands: Hands,
        issued: TypeInForce,
        issuer: Department,
        predecessor: str | None,
        first: Callable[[Connection], None],
        after: Hook,
    ) -> tuple[Record, OfficersMaking]:
        self.check_days(act, self._clock())
        issued_on = act.issued_on or self._clock().astimezone(BEIJING).date()
        claims = dict(act.claims or {})
        issued.type.require_claims(claims)
        may_issue(issuer, issued)
        making = OfficersMaking(
            act,
            by=hands.by,
            second=hands.second,
            predecessor=predecessor,
            vault=self._vault,
            clock=self._clock,
            first=first,
            after=after,
        )
        return Record(claims, self._clock(), issued_on), making

    def check_days(self, act: Act, now: datetime) -> None:
        """What is true tomorrow is written tomorrow. Raises: ActError."""
        if act.issued_on is not None and act.issued_on > now.astimezone(BEIJING).date():
            raise ActError("issued_on", "in_the_future")
        if act.effective_at is not None and act.effective_at > now:
            raise ActError("effective_at", "in_the_future")

    def two_persons(self, type_code: str) -> bool:
        """Whether the type wants a second person for every act by hand; a retired one still does, and so does one
        whose description somebody else wrote.
        """
        known = self._types.newest(type_code)
        return known is None or known.maker_checker

    def find(self, code_or_slug: str) -> TypeInForce | None:
        """The type of this code or short name, if it is in force."""
        return self._types.find(code_or_slug)

    def type_in_force(self, code_or_slug: str) -> TypeInForce:
        """The type of this code or short name. Raises: MissingError."""
        known = self._types.find(code_or_slug)
        if known is None:
            raise MissingError("type")
        return known

    def now(self) -> datetime:
        """The hub's clock."""
        return self._clock()


def _made(making: OfficersMaking) -> VersionRecord:
    if making.made is None:
        raise RuntimeError("an act that was decided made nothing")
    return making.made


_OFFICER: Final = frozenset({Role.OWNER_APPROVER})
_MAKER: Final = frozenset({Role.OWNER_ENGINEER, Role.OWNER_APPROVER})


def capacity(actor: Actor, act: Act, owner_department_id: str, *, two_persons: bool) -> By:
    """In what capacity he does it. An engineer of the department asks where a second person decides.

    Raises: UnknownCertificateError for another department's; ForbiddenError.
    """
    allowed = RULES[act.operation].by
    if actor.kind == "rule":
        return By.REGISTER
    if not actor.sees(owner_department_id):
        raise UnknownCertificateError
    mine = actor.kind == "command" or actor.department_id == owner_department_id
    officer = actor.kind in {"system", "command"} or actor.roles & (_MAKER if two_persons else _OFFICER)
    if By.ISSUER in allowed and mine and officer:
        return By.ISSUER
    if By.OPERATOR in allowed and Role.OPERATOR in actor.roles:
        return By.OPERATOR
    if actor.kind == "command":
        return By.REGISTER
    raise ForbiddenError(sorted(_OFFICER))


def may_issue(issuer: Department, issued: TypeInForce) -> None:
    """Raises: NotEntitledError for a department that does not issue the type, or is no more."""
    if issued.type.code not in issuer.issues or issuer.closed:
        raise NotEntitledError(f"{issuer.code} may not issue {issued.type.slug}")


def department_of(tx: Connection, department_id: str) -> Department:
    """By id. Raises: MissingError."""
    found = next((item for item in list_departments(tx) if item.id == department_id), None)
    if found is None:
        raise MissingError("department")
    return found


def issuer_named(tx: Connection, code: str) -> Department:
    """By USCC. Raises: MissingError."""
    found = find_department(tx, code)
    if found is None:
        raise MissingError("department")
    return found


def found(tx: Connection, identifier: str, *, lock: bool = False) -> VersionRecord:
    """The issued or indexed version of an identifier. Raises: UnknownCertificateError."""
    version = store.find_version(tx, identifier, for_update=lock)
    if version is None or not version.is_whole():
        raise UnknownCertificateError
    return version
