"""The one notice of all that is missing 一次性告知: what it may and must name. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from catalog.matters.roles import role_of
from catalog.matters.values import Matter
from hub.intake.handling.errors import AskError
from hub.intake.resolver import ASKED, Outcome


@dataclass(frozen=True, slots=True)
class Asking:
    """The one notice of all that is missing: codes of requirements, each with its party where several have the role."""

    missing: Sequence[tuple[str, str | None]]
    note: str | None = None


def checked_asking(
    asking: Asking, matter: Matter, known: Mapping[tuple[str, str], Outcome], awaited: Collection[str]
) -> list[tuple[str, str]]:
    """What is asked for, by requirement and party: all that the hub's last answers leave to the person, no more.

    Args:
        known: the newest outcome by requirement and party.
        awaited: requirements that another case of the family will meet: they are asked of nobody.
    Raises: AskError, with everything that is wrong.
    """
    faults: list[tuple[str, str]] = []
    named: list[tuple[str, str]] = []
    for place, (code, party) in enumerate(asking.missing):
        requirement = matter.requirement(code)
        where = f"/missing/{place}"
        if requirement is None or (party is not None and role_of(party) != requirement.party):
            faults.append((where, "not_listed"))
            continue
        outcomes = {key: value for key, value in known.items() if key[0] == code and party in {None, key[1]}}
        if not outcomes:
            faults.append((where, "not_looked_for"))
        elif code in awaited:
            faults.append((where, "awaited"))
        elif asked := [key for key, value in outcomes.items() if value in ASKED]:
            named += asked
        else:
            faults.append((where, _why_not(next(iter(outcomes.values())))))
    left = [key for key, value in known.items() if value in ASKED and key not in named and key[0] not in awaited]
    faults += [("/missing", f"left_out:{code}") for code in dict.fromkeys(code for code, _ in left)]
    if faults or not named:
        raise AskError(faults or [("/missing", "nothing")])
    return list(dict.fromkeys(named))


def _why_not(outcome: Outcome) -> str:
    if outcome in {Outcome.SOURCE_UNAVAILABLE, Outcome.PENDING}:
        return "owed"
    return "cleared"
