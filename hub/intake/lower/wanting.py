"""What a requirement on a lower rung is looked at with: the case, the party, the grants under which it was asked."""

from dataclasses import dataclass
from datetime import datetime

from catalog.grants import CaseKind, Grant
from catalog.matters.values import Matter, Requirement
from certificates.stores.holders import Subject
from hub.access.service import Caller
from hub.intake.parties import MANDATES
from hub.intake.store import Case, Party
from hub.storage.vault import DataKey, Vault


@dataclass(frozen=True, slots=True)
class Wanted:
    """One requirement about one party that nobody's records answered."""

    caller: Caller
    case: Case
    matter: Matter
    requirement: Requirement
    party: Party
    subject: Subject | None
    grants: tuple[Grant, ...]
    purpose: str
    now: datetime

    @property
    def corroborated(self) -> bool:
        """Whether something shows that the case is real, which no mandate does; an ex officio case names its officer
        instead.
        """
        shown = any(item.get("kind") not in MANDATES for item in self.case.corroboration)
        return shown or self.case.kind == CaseKind.EX_OFFICIO.value

    @property
    def identified(self) -> bool:
        """Whether the party has a number and a name to be found again by."""
        return self.party.lookup_hash is not None and self.party.name_hash is not None

    @property
    def reuses(self) -> bool:
        """Whether what was handed in elsewhere serves: the grant covers what would show it, and the case is real."""
        return self.corroborated and (bool(self.grants) or not self.requirement.alternatives)

    def key(self, vault: Vault) -> tuple[DataKey, str | None]:
        """Under whose key an entry about it stands: the person's, where he is known, else the case's."""
        if self.subject is not None:
            return vault.data_key(self.subject.data_key, self.subject.kek_kid), self.subject.id
        return vault.data_key(self.case.data_key, self.case.kek_kid), None
