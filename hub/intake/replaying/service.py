"""Replaying a case: for auditors, who see outcomes and rules, never a value. Each replay is an entry of the ledger."""

from collections import Counter
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog.grants import CaseKind
from catalog.matter_store import stored_matter
from catalog.matters.roles import role_of
from catalog.matters.saying import role_words
from catalog.matters.values import Matter
from hub.access.actors import Actor, Role
from hub.clock import Clock, rfc3339
from hub.exchange.bulk.matter_replay import Holders
from hub.intake import store
from hub.intake.errors import CaseNotFoundError
from hub.intake.facts import filed_on
from hub.intake.replaying.course import Course
from hub.intake.replaying.verdicts import WORDS, Found, Judged
from hub.intake.rulings import Ruling, holders_of, rulings_of
from hub.intake.wording import why
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft, append, seal
from hub.registry.matters.guard import MatterBook
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault

_AT_ONCE: Final = 200
_MOST_TOLD: Final = 200
"""Holders that are named by number; the rest are counted."""


class Replaying:
    """Judges decisions again."""

    def __init__(self, database: Database, *, vault: Vault, types: TypeRegistry, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._matters = MatterBook(vault)
        self._types = types
        self._clock = clock

    async def replay(self, actor: Actor, case_no: str, language: str) -> dict[str, Any]:
        """Every decision of a case, whether the rules and data of its day give it again, and by which rule.

        Raises: ForbiddenError, CaseNotFoundError.
        """
        actor.require(Role.AUDITOR)
        now = self._clock()
        case = await self._database.write(lambda tx: self._record(tx, actor, case_no, now))
        found = await self._database.read(lambda tx: self._replay(tx, case, language, now))
        if case.kind != CaseKind.EX_OFFICIO.value:
            return found
        holders = await self._holders(case, language, now)
        counts = {name: count + holders["counts"][name] for name, count in found["counts"].items()}
        return found | ({"counts": counts, "campaign": holders} if holders["holders"] else {})

    async def _holders(self, case: store.Case, language: str, now: datetime) -> dict[str, Any]:
        """The holders of the case's campaigns: how many stand how, and those that do not stand as they were told. Some
        hundred in a transaction: there may be ten thousand.
        """
        counts: Counter[str] = Counter()
        told: list[dict[str, Any]] = []
        after: str | None = ""
        while after is not None:
            last = after
            after, found = await self._database.read(lambda tx, last=last: self._some(tx, case, last, now))  # type: ignore[misc]
            counts.update(item.judged.value for _, item in found)
            odd = [(ruling, item) for ruling, item in found if item.judged is not Judged.SAME]
            told += [_holder(ruling, item, language) for ruling, item in odd[: _MOST_TOLD - len(told)]]
        named = {each.value: counts[each.value] for each in Judged}
        return {"holders": counts.total(), "counts": named, "decisions": told}

    def _some(
        self, tx: Connection, case: store.Case, after: str, now: datetime
    ) -> tuple[str | None, list[tuple[Ruling, Found]]]:
        rulings = holders_of(tx, self._vault, case, most=_AT_ONCE, after=after)
        holders = Holders(tx, self._vault, case, self._matter(tx, case), types=self._types, now=now)
        mine = [ruling for ruling in rulings if ruling.detail and {"run", "outcomes"} <= ruling.detail.keys()]
        following = rulings[-1].entry_id if len(rulings) == _AT_ONCE else None
        return following, [(ruling, holders.judged(ruling)) for ruling in mine]

    def _matter(self, tx: Connection, case: store.Case) -> Matter | None:
        try:
            return self._matters.matter(tx, case.matter_id)
        except IntegrityBrokenError:
            return None

    def _record(self, tx: Connection, actor: Actor, case_no: str, now: datetime) -> store.Case:
        """The entry of the look, before anything is looked at."""
        case = store.find_case(tx, case_no)
        if case is None:
            raise CaseNotFoundError
        key = self._vault.data_key(case.data_key, case.kek_kid)
        detail = {"case_no": case_no, "actor": actor.as_json()}
        append(tx, [seal(Draft(kind="case.replayed", detail=detail, key=key, case_id=case.id), now=now)])
        return case

    def _replay(self, tx: Connection, case: store.Case, language: str, now: datetime) -> dict[str, Any]:
        version = stored_matter(tx, case.matter_id)
        matter = self._matter(tx, case)
        rulings = rulings_of(tx, self._vault, case)
        course = Course(tx, self._vault, case, matter, rulings, types=self._types, now=now)
        found = [_line(ruling, course.judged(ruling), matter, language) for ruling in rulings]
        counts = Counter(item["judged"] for item in found)
        return {
            "case_no": case.case_no,
            "matter": case.matter_code,
            "version": version.version if version else None,
            "digest": version.digest() if version and matter is not None else None,
            "filed_on": filed_on(case).isoformat(),
            "counts": {each.value: counts[each.value] for each in Judged},
            "decisions": found,
        }


def _holder(ruling: Ruling, found: Found, language: str) -> dict[str, Any]:
    """A holder by his number in the run: never by who he is."""
    return {
        "entry": ruling.entry_id,
        "at": rfc3339(ruling.at),
        "run": ruling.said("run"),
        "number": (ruling.detail or {}).get("number"),
        "requirement": found.now.requirement.code if found.now else None,
        "outcome": ruling.said("outcome"),
        "judged": found.judged.value,
        "because": _because(found, language),
        "now": _now(found, language),
    }


def _because(found: Found, language: str) -> dict[str, str] | None:
    if not found.because:
        return None
    return {"code": found.because.value, "text": WORDS[found.because][1 if language == "en" else 0]}


def _now(found: Found, language: str) -> dict[str, Any] | None:
    if found.now is None or found.judged is not Judged.DIFFERENT:
        return None
    return {"outcome": found.now.outcome.value, "why": why(found.now.why.code, found.now.why.params, language)}


def _line(ruling: Ruling, found: Found, matter: Matter | None, language: str) -> dict[str, Any]:
    code, party = ruling.about
    requirement = matter.requirement(code) if matter else None
    return {
        "entry": ruling.entry_id,
        "at": rfc3339(ruling.at),
        "request_id": ruling.said("request_id") or None,
        "requirement": code or None,
        "title": requirement.title(language) if requirement else None,
        "party": party or None,
        "party_title": role_words(role_of(party), language) if party else None,
        "outcome": ruling.said("outcome") or None,
        "why": why(ruling.said("why"), {}, language) if ruling.said("why") else None,
        "judged": found.judged.value,
        "because": _because(found, language),
        "rule": {
            "condition": requirement.when.source if requirement.when else None,
            "legal_basis": requirement.legal_basis,
        }
        if requirement
        else None,
        "now": _now(found, language),
    }
