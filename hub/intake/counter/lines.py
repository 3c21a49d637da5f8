"""The lines of a case: what the plan lists, with the newest outcome that was decided for each."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection, and_, select

from catalog.matters.saying import role_words
from catalog.tables import table
from hub.intake.answers import answer_place, case_key
from hub.intake.compose import read_stored
from hub.intake.counter.values import Line, Owed, Person
from hub.intake.resolver import Outcome
from hub.intake.store import Case, Party, identity_place
from hub.intake.tables import EvidenceRequestRow
from hub.intake.wording import next_step, why
from hub.issuing.shelf import masked_number
from hub.storage.vault import Vault
from signing.canonical import strict_loads

_REQUESTS: Final = table(EvidenceRequestRow)
_DOUBLE_SURNAMES: Final = frozenset("欧阳 上官 司马 诸葛 东方 皇甫 尉迟 公孙 慕容 令狐 司徒 夏侯 端木 百里".split())  # noqa: SIM905
_BODIES: Final = frozenset({"001", "099"})
Answered = tuple[str, str, bytes | None]
"""A request for evidence: its id, its state, its sealed answer."""
Key = tuple[str, str]
"""Of a line: the requirement's code and the party's key."""
NOTHING: Final[Mapping[Key, str]] = MappingProxyType({})


def answers_of(tx: Connection, case: Case) -> list[Answered]:
    """Id, state and sealed answer of each request for evidence of a case, oldest first; of one that is on its way, what
    was decided of it.
    """
    where = and_(_REQUESTS.c.case_id == case.id, _REQUESTS.c.kind == "evidence", _REQUESTS.c.answer.is_not(None))
    query = select(_REQUESTS.c.id, _REQUESTS.c.state, _REQUESTS.c.answer).where(where)
    return [
        (row.id, row.state, row.answer) for row in tx.execute(query.order_by(_REQUESTS.c.decided_at, _REQUESTS.c.id))
    ]


def being_asked(tx: Connection, case: Case, now: datetime) -> bool:
    """Whether a worker holds a request of this case at this moment."""
    where = and_(_REQUESTS.c.case_id == case.id, _REQUESTS.c.state == "claimed", _REQUESTS.c.lease_until >= now)
    return tx.execute(select(_REQUESTS.c.id).where(where).limit(1)).first() is not None


def decided(vault: Vault, case: Case, found: Sequence[Answered]) -> dict[Key, Mapping[str, Any]]:
    """By line, the newest item that was decided, without its evidence. Raises: IntegrityBrokenError."""
    items: dict[Key, Mapping[str, Any]] = {}
    key = case_key(vault, case)
    for request_id, state, sealed in found:
        if sealed is None:
            continue
        answer = read_stored(key.decrypt(answer_place(request_id), sealed))
        owed = {(item["code"], item["party"]): item for item in answer.get("owed", ())}
        for item in answer["requirements" if state == "done" else "items"]:
            line = item["code"], item["party"]
            kept = {name: item.get(name) for name in ("outcome", "rung", "why", "question")}
            items[line] = kept | {"owed": item.get("owed") or owed.get(line)}
    return items


def lines_of(
    planned: Sequence[Mapping[str, Any]],
    items: Mapping[Key, Mapping[str, Any]],
    *,
    asking: Collection[str],
    departments: Mapping[str, str],
    language: str,
    insisted: Mapping[Key, str] = NOTHING,
) -> list[Line]:
    """One line per requirement and party, in the matter's order; `asking`: codes that are on their way."""
    found = []
    for step in planned:
        item = items.get((step["code"], step["party"]))
        plain = Line(
            code=step["code"],
            party=step["party"],
            title=step["title"],
            whose=whose(step["party"], language),
            legal_basis=step["legal_basis"],
            asking=step["code"] in asking,
            insisted=insisted.get((step["code"], step["party"]), ""),
        )
        found.append(plain if item is None else _answered(plain, item, departments, language))
    return found


def _answered(line: Line, item: Mapping[str, Any], departments: Mapping[str, str], language: str) -> Line:
    reason, owed, asked = item["why"], item.get("owed"), item.get("question") or {}
    offered = asked.get("choices", ())
    due = Owed(departments.get(owed["department"] or "", owed["department"] or ""), owed["due_at"]) if owed else None
    return Line(
        code=line.code,
        party=line.party,
        title=line.title,
        whose=line.whose,
        legal_basis=line.legal_basis,
        outcome=Outcome(item["outcome"]),
        rung=str(item.get("rung") or ""),
        why=str(why(reason["code"], reason["params"], language)["text"]),
        next_step=next_step(reason["code"], language) or "",
        asking=line.asking,
        owed=due,
        insisted=line.insisted,
        choices=tuple((one["choice"], _called(one, place, language)) for place, one in enumerate(offered, 1)),
        resume_token=asked.get("resume_token", ""),
    )


def with_choices(found: Sequence[Line], remembered: Mapping[Key, str]) -> list[Line]:
    """The lines with what was chosen before: by the token that takes it back."""
    return [
        replace(line, chosen=True, resume_token=remembered[line.code, line.party])
        if (line.code, line.party) in remembered and line.outcome is not None and not line.choices
        else line
        for line in found
    ]


def _called(choice: Mapping[str, Any], place: int, language: str) -> str:
    """How a choice is called: a licence by number and day of issue, a record by what its owner lets be shown."""
    if "shown" not in choice:
        return " · ".join(str(choice[name]) for name in ("choice", "issued_on") if name in choice)
    shown = " · ".join(str(value) for value in choice["shown"].values())
    return shown or (f"Record {place}" if language == "en" else f"第 {place} 条")


def whose(party: str, language: str) -> str:
    """A party as people say it; the second seller is 出让方 2."""
    role, _, number = party.partition("#")
    return f"{role_words(role, language)} {number}".strip()


def people(vault: Vault, case: Case, parties: Sequence[Party], language: str) -> list[Person]:
    """The parties, masked. Raises: IntegrityBrokenError."""
    key = case_key(vault, case)
    return [_person(key.decrypt(identity_place(party.sealed.id), party.sealed.identity), party, language)
            for party in parties if party.sealed is not None]  # fmt: skip


def _person(plain: bytes, party: Party, language: str) -> Person:
    said = strict_loads(plain, max_bytes=len(plain))
    body = party.id_type in _BODIES
    number = masked_number(party.id_type or "", said["id_number"]) if said["id_number"] else ""
    return Person(whose(party.role, language), said["name"] if body else masked_name(said["name"]), number)


def masked_name(name: str) -> str:
    """A person's name as a page shows it: the surname, and a sign for each that follows."""
    kept = 2 if name[:2] in _DOUBLE_SURNAMES and len(name) > 2 else 1
    return name[:kept] + "*" * min(len(name) - kept, 4)
