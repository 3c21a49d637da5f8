"""Who asks for what, and what the holder and the asker are told of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self

from hub.access.actors import Actor, Role
from hub.access.service import Caller
from hub.citizens.presentation_store import Department
from hub.citizens.showing.values import Receiver
from hub.registry.meanings import Words

ASKED: Final = "asked"
GIVEN: Final = "given"
DECLINED: Final = "declined"
CANCELLED: Final = "cancelled"
OVER: Final = "over"
MOST_WORDS: Final = 200
"""Characters of a purpose."""
MOST_CLAIMS: Final = 60


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and alone hears the answer: a system, or a clerk at his counter. `by` is for the ledger."""

    department_id: str
    by: Mapping[str, str]
    staff_id: str | None = None
    system: Caller | None = None

    @classmethod
    def of_system(cls, caller: Caller) -> Self:
        """A system that calls."""
        return cls(caller.department_id, {"kind": "system", "id": caller.client_id}, system=caller)

    @classmethod
    def clerk(cls, actor: Actor) -> Self:
        """A clerk of a department. Raises: ForbiddenError for everybody else."""
        actor.require(Role.CLERK, owner=actor.department_id)
        return cls(str(actor.department_id), actor.as_json(), staff_id=actor.id)

    def receiver(self) -> Receiver:
        """As whom he takes what is shown."""
        return Receiver("system" if self.system else "staff", self.by, self.department_id, system=self.system)


@dataclass(frozen=True, slots=True)
class Item:
    """One kind of licence, and which of its claims; none of them: whether it is in force. `needed`: those of them
    without which the asker has no use for it.
    """

    type_code: str
    claims: tuple[str, ...]
    needed: tuple[str, ...] = ()

    @property
    def wanted(self) -> bool:
        """Whether an answer without this licence is none."""
        return bool(self.needed) or not self.claims

    def as_json(self) -> dict[str, Any]:
        """As rows, answers and entries of the ledger say it."""
        return {"type": self.type_code, "claims": list(self.claims), "needed": list(self.needed)}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for, in which matter (its code), and what for."""

    items: Sequence[Item]
    matter: str
    purpose: str


@dataclass(frozen=True, slots=True)
class Question:
    """A request as its asker sees it; the codes while nobody has answered.

    `state`: asked, given (to be fetched), taken, declined, cancelled (by its asker), over.
    """

    id: str
    state: str
    expires_at: datetime
    wanted: Wanted
    code: str = field(default="", repr=False)
    typed: str = field(default="", repr=False)
    seconds_left: int = 0

    def scan(self, public_url: str) -> str:
        """What a QR says: the holder's page, and the code where no server sees it before he sends it."""
        return f"{public_url}/me/asked#c={self.code}"


@dataclass(frozen=True, slots=True)
class Choosable:
    """A licence of the holder's with which he may answer."""

    identifier: str
    issuer: Words
    valid_until: str | None


@dataclass(frozen=True, slots=True)
class AskedClaim:
    """`ground`: the article under which this asker may have it in this matter; empty: nothing but the holder's yes."""

    name: str
    title: Words
    needed: bool
    ground: str


@dataclass(frozen=True, slots=True)
class AskedItem:
    """One kind of licence as the holder is asked for it, and which of his would do."""

    type_code: str
    name: Words
    wanted: bool
    claims: Sequence[AskedClaim]
    licences: Sequence[Choosable]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as a holder reads it before he says anything. `system`: the registered name of a system that asks;
    None: a counter.
    """

    code: str = field(repr=False)
    department: Department
    system: Words | None
    matter: Words
    purpose: str
    items: Sequence[AskedItem]
    expires_at: datetime
    seconds_left: int


class WantedError(Exception):
    """What is asked for cannot be asked: `why` is "none", "too_many", "twice", "type", "claim", "matter" or "purpose";
    `item` which item, `claim` which of its claims, both from 0.
    """

    def __init__(self, why: str, item: int | None = None, claim: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.item = item
        self.claim = claim
