"""The forms 一表 that somebody has to sign: of his open cases by his number and name, or of the families these are in.

A case in which his number stands with another's name is not his: nothing of its form is shown to him.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, and_, select

from catalog.grants import CaseKind
from catalog.tables import table
from hub.access.service import SANDBOX_PREFIX, Caller
from hub.citizens.acting.values import Principal
from hub.citizens.values import Identity
from hub.intake import store
from hub.intake.families.reading import FamilyReader, Whole
from hub.intake.families.store import OPEN, family_by_id, family_id_of
from hub.intake.store import Case, Party
from hub.intake.tables import CasePartyRow, CaseRow
from hub.issuing.plan import lookup_hash, name_hash
from hub.registry.matters.guard import MatterBook
from hub.registry.meanings import Words
from hub.storage.vault import DataKey, Vault

MOST: Final = 30
"""Cases of one person that are looked through, the newest first."""
_CASES: Final = table(CaseRow)
_PARTIES: Final = table(CasePartyRow)


@dataclass(frozen=True, slots=True)
class OwnForm:
    """A form that he signs.

    Attributes:
        number: of the case, or of its family.
        matter: its code, or that of the event.
        party: by which the form calls him.
        people: all whom it is about, by how it calls them.
        caller: the system whose case it is, as the ground of what is read again; no copy is made for it.
        office: the company that signs, where he stands for it.
    """

    number: str
    about: str
    matter: str
    title: Words
    department_id: str
    party: str
    key: DataKey = field(repr=False)
    people: Mapping[str, Party] = field(repr=False)
    caller: Caller = field(repr=False)
    office: Principal | None = None

    @property
    def family(self) -> bool:
        """Whether it is that of several cases."""
        return self.about.startswith("family:")


def own_forms(tx: Connection, vault: Vault, families: FamilyReader, who: Identity) -> list[OwnForm]:
    """Those of open cases that nobody has decided yet, each once. Without a sandbox's, and without what an office
    handles of its own accord.
    """
    number, name = lookup_hash(vault, who.id_type, who.id_number), name_hash(vault, who.name)
    query = (
        select(_CASES.c.id)
        .join(_PARTIES, _PARTIES.c.case_id == _CASES.c.id)
        .where(
            and_(
                _PARTIES.c.lookup_hash == number,
                _PARTIES.c.name_hash == name,
                _PARTIES.c.id_type == who.id_type,
                _CASES.c.state == store.OPEN,
                _CASES.c.kind == CaseKind.APPLICATION.value,
                _CASES.c.decided_at.is_(None),
            )
        )
        .distinct()
        .order_by(_CASES.c.id.desc())
        .limit(MOST)
    )
    book = MatterBook(vault)
    found: dict[str, OwnForm] = {}
    for case_id in tx.execute(query).scalars().all():
        case = store.case_by_id(tx, case_id)
        if case is None or case.client_id.startswith(SANDBOX_PREFIX):
            continue
        parties = store.parties_of(tx, case.id)
        mine = [key for key, party in parties.items() if (party.lookup_hash, party.name_hash) == (number, name)]
        family_id = family_id_of(tx, case.id)
        one = (
            _of_family(tx, vault, families, family_id, case, mine)
            if family_id
            else _of_case(tx, vault, book, case, parties, mine)
        )
        if one is not None:
            found.setdefault(one.about, one)
    return list(found.values())


def _of_case(
    tx: Connection, vault: Vault, book: MatterBook, case: Case, parties: Mapping[str, Party], mine: Sequence[str]
) -> OwnForm | None:
    matter = book.matter(tx, case.matter_id)
    signs = [key for key in mine if key in matter.form.signers]
    if not matter.form.fields or not signs:
        return None
    key = vault.data_key(case.data_key, case.kek_kid)
    title = (matter.name_zh, matter.name_en)
    about, code = f"case:{case.id}", case.matter_code
    return OwnForm(case.case_no, about, code, title, case.department_id, signs[0], key, parties, _caller(case))


def _of_family(
    tx: Connection, vault: Vault, families: FamilyReader, family_id: str, case: Case, mine: Sequence[str]
) -> OwnForm | None:
    family = family_by_id(tx, family_id)
    if family is None or family.state != OPEN:
        return None
    whole = families.whole(tx, family)
    called = next(member.called for member in whole.members if member.case.id == case.id)
    signs = [name for key in mine if (name := called(key)) in whole.event.signers]
    if not any(member.matter.form.fields for member in whole.members) or not signs:
        return None
    title = (whole.event.title_zh, whole.event.title_en)
    about, key = f"family:{family.id}", vault.data_key(family.data_key, family.kek_kid)
    people, code = _people(tx, whole), family.event_code
    return OwnForm(family.family_no, about, code, title, case.department_id, signs[0], key, people, _caller(case))


def _people(tx: Connection, whole: Whole) -> Mapping[str, Party]:
    """Of the cases that are open still, as their form is."""
    return {
        member.called(key): party
        for member in whole.members
        if member.case.state == store.OPEN
        for key, party in store.parties_of(tx, member.case.id).items()
    }


def _caller(case: Case) -> Caller:
    return Caller(case.system_id, case.client_id, case.department_id, "", {}, float("inf"))
