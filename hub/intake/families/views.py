"""One view of a family: its cases, what each waits for, one list of what is missing, one notice of it."""

from collections.abc import Sequence
from typing import Any

from catalog.matters.saying import role_words
from hub.clock import BEIJING, rfc3339
from hub.intake import store as cases
from hub.intake.facts import fact_words
from hub.intake.families.casting import open_questions
from hub.intake.families.progress import CLEAR, OWE, PEND, WAIT, Line, Needed, givers, needed, state_of
from hub.intake.families.reading import Member, Whole


def shown(whole: Whole, lines: Sequence[Line], language: str) -> dict[str, Any]:
    """As the API answers. No value, and nobody's name or number."""
    family, event = whole.family, whole.event
    asked = needed(lines, whole.feeds, whole.coming)
    states = [(line, state_of(line, whole.feeds, whole.coming)) for line in lines]
    day = whole.opening.filed_on or family.opened_at.astimezone(BEIJING).date()
    return {
        "family_no": family.family_no,
        "external_no": family.external_no,
        "event": event.code,
        "title": event.title(language),
        "state": family.state,
        "opened_at": rfc3339(family.opened_at),
        "closed_at": rfc3339(family.closed_at) if family.closed_at else None,
        "cases": [_case(member, whole, states, language) for member in whole.members],
        "order": [list(wave) for wave in whole.order],
        "withdrawn": list(family.withdrawn),
        "undecided": [code for code, opened in whole.chosen.items() if opened is None and code not in family.withdrawn],
        "questions": [fact_words(event.facts[code], language) for code in open_questions(event, whole.opening, day)],
        "still_needed": [_needed(item, language) for item in asked],
        "waiting": [
            _line(line, language) | {"from": [feed.matter for feed in givers(line, whole.feeds, whole.coming)]}
            for line, state in states
            if state == WAIT
        ],
        "owed": [_line(line, language) for line, state in states if state in {OWE, PEND}],
        "papers": sum(item.papers for item in asked),
        "notice": notice(whole, asked, language),
        "form": f"/api/v1/families/{family.family_no}/form",
    }


def notice(whole: Whole, asked: Sequence[Needed], language: str) -> list[str]:
    """Everything that is missing, once 一次性告知, as lines to print."""
    english = language == "en"
    names = {member.matter.code: member.matter.name(language) for member in whole.members}
    title = whole.event.title(language)
    if not asked:
        return [f"{title}: nothing else is needed." if english else f"{title}：没有需要您再提供的材料。"]
    lines = [f"{title}: please bring, once for all:" if english else f"{title}：请一次性补齐以下材料："]
    for number, item in enumerate(asked, 1):
        first, role = item.lines[0].requirement, role_words(item.party.partition("#")[0], language)
        used = list(dict.fromkeys(names[line.matter] for line in item.lines))
        said = ", ".join(used) if english else "、".join(used)
        shown_by = f"{number}. {first.title(language)}"
        lines.append(f"{shown_by} ({role}); for: {said}" if english else f"{shown_by}（{role}），用于：{said}")
    return lines


def _case(member: Member, whole: Whole, states: Sequence[tuple[Line, str]], language: str) -> dict[str, Any]:
    case, matter = member.case, member.matter
    mine = [state for line, state in states if line.matter == matter.code]
    first = [code for code in whole.first.get(matter.code, ()) if code in whole.coming]
    return {
        "matter": matter.code,
        "name": matter.name(language),
        "department": matter.department_code,
        "case_no": case.case_no,
        "external_no": case.external_no,
        "state": "closed" if case.state == cases.CLOSED else "open",
        "stage": case.stage,
        "decision": case.decision,
        "waits_for": first if case.state != cases.CLOSED else [],
        "parties": dict(member.cast.names),
        "cleared": mine.count(CLEAR),
        "open": len(mine) - mine.count(CLEAR),
        "pulled": bool(mine),
    }


def _needed(item: Needed, language: str) -> dict[str, Any]:
    first = item.lines[0]
    return {
        "title": first.requirement.title(language),
        "party": item.party,
        "papers": item.papers,
        "for": [
            {
                "matter": line.matter,
                "case_no": line.case_no,
                "code": line.requirement.code,
                "outcome": line.outcome.value,
            }
            for line in item.lines
        ],
        "why": first.why,
        "next_step": first.next_step,
    }


def _line(line: Line, language: str) -> dict[str, Any]:
    return {
        "matter": line.matter,
        "case_no": line.case_no,
        "code": line.requirement.code,
        "title": line.requirement.title(language),
        "party": line.party,
        "outcome": line.outcome.value,
        "evidence": f"/api/v1/evidence-requests/{line.answer_id}",
    }
