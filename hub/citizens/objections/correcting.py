"""A wrong name, or a wrong number, is put right in the same visit 当场更正: with the person's own card in hand.

What the record says, whether there is one, and whether it says something else, the clerk never learns: whatever is
found, an objection is filed with the department that he names, and he hears its number and until when it answers. Filed
against the record where there is one, else as one that is missing. No case is wanted: a wrong name may be why none
could be opened. A record under another number is marked as disputed only where its holder's name is the card's, so
that nobody has a stranger's licence marked by copying its number from a wall.

Attempts are counted per clerk, and each is an objection that an officer reads: guessing costs more than it tells.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection

from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.parts import Holder as CardHolder
from certificates.errors import NumberingError
from certificates.numbering import parse
from certificates.stores import certificates as library
from certificates.stores.holders import Subject, find_subjects, upsert_subjects
from certificates.stores.version import VersionRecord
from hub.access.actors import Actor, Role
from hub.access.staff_throttle import Throttle
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.objections import store
from hub.citizens.objections.errors import ObjectionError, ObjectionRunsError
from hub.citizens.objections.handing import OPERATOR
from hub.citizens.objections.raising import Clerk, Objections
from hub.citizens.objections.values import Kind, Said, Target
from hub.citizens.values import BODIES, SEES_OWN, Holder, Identity
from hub.clock import Clock
from hub.issuing.plan import KeyedHolder, lookup_hash, name_hash, number_hash
from hub.issuing.subjects import subject_row
from hub.issuing.types.registry import TypeRegistry
from hub.registry.departments.store import Departments, read_departments
from hub.registry.departments.superior_rows import superior_of
from hub.registry.meanings import Words
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import Vault

SAYS_MOST: Final = 500
"""Characters of what the person adds; what the card says stands before it."""
NUMBER_MOST: Final = 128


class Wrong(StrEnum):
    """What a record has wrong of the person."""

    NAME = "name"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Correction:
    """What is to be put right.

    Attributes:
        type_code, department: whose record, of which kind; codes.
        number: what is printed on the paper that the person brought: an identifier, or the licence's own number.
        seen: `card_read` or `clerk_attested`: how the card was seen.
        case_no: of the case of this visit, if there is one.
    """

    wrong: Wrong
    type_code: str
    department: str
    seen: str
    number: str = field(repr=False, default="")
    text: str = field(repr=False, default="")
    case_no: str = ""
    scan: bytes | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class Filed:
    """All that the clerk learns. `reviewer`: who would look again at a refusal, as things stand."""

    id: str
    department: Words
    due_at: datetime
    reviewer: Words


class Correcting:
    """Files corrections at a counter."""

    def __init__(
        self, database: Database, *, vault: Vault, objections: Objections, types: TypeRegistry, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._objections = objections
        self._types = types
        self._clock = clock
        self._throttle = Throttle(vault)

    async def file(self, actor: Actor, card: Identity, correction: Correction) -> Filed:
        """File it for whoever the card names; its number normalised.

        Raises: ForbiddenError; LockedOutError: too many by this clerk; ObjectionError; PaperRefusedError;
            ObjectionRunsError: the same was filed and runs, or too many do, whatever the hub holds.
        """
        actor.require(Role.CLERK)
        kind = self._types.newest(correction.type_code) if correction.type_code else None
        if kind is None:
            raise ObjectionError("unknown_type", "/type")
        if card.id_type in BODIES:
            raise ObjectionError("natural_person", "/id")
        if correction.wrong is Wrong.NUMBER and not correction.number:
            raise ObjectionError("missing", "/number")
        if len(correction.text) > SAYS_MOST:
            raise ObjectionError("too_long", "/text")
        now = self._clock()
        await self._database.write(lambda tx: self._count(tx, actor, card, now))
        subject, target = await self._database.write(lambda tx: self._found(tx, card, correction, kind, now))
        said = Said(
            kind=Kind.LICENCE if target.certificate_id else Kind.MISSING,
            text=_text(card, correction),
            scan=correction.scan,
        )
        holder = Holder(subject.id, f"counter:{actor.id}", card, SEES_OWN, "counter", "")
        try:
            clerk = Clerk(actor, correction.case_no, correction.seen)
            made = await self._objections.raise_(holder, said, clerk=clerk, target=target)
        except HolderSignInNeededError:  # erased a moment ago: the next try finds nobody, and files it as missing
            raise ObjectionRunsError from None
        return await self._database.read(lambda tx: self._filed(tx, made))

    def _filed(self, tx: Connection, objection_id: str) -> Filed:
        filed = store.find(tx, objection_id)
        if filed is None or filed.department_id is None:
            raise MissingError("objection")
        superior = superior_of(tx, self._vault, read_departments(tx), filed.department_id)
        reviewer = (superior.name_zh, superior.name_en) if superior else OPERATOR
        return Filed(filed.id, (filed.department["zh"], filed.department["en"]), filed.due_at, reviewer)

    def _count(self, tx: Connection, actor: Actor, card: Identity, now: datetime) -> None:
        """Five about one person, twenty altogether, then ever slower: right and wrong alike, since all look alike."""
        number = lookup_hash(self._vault, card.id_type, card.id_number).hex()
        about, all_of_his = f"correcting {actor.id} {number}", f"correcting:{actor.id}"
        self._throttle.claim(tx, user_name=about, peer=all_of_his, now=now)

    def _found(
        self, tx: Connection, card: Identity, correction: Correction, kind: CertificateType, now: datetime
    ) -> tuple[Subject, Target]:
        departments = read_departments(tx)
        named = departments.by_code(correction.department)
        if named is None:
            raise ObjectionError("unknown_department", "/department")
        office, subject = departments.current(named.id).id, self._subject(tx, card, now)
        if correction.wrong is Wrong.NAME:
            held = library.held_of(tx, subject.id, kind.code)
        else:
            held = self._by_number(tx, card, correction, kind, named.id)
        mine = [one for one in held if one.is_whole() and _office(departments, one) == office]
        newest = max(mine, key=lambda one: (one.is_current(), one.created_at), default=None)
        title, asked = (kind.name.zh, kind.name.en), f"{kind.code}:{named.id}:{correction.number}"
        if newest is None:
            return subject, Target(office, f"{kind.code}:{named.id}", title, asked=asked)
        return subject, Target(
            office, f"{newest.certificate_id}:", title, certificate_id=newest.certificate_id,
            identifier=newest.identifier, asked=asked,
        )  # fmt: skip

    def _subject(self, tx: Connection, card: Identity, now: datetime) -> Subject:
        """Who the card names; made now where nobody has told the hub of him, since the objection lies under his key."""
        hashed = lookup_hash(self._vault, card.id_type, card.id_number)
        known = find_subjects(tx, [hashed]).get(hashed)
        if known is not None:
            return known
        keyed = KeyedHolder(
            CardHolder(card.id_type, card.id_number, card.name), hashed, name_hash(self._vault, card.name)
        )
        return upsert_subjects(tx, [subject_row(keyed, self._vault, now=now)])[hashed]

    def _by_number(
        self, tx: Connection, card: Identity, correction: Correction, kind: CertificateType, department_id: str
    ) -> list[VersionRecord]:
        """The record with this number on it, if its holder is called as the card says."""
        try:
            version = library.find_version(tx, parse(correction.number).text)
        except NumberingError:
            hashed = number_hash(kind.code, correction.department, correction.number, self._vault)
            version = library.latest_by_record(tx, kind.code, department_id, [hashed]).get(hashed)
        same = name_hash(self._vault, card.name)
        return [version] if version and version.type_code == kind.code and version.name_hash == same else []


def _office(departments: Departments, version: VersionRecord) -> str:
    return departments.current(version.owner_department_id).id


_SAID: Final[Mapping[Wrong, str]] = {
    Wrong.NAME: "姓名有误 Wrong name",
    Wrong.NUMBER: "证件号码有误 Wrong ID number",
}


def _text(card: Identity, correction: Correction) -> str:
    """What the officer reads: the card as the clerk saw it, since the record is what is doubted."""
    lines = [
        f"{_SAID[correction.wrong]}。窗口见到本人证件 As on the card: {card.name}，{card.id_number}",
        *([f"纸质证照上的编号 Number on the paper: {correction.number}"] if correction.number else []),
        *([correction.text.strip()] if correction.text.strip() else []),
    ]
    return "\n".join(lines)
