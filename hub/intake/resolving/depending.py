"""What the answers to other requirements mean for one that waited for them. Pure.

Unknown never clears: what another answer should have told and did not, rules nothing out. While that answer is owed or
awaited, so is this one; where the person is still asked something there, this one waits; and where nobody will ever
tell, the requirement applies.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from catalog.matters.feeding import CLAIMS, OUTCOMES
from hub.intake.outcomes import CLEARED, OWED, Failed, Objection, Outcome, Why

Standing = Mapping[str, Sequence[tuple[Outcome, Failed | None]]]
"""How requirements ended, each as often as it was asked, by code."""
_OPEN: Final = frozenset({Outcome.AMBIGUOUS, Outcome.HOLDER_DECISION_NEEDED})


def named_in(missing: Collection[str], after: Collection[str]) -> frozenset[str]:
    """The requirements whose answers these missing names would come from; for a party's, all that are waited for."""
    found = {name.removeprefix(CLAIMS).partition(".")[0] for name in missing if name.startswith(CLAIMS)}
    found |= {name.removeprefix(OUTCOMES) for name in missing if name.startswith(OUTCOMES)}
    if any(not name.startswith((CLAIMS, OUTCOMES)) for name in missing):
        found |= set(after)
    return frozenset(found)


def waits_for(codes: Collection[str], standing: Standing) -> Objection | None:
    """Why a requirement that lacks what these should have told has no answer yet; None: it will not get one by waiting.

    Of several reasons the one that asks least of the person.
    """
    ended = [(code, outcome, failed) for code in sorted(codes) for outcome, failed in standing.get(code, ())]
    for group, said in ((OWED, Outcome.SOURCE_UNAVAILABLE), ({Outcome.PENDING}, Outcome.PENDING)):
        found = [(code, failed) for code, outcome, failed in ended if outcome in group]
        if found:
            return said, _why(code for code, _ in found), found[0][1] if said in OWED else None
    if open_ones := [code for code, outcome, _ in ended if outcome in _OPEN]:
        return Outcome.AMBIGUOUS, _why(open_ones), None
    return None


def cleared(code: str, standing: Standing) -> bool:
    """Whether every answer to it proves, or rules out, what was wanted."""
    ended = standing.get(code, ())
    return bool(ended) and all(outcome in CLEARED for outcome, _ in ended)


def _why(codes: Iterable[str]) -> Why:
    return Why("waits_for", {"requirements": list(dict.fromkeys(codes))})
