"""A family with everything that is judged of it: its event, its cases with their matters, who is who, what was said."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from catalog.errors import DefinitionError
from catalog.life_events.joining import Feed, feeds, waits_for, waves
from catalog.life_events.values import LifeEvent
from catalog.matters.values import Matter
from hub.clock import BEIJING
from hub.intake import store as cases
from hub.intake.answers import answer_place
from hub.intake.families import store
from hub.intake.families.casting import Cast, FamilyOpening, called, cast_of, chosen
from hub.intake.families.events import EventService
from hub.intake.families.progress import Line
from hub.intake.families.store import Family, opening_place
from hub.intake.forms.store import answered_requests
from hub.intake.outcomes import Outcome
from hub.registry.matters.guard import MatterBook
from hub.storage.vault import DataKey, Vault
from signing.canonical import strict_loads

_DONE: Final = "done"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Member:
    """A case of a family."""

    case: cases.Case
    matter: Matter
    cast: Cast
    called: Callable[[str], str]
    """By a party's key in the case, how the family calls it."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A family as it is at one moment.

    Attributes:
        chosen: by matter, whether it is opened; None where that depends on an answer.
        order: the matters in the order in which they can be decided.
        feeds: what one case gives to a requirement of another.
        first: by matter, those whose decision comes first.
    """

    family: Family
    event: LifeEvent
    opening: FamilyOpening
    members: tuple[Member, ...]
    chosen: Mapping[str, bool | None]
    order: tuple[tuple[str, ...], ...]
    feeds: tuple[Feed, ...]
    first: Mapping[str, tuple[str, ...]]

    @property
    def coming(self) -> frozenset[str]:
        """Matters whose result may still come: their cases are open, and not refused."""
        return frozenset(
            item.matter.code
            for item in self.members
            if item.case.state != cases.CLOSED and item.case.decision in {None, "granted"}
        )

    def member(self, matter: str) -> Member | None:
        """The case of a matter."""
        return next((item for item in self.members if item.matter.code == matter), None)


class FamilyReader:
    """Reads families."""

    def __init__(self, *, vault: Vault, events: EventService) -> None:
        self._vault = vault
        self._events = events
        self._book = MatterBook(vault)

    def key(self, family: Family) -> DataKey:
        """The key of everything that is stored of a family and of no one case."""
        return self._vault.data_key(family.data_key, family.kek_kid)

    def opening(self, family: Family) -> FamilyOpening:
        """As it was given, with the answers of today."""
        plain = self.key(family).decrypt(opening_place(family.id), family.opening)
        return FamilyOpening.of_json(strict_loads(plain, max_bytes=len(plain)))

    def whole(self, tx: Connection, family: Family) -> Whole:
        """Raises: IntegrityBrokenError: its event or a matter is not the hub's."""
        event, opening = self._events.version(tx, family.event_id), self.opening(family)
        items = {item.code: item for item in event.matters}
        members = []
        for case in store.members_of(tx, family.id):
            matter = self._book.matter(tx, case.matter_id)
            item = items[matter.code]
            cast = cast_of(item, event, matter, opening.parties)
            members.append(Member(case, matter, cast, partial(called, item, event, cast)))
        matters = {item.matter.code: item.matter for item in members}
        try:
            order = waves(event, matters)
        except DefinitionError as error:
            # A matter's later version closed a ring: nobody waits then, or all would wait for each other.
            _log.error("life_event_does_not_fit", alarm=True, life_event=event.code, reason=str(error))
            order, matters = (tuple(matters),), {}
        day = opening.filed_on or family.opened_at.astimezone(BEIJING).date()
        return Whole(
            family=family,
            event=event,
            opening=opening,
            members=tuple(members),
            chosen=chosen(event, opening, day),
            order=order,
            feeds=feeds(event, matters),
            first=waits_for(event, matters),
        )

    def lines(self, tx: Connection, whole: Whole) -> tuple[Line, ...]:
        """The newest answer to each requirement of each case. What it discloses is not looked at."""
        found: list[Line] = []
        ids = [member.case.id for member in whole.members]
        answered = answered_requests(tx, ids, whole.family.system_id)
        for member in whole.members:
            newest: dict[tuple[str, str], Line] = {}
            for request in answered.get(member.case.id, ()):
                if request.state != _DONE or request.answer is None:
                    continue
                key = self._vault.data_key(member.case.data_key, member.case.kek_kid)
                body = json.loads(key.decrypt(answer_place(request.id), request.answer))
                for line in _lines(member, body["requirements"], request.id):
                    newest[line.requirement.code, line.role] = line
            found += newest.values()
        return tuple(found)


def _lines(member: Member, items: Sequence[Mapping[str, Any]], answer_id: str) -> list[Line]:
    found = []
    for item in items:
        requirement = member.matter.requirement(item["code"])
        if requirement is None:
            continue
        role = item["party"]
        found.append(
            Line(
                matter=member.matter.code,
                case_no=member.case.case_no,
                requirement=requirement,
                role=role,
                party=member.called(role),
                outcome=Outcome(item["outcome"]),
                why=item["why"],
                next_step=item["next_step"],
                answer_id=answer_id,
            )
        )
    return found
