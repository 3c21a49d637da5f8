"""Choices of a case 已作的选择: what somebody said which one is meant, kept with the case under its key.

So whoever asks again, also the hub itself for what is owed, need not be told twice. A choice says what was pointed at
and proves nothing: it is checked at every use, and whoever chooses anew, or takes it back, has the last word.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import Connection

from hub.intake import store
from hub.intake.outcomes import OWED, Outcome
from hub.intake.resolver import Question, Resolution
from hub.intake.store import Case
from hub.storage.vault import Vault
from signing.canonical import canonical, strict_loads

Place = tuple[str, str, str]
"""Requirement, party, and under what the choice is remembered: `Need.choice_of`, or with a # for a source's records."""
Choices = Mapping[Place, str]
Said = Mapping[Place, str | None]
"""What a caller says now; None takes a choice back."""
_MOST: Final = 200
_RECORDS: Final = "#"


def choices_place(case_id: str) -> str:
    """Where the choices of a case are stored, for their encryption."""
    return f"cases:{case_id}:choices"


def choices_of(vault: Vault, case: Case) -> dict[Place, str]:
    """What was chosen in a case. Raises: IntegrityBrokenError."""
    if case.choices is None:
        return {}
    plain = vault.data_key(case.data_key, case.kek_kid).decrypt(choices_place(case.id), case.choices)
    found: list[list[str]] = strict_loads(plain, max_bytes=len(plain))
    return {(code, party, of): choice for code, party, of, choice in found}


def with_said(known: Choices, said: Said) -> dict[Place, str]:
    """The choices as they stand with what is said now."""
    return {place: choice for place, choice in {**known, **said}.items() if choice is not None}


def remember(tx: Connection, vault: Vault, case: Case, said: Said) -> None:
    """Keep what is said, in the transaction that has locked the case against others."""
    current = store.case_by_id(tx, case.id)
    if current is None or not said:
        return
    known = choices_of(vault, current)
    kept = list(with_said(known, said).items())[-_MOST:]
    if dict(kept) != known:
        plain = canonical([[*place, choice] for place, choice in kept])
        key = vault.data_key(case.data_key, case.kek_kid)
        store.change_choices(tx, case.id, key.encrypt(choices_place(case.id), plain))


def taken(said: Said, question: Question, resolutions: Collection[Resolution]) -> Said:
    """Of what is said, what these answers went by, and what was taken back: what was never offered is not kept."""
    by_place = {(item.requirement.code, item.requirement.party): item for item in resolutions}
    return {
        place: choice
        for place, choice in said.items()
        if place[:2] in by_place and _counts(place, choice, question, by_place[place[:2]])
    }


def pointed_at(chosen: Choices, question: Question, resolution: Resolution) -> dict[str, str]:
    """By what it was chosen, what an answer went by: for the ledger."""
    about = resolution.requirement.code, resolution.requirement.party
    return {
        place[2]: choice
        for place, choice in chosen.items()
        if place[:2] == about and _counts(place, choice, question, resolution)
    }


def _counts(place: Place, choice: str | None, question: Question, resolution: Resolution) -> bool:
    if choice is None:
        return True
    if resolution.outcome is Outcome.AMBIGUOUS and resolution.choice_of == place[2]:
        return False
    if place[2].endswith(_RECORDS):
        return resolution.outcome is Outcome.SATISFIED or resolution.outcome in OWED
    held = (*question.held, *(source.held for source in resolution.sources))
    known: set[Any] = {item.record.identifier for item in held}
    return choice in known or choice in {subject.get("code") for subject in question.case.subjects}
