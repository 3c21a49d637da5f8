"""Whom one key reaches: which feeds a case opens to it, judged as a pull is, before any source hears of the person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from catalog.grants import CaseKind, Grant
from catalog.store import grants_of
from hub.clock import BEIJING, Clock
from hub.collection.feeds.following import Opened
from hub.intake import store as cases
from hub.intake.about import about_party
from hub.intake.answers import case_key
from hub.intake.holding import hold_case
from hub.intake.parties import MANDATES
from hub.intake.quotas import QuotaBook, Taken
from hub.intake.store import Case
from hub.ledger.entries import Draft, append, seal
from hub.ledger.guards import check_guards, settled
from hub.registry.matters.guard import MatterBook
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import Vault
from signing.canonical import strict_loads


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody in clear, and by the hashes that a row must have, too."""

    id_type: str
    lookup_hash: bytes
    name_hash: bytes
    id_number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Person(Named):
    """A party of an open case."""

    case: Case
    role: str


class Reach:
    """Finds the person, and the feeds that are open to his case."""

    def __init__(self, database: Database, *, vault: Vault, quotas: QuotaBook, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._matters = MatterBook(vault)
        self._quotas = quotas
        self._clock = clock

    async def person(self, system_id: str, case_no: str, role: str) -> Person:
        """The party in this role. Raises: MissingError: no open case of this system, or nobody with a number in it."""
        return await self._database.read(lambda tx: self._person(tx, system_id, case_no, role))

    async def claim(self, person: Person, found: Mapping[str, Opened]) -> frozenset[str]:
        """The codes of the feeds that may be asked of him: on the ledger, and out of their grants' quotas.

        Raises: CaseClosedError, InvalidTokenError: ended since it was read; IntegrityBrokenError, StorageError.
        """
        taken = Taken()
        try:
            asked = await self._database.write(lambda tx: self._claimed(tx, person, found, taken))
        except BaseException:
            self._quotas.give_back(taken)
            raise
        self._quotas.confirm(taken)
        return asked

    def _claimed(self, tx: Connection, person: Person, found: Mapping[str, Opened], taken: Taken) -> frozenset[str]:
        case, now = person.case, self._clock()
        hold_case(tx, case.id, kid=None)
        feeds = {code: opened for code, opened in found.items() if opened.feed.by_holder is not None}
        grants: dict[str, Grant] = {}
        if case.kind == CaseKind.EX_OFFICIO:
            asked = {code for code, opened in feeds.items() if case.department_id == opened.issuer.id}
        else:
            grants = self._grants(tx, person, feeds, now)
            self._quotas.take(tx, list(grants.values()), today=now.astimezone(BEIJING).date(), into=taken)
            asked = {code for code, grant in grants.items() if grant.id not in taken.exhausted}
        detail = {
            "feeds": sorted(asked),
            "party": person.role,
            "case_kind": case.kind,
            "matter": case.matter_code,
            "case_no": case.case_no,
            "department_id": case.department_id,
            "grants": sorted({grants[code].id for code in asked & grants.keys()}),
        }
        key, subject_id = about_party(tx, self._vault, case, person.lookup_hash)
        entry = Draft(kind="collection.by_holder", detail=detail, key=key, subject_id=subject_id, case_id=case.id)
        append(tx, [seal(entry, now=now)])
        return frozenset(asked)

    def _grants(self, tx: Connection, person: Person, feeds: Mapping[str, Opened], now: datetime) -> dict[str, Grant]:
        """By feed, the grant that opens its type to this case. Corroboration shows the applicant, nobody beside him."""
        case = person.case
        shown = [item for item in case.corroboration if item.get("kind") not in MANDATES]  # shows an agent, not him
        if not shown or person.role != self._matters.matter(tx, case.matter_id).roles[0]:
            return {}

        def look() -> list[Grant]:
            grants = grants_of(tx, case.system_id, CaseKind.APPLICATION)
            check_guards(tx, self._vault, grants=grants)
            return grants

        kinds = {item["kind"] for item in case.corroboration if "kind" in item}
        covering: dict[str, Grant] = {}
        for grant in settled(look):
            if not grant.objection(
                matter=case.matter_code, purpose=grant.purpose, fields=(), corroboration=kinds, now=now
            ):
                covering.setdefault(grant.resource, grant)
        types = {code: opened.issued.type.code for code, opened in feeds.items()}
        return {code: covering[kind] for code, kind in types.items() if kind in covering}

    def _person(self, tx: Connection, system_id: str, case_no: str, role: str) -> Person:
        case = cases.find_case(tx, case_no)
        if case is None or case.system_id != system_id or case.state != "open":
            raise MissingError("case")
        party = cases.parties_of(tx, case.id).get(role)
        if party is None or party.sealed is None or party.id_type is None:
            raise MissingError("party")
        if party.lookup_hash is None or party.name_hash is None:
            raise MissingError("party")
        plain = case_key(self._vault, case).decrypt(cases.identity_place(party.sealed.id), party.sealed.identity)
        identity: Mapping[str, str] = strict_loads(plain, max_bytes=4096)
        return Person(party.id_type, party.lookup_hash, party.name_hash, identity["id_number"], case, role)
