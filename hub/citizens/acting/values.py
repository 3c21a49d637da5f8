"""For whom somebody acts, on what ground, and what he may do there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final

from hub.citizens.acting.errors import ScopeError
from hub.citizens.values import Holder, Identity, Level


class Ground(StrEnum):
    """Why somebody may act for another. The first three are read from licences in force, the last was given."""

    LEGAL_REPRESENTATIVE = "legal_representative"
    PARENT = "parent"
    HEIR = "heir"
    DELEGATE = "delegate"


class Scope(StrEnum):
    """What somebody may do for another."""

    LICENCES = "see_licences"
    ACCESSES = "see_accesses"
    FILE = "file"
    SHOW = "show"
    AGREE = "agree"
    OBJECT = "object"
    OPEN = "open_licences"
    FILES = "take_files"
    COLLECT = "collect"


DELEGABLE: Final = frozenset({Scope.LICENCES, Scope.OPEN, Scope.ACCESSES, Scope.FILE, Scope.SHOW})
"""What a delegation may let somebody do. What licences say he reads if that is in it, and else as far as he shows it;
their files, which whoever has them may pass on, he is not given.
"""
WHOLE: Final = frozenset(Scope)
OF_GROUND: Final[Mapping[Ground, frozenset[Scope]]] = {
    Ground.LEGAL_REPRESENTATIVE: WHOLE,
    Ground.PARENT: WHOLE,
    # The dead sign nothing and nobody signs for them: an heir sees what there is to inherit, and files in his own name.
    Ground.HEIR: frozenset({Scope.LICENCES}),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody for whom a person may act at this moment.

    Attributes:
        key: names this person's acting for this principal on this ground, to him alone.
        id: the principal's subject.
        matters: codes of the matters in which he may file, and show; None: all.
        sources: identifiers of the licences that the ground rests on; of a delegation, its id.
        until: the last civil day, where it has one.
        said: what ties them, as a licence says it: 母, 父子; or the reason of a delegation.
    """

    key: str
    id: str
    identity: Identity
    ground: Ground
    scope: frozenset[Scope]
    sources: tuple[str, ...]
    matters: frozenset[str] | None = None
    until: date | None = None
    said: str = field(default="", repr=False)

    def require(self, scope: Scope) -> None:
        """Raises: ScopeError."""
        if scope not in self.scope:
            raise ScopeError(scope.value)

    def require_office(self) -> None:
        """Before delegations: nobody else passes on what he may do himself. Raises: ScopeError."""
        if self.ground is not Ground.LEGAL_REPRESENTATIVE:
            raise ScopeError("delegate")

    @property
    def delegation_id(self) -> str | None:
        """The delegation under which he acts, if it is one."""
        return self.sources[0] if self.ground is Ground.DELEGATE else None

    def may_file(self, matter: str) -> bool:
        """Whether he may open a case of this matter, or this life event, for the principal."""
        return Scope.FILE in self.scope and (self.matters is None or matter in self.matters)

    def may_show(self, matter: str | None) -> bool:
        """Whether he may show licences of the principal's in answer to a request in this matter, or, None, to whoever
        scans: not where he was let act in some matters alone.
        """
        return Scope.SHOW in self.scope and (self.matters is None or matter in self.matters)

    def as_told(self) -> dict[str, Any]:
        """As a ledger entry says on what ground."""
        return {"ground": self.ground.value, "sources": list(self.sources)}


@dataclass(frozen=True, slots=True)
class Acting:
    """A person who acts for a principal in this request: whose rows are read is the principal, who reads is `holder`.

    It stands where lists take whose they are, and nowhere where somebody decides, shows or signs in his own name.
    """

    holder: Holder
    principal: Principal

    @property
    def id(self) -> str:
        """Whose rows: the principal's subject."""
        return self.principal.id

    @property
    def asker_id(self) -> str:
        """Who asks: the person's subject."""
        return self.holder.id

    @property
    def session_id(self) -> str:
        """Of the person who is signed in."""
        return self.holder.session_id

    def require(self, level: Level) -> None:
        """Raises: LevelError."""
        self.holder.require(level)
