"""Holders of campaigns judged again: each by his own ground, as pulls are by theirs (`hub.intake.replaying`)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection

from catalog.grants import CaseKind, Grant
from catalog.matters.values import Matter, Need, Requirement
from hub.exchange.bulk.matter_judging import Said, indexed_in, judge_one, no_more_than_needed
from hub.intake import store
from hub.intake.holding import officer_of
from hub.intake.identity import identity_types
from hub.intake.outcomes import Fetched
from hub.intake.replaying.judging import WITHHELD, Locked, withheld_by
from hub.intake.replaying.keeping import was
from hub.intake.replaying.kept import Ground, GroundChangedError, Grounds
from hub.intake.replaying.then import answering_then, grants_then, holdings_then, types_then
from hub.intake.replaying.verdicts import Because, Found, Judged
from hub.intake.resolver import Question, Resolution, resolve
from hub.intake.resolving.asking import Answering
from hub.intake.rulings import Ruling
from hub.issuing.types.halts import stopped_then
from hub.issuing.types.registry import TypeInForce, TypeRegistry
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

T = TypeVar("T")


class Holders:
    """Judges a campaign's decisions again. In one transaction, which it does not outlive."""

    def __init__(
        self,
        tx: Connection,
        vault: Vault,
        case: store.Case,
        matter: Matter | None,
        *,
        types: TypeRegistry,
        now: datetime,
    ) -> None:
        self._tx = tx
        self._vault = vault
        self._case = case
        self._matter = matter
        self._types = types
        self._now = now
        self._grounds = Grounds(tx, vault, case)
        self._known: dict[tuple[str, object], Any] = {}
        """What is the same for all holders of one transaction: grants, types, interfaces."""

    def judged(self, ruling: Ruling) -> Found:
        """How the decision about a holder stands."""
        if ruling.broken:
            return Found(Judged.DIFFERENT, Because.ENTRY_CHANGED)
        if self._matter is None:
            return Found(Judged.DIFFERENT, Because.MATTER_CHANGED)
        if not ruling.said("ground"):
            return Found(Judged.NOT_REPLAYABLE, Because.NO_GROUND)
        try:
            ground = self._grounds.of(ruling, ruling.said("run"), ruling.said("number"))
            if ground is None:
                return Found(Judged.NOT_REPLAYABLE, Because.GROUND_GONE)
            return self._by_ground(ruling, ground, self._matter)
        except GroundChangedError:
            return Found(Judged.DIFFERENT, Because.GROUND_CHANGED)
        except IntegrityBrokenError:
            return Found(Judged.DIFFERENT, Because.CATALOGUE_CHANGED)

    def _by_ground(self, ruling: Ruling, ground: Ground, matter: Matter) -> Found:
        """Raises: IntegrityBrokenError."""
        if ground.common.get("matter") != self._case.matter_id:
            return Found(Judged.DIFFERENT, Because.MATTER_CHANGED)
        party = ground.named()
        if party is None:
            return Found(Judged.NOT_REPLAYABLE, Because.ERASED)
        wanted = [matter.requirement(code) for code in ground.common["requirements"]]
        requirements = [item for item in wanted if item is not None]
        if len(requirements) != len(wanted):
            return Found(Judged.DIFFERENT, Because.UNLISTED)
        question = self._question(ruling, ground, matter, party)
        found = []
        for requirement in requirements:
            as_seen = replace(question, looked=ground.looked_at(requirement.code))
            found.append(judge_one(requirement, as_seen, _said(ground, requirement, as_seen)))
        told = no_more_than_needed(found, requirements)
        if not all(isinstance(one, Resolution) for one in told):
            return Found(Judged.DIFFERENT, Because.RULE)
        return self._compared(ruling, ground, question, [one for one in told if isinstance(one, Resolution)])

    def _compared(self, ruling: Ruling, ground: Ground, question: Question, told: list[Resolution]) -> Found:
        detail, ended, first = ruling.detail or {}, ground.plain["ended"], ground.plain.get("first", {})
        momentary: Resolution | None = None
        for found in told:
            code = found.requirement.code
            if _said_as(found) != first.get(code, ended.get(code)):
                return Found(Judged.DIFFERENT, Because.RULE, found)
            if code not in first:
                continue
            withheld = withheld_by(found, self._locked(question, ruling.at))
            if _said_as(withheld) != ended[code]:
                if ended[code][1] not in WITHHELD or withheld is not found:
                    return Found(Judged.DIFFERENT, Because.RULE, withheld)
                momentary = found
        certificates = sorted({source.held.record.identifier for found in told for source in found.sources})
        outcomes = {code: outcome for code, (outcome, _) in ended.items()}
        if detail.get("outcomes") != outcomes or (not first and detail.get("certificates") != certificates):
            return Found(Judged.DIFFERENT, Because.RULE)
        if momentary is not None:
            return Found(Judged.NOT_REPLAYABLE, Because.MOMENTARY, momentary)
        return Found(Judged.SAME)

    def _question(self, ruling: Ruling, ground: Ground, matter: Matter, party: store.Party) -> Question:
        common, at = ground.common, ground.at
        values = common.get("values", {}) | ground.plain.get("values", {})
        kinds = [{"kind": kind} for kind in common.get("kinds", [])]
        return Question(
            case=replace(self._case, subjects=common.get("subjects", []), corroboration=kinds),
            parties={matter.roles[0]: replace(party, role="subject")},
            purpose=ruling.said("purpose"),
            grants=[grant for grant in self._grants(at) if grant.id in common["grants"]],
            types=self._types_then(matter, common["requirements"], at),
            held=holdings_then(self._tx, self._vault, party.lookup_hash, at, now=self._now),
            exhausted=frozenset(),
            now=at,
            officer=officer_of(self._vault, self._case),
            values={name: was(value) for name, value in values.items()},
            filed_on=date.fromisoformat(common["filed_on"]) if "filed_on" in common else None,
            rules=matter.rules,
            answering=self._answering(common.get("interfaces", {})),
            after=matter.after,
        )

    def _grants(self, at: datetime) -> list[Grant]:
        kind = CaseKind(self._case.kind)
        return self._once("grants", at, lambda: grants_then(self._tx, self._vault, self._case.system_id, kind, at))

    def _types_then(self, matter: Matter, wanted: list[str], at: datetime) -> Mapping[str, TypeInForce]:
        requirements = [item for code in wanted if (item := matter.requirement(code)) is not None]
        codes = {code for item in requirements for code in item.type_codes()}
        codes |= set(identity_types(self._types.current()))
        return self._once("types", at, lambda: types_then(self._tx, self._vault, codes, at))

    def _answering(self, versions: dict[str, int]) -> Answering:
        key = tuple(sorted(versions.items()))
        return self._once("interfaces", key, lambda: answering_then(self._tx, self._vault, versions))

    def _locked(self, question: Question, at: datetime) -> Locked:
        (party,) = question.parties.values()
        held = holdings_then(self._tx, self._vault, party.lookup_hash, at, now=self._now)
        return Locked(
            grants={grant.id: grant for grant in self._grants(at)},
            licences={item.record.identifier: item.record.status for item in held},
            stopped=stopped_then(self._tx, self._vault, at),
            at=at,
        )

    def _once(self, what: str, key: object, make: Callable[[], T]) -> T:
        if (what, key) not in self._known:
            self._known[what, key] = make()
        found: T = self._known[what, key]
        return found


def _said(ground: Ground, requirement: Requirement, question: Question) -> Said:
    """What sources answered, as it was kept."""
    answers: dict[Need, Fetched] = dict(ground.answers(requirement))
    said = Said(needs={requirement.code: answers})
    if answers:
        found = resolve(requirement, question, answers)
        for source in indexed_in(found) if isinstance(found, Resolution) else ():
            if source.need in answers:
                said.claims[requirement.code, source.held.record.id] = answers[source.need]
    return said


def _said_as(found: Resolution) -> list[str]:
    return [found.outcome.value, found.why.code]
