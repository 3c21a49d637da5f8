"""The decisions of one case gone through again: each by its ground, and by catalogue and library as they then stood."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import partial

from sqlalchemy import Connection

from catalog.grants import CaseKind
from catalog.matters.roles import PLAIN, role_of
from catalog.matters.values import Matter, Requirement
from hub.intake import store
from hub.intake.holding import officer_of
from hub.intake.identity import identity_types
from hub.intake.outcomes import Failed, Outcome
from hub.intake.replaying.answers import Stored
from hub.intake.replaying.judging import Locked, Then, judge
from hub.intake.replaying.keeping import party_digest, was
from hub.intake.replaying.kept import Ground, GroundChangedError, Grounds, told_claims
from hub.intake.replaying.standing_in import as_counted
from hub.intake.replaying.then import answering_then, grants_then, holdings_then, types_then
from hub.intake.replaying.verdicts import Because, Found, Judged
from hub.intake.resolver import Question
from hub.intake.resolving.given import joined
from hub.intake.rulings import Ruling
from hub.issuing.types.halts import stopped_then
from hub.issuing.types.registry import TypeRegistry
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault


class _GoneError(Exception):
    """It cannot be judged again."""

    def __init__(self, because: Because) -> None:
        super().__init__(because.value)
        self.because = because


class Course:
    """Judges the decisions of a case, each by its own ground. In one transaction, which it does not outlive."""

    def __init__(
        self,
        tx: Connection,
        vault: Vault,
        case: store.Case,
        matter: Matter | None,
        rulings: Sequence[Ruling],
        *,
        types: TypeRegistry,
        now: datetime,
    ) -> None:
        self._tx = tx
        self._vault = vault
        self._case = case
        self._matter = matter
        self._mute = any(ruling.detail is None for ruling in rulings)
        self._together: dict[str, list[Ruling]] = {}
        """By request: a case may have thousands of them."""
        for ruling in rulings:
            self._together.setdefault(ruling.said("request_id"), []).append(ruling)
        self._types = types
        self._now = now
        self._stored = Stored(tx, vault, case)
        self._grounds = Grounds(tx, vault, case)
        self._parties = store.parties_of(tx, case.id)

    def judged(self, ruling: Ruling) -> Found:
        """How a decision stands."""
        if ruling.broken:
            return Found(Judged.DIFFERENT, Because.ENTRY_CHANGED)
        if ruling.detail is None:
            return Found(Judged.NOT_REPLAYABLE, Because.ERASED)
        holds = self._stored.holds(ruling)
        if holds is False:
            return Found(Judged.DIFFERENT, Because.ANSWER_CHANGED)
        matter = self._matter
        if matter is None:
            return Found(Judged.DIFFERENT, Because.MATTER_CHANGED)
        code, party = ruling.about
        requirement = matter.requirement(code)
        if requirement is None:
            return Found(Judged.DIFFERENT, Because.UNLISTED)
        try:
            found = self._by_ground(ruling, matter, replace(requirement, party=party))
        except _GoneError as error:
            return Found(Judged.NOT_REPLAYABLE, error.because)
        except GroundChangedError:
            return Found(Judged.DIFFERENT, Because.GROUND_CHANGED)
        except IntegrityBrokenError:
            return Found(Judged.DIFFERENT, Because.CATALOGUE_CHANGED)
        if holds is None and found.judged is Judged.SAME:
            return replace(found, judged=Judged.NOT_REPLAYABLE, because=Because.ANSWER_GONE)
        return found

    def _by_ground(self, ruling: Ruling, matter: Matter, requirement: Requirement) -> Found:
        """Raises: _GoneError, GroundChangedError, IntegrityBrokenError."""
        if not ruling.said("ground"):
            raise _GoneError(Because.NO_GROUND)
        ground = self._ground(ruling)
        if ground is None:
            raise _GoneError(Because.GROUND_GONE)
        if ground.common.get("matter") != self._case.matter_id:
            return Found(Judged.DIFFERENT, Because.MATTER_CHANGED)
        party = self._party(ground, requirement.party)
        differs = self._differs(ruling, matter, requirement.party)
        found = None
        for at in dict.fromkeys((ground.at, ruling.at)):  # what was committed in between was seen, or not yet
            question = self._question(ruling, matter, requirement, ground, party, at)
            then = Then(ruling, ground, matter, requirement, question, differs)
            again = judge(then, partial(self._locked, question, ruling.at))
            if found is None or again.judged is Judged.SAME:
                found = again
            if found.judged is not Judged.DIFFERENT:
                break
        assert found is not None  # noqa: S101  # there is a moment at least
        stood_in = ground.plain.get("stood_in")
        if found.judged is Judged.SAME and stood_in:
            return as_counted(self._tx, self._vault, stood_in, ruling.at, found)
        return found

    def _question(
        self,
        ruling: Ruling,
        matter: Matter,
        requirement: Requirement,
        ground: Ground,
        party: store.Party | None,
        at: datetime,
    ) -> Question:
        common, plain = ground.common, ground.plain
        values = {name: was(value) for name, value in (common.get("values", {}) | plain.get("values", {})).items()}
        names = plain.get("claims", [])
        beside = self._beside(ruling, {name.split(".")[1] for name in names}) if names else {}
        claims = told_claims(names, beside)
        if claims is None:
            raise _GoneError(Because.OTHER_ERASED)
        case = replace(
            self._case,
            subjects=common.get("subjects", []),
            corroboration=[{"kind": kind} for kind in common.get("kinds", [])],
        )
        codes = {*requirement.type_codes(), *identity_types(self._types.current())}
        standing: dict[str, tuple[tuple[Outcome, Failed | None], ...]] = {
            code: tuple((Outcome(outcome), None) for outcome in ended)
            for code, ended in plain.get("standing", {}).items()
        }
        return Question(
            case=case,
            parties={requirement.party: party} if party is not None else {},
            purpose=ruling.said("purpose"),
            grants=grants_then(self._tx, self._vault, case.system_id, CaseKind(case.kind), at),
            types=types_then(self._tx, self._vault, codes, at),
            held=holdings_then(self._tx, self._vault, party.lookup_hash if party else None, at, now=self._now),
            exhausted=frozenset(plain.get("exhausted", ())),
            now=at,
            officer=officer_of(self._vault, self._case),
            values=values | claims,
            filed_on=date.fromisoformat(common["filed_on"]) if "filed_on" in common else None,
            rules=matter.rules,
            answering=answering_then(self._tx, self._vault, common.get("interfaces", {})),
            after=matter.after,
            chosen={(*ruling.about, of): choice for of, choice in plain.get("chosen", {}).items()},
            standing=standing,
            decisions=(
                {(party.lookup_hash, of): said for of, said in plain.get("decisions", {}).items()} if party else {}
            ),
            looked=ground.looked,
        )

    def _ground(self, ruling: Ruling) -> Ground | None:
        return self._grounds.of(ruling, ruling.said("request_id"), "/".join(ruling.about))

    def _party(self, ground: Ground, key: str) -> store.Party | None:
        """Whom it was about, as he was then."""
        digest = ground.plain.get("party", "")
        if not digest:
            return None
        known = self._parties.get(key)
        if known is not None and party_digest(known) == digest:
            return known
        if ground.told is None:
            raise _GoneError(Because.ERASED)
        named = ground.named()
        if named is None or party_digest(named) != digest:
            raise _GoneError(Because.PARTY_CHANGED)
        return replace(named, role=key)

    def _beside(self, ruling: Ruling, codes: "set[str] | frozenset[str]") -> dict[str, list[Ground]]:
        """The grounds of other decisions of the same request. Raises: _GoneError: one is not kept, or mute."""
        found: dict[str, list[Ground]] = {}
        for other in self._together[ruling.said("request_id")]:
            if other.about[0] not in codes:
                continue
            ground = self._ground(other)
            if ground is None:
                raise _GoneError(Because.GROUND_GONE)
            found.setdefault(other.about[0], []).append(ground)
        if self._mute and not codes <= found.keys():
            raise _GoneError(Because.OTHER_ERASED)
        return found

    def _differs(self, ruling: Ruling, matter: Matter, key: str) -> bool:
        """Whether answers named different people in a role of one, as the grounds of those answers say."""
        role = role_of(key)
        if matter.rules.get(role, PLAIN).many or ruling.about[0] not in matter.after:
            return False
        givers = {item.code for item in matter.requirements if role in {of.role for of in item.gives}}
        if not givers:
            return False
        named = [
            party for grounds in self._beside(ruling, givers).values() for ground in grounds
            for party in ground.names(role)
        ]  # fmt: skip
        parties = {name: party for name, party in self._parties.items() if party.origin is None}
        for one in sorted(named, key=lambda party: party.lookup_hash or b""):
            more = joined(matter, parties, one)
            if more is None:
                return True
            parties = more
        return False

    def _locked(self, question: Question, at: datetime) -> Locked:
        kind = CaseKind(self._case.kind)
        (party,) = question.parties.values() or (None,)
        held = holdings_then(self._tx, self._vault, party.lookup_hash if party else None, at, now=self._now)
        return Locked(
            grants={grant.id: grant for grant in grants_then(self._tx, self._vault, self._case.system_id, kind, at)},
            licences={item.record.identifier: item.record.status for item in held},
            stopped=stopped_then(self._tx, self._vault, at),
            at=at,
        )
