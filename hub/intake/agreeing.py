"""What rests on a party's agreement, at the moment of disclosure: his word is read again, and held."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import Connection

from catalog.grants import Grant
from hub.citizens.authorising.decisions import decisions_of
from hub.intake.calls import Claimed
from hub.intake.compose import Item
from hub.intake.outcomes import GIVEN, SILENT, Outcome, Why
from hub.intake.resolver import Resolution
from hub.storage.vault import Vault


def still_agreed(
    tx: Connection, vault: Vault, claimed: Claimed, items: Sequence[Item], now: datetime
) -> Callable[[Item], Item]:
    """Withholds what its party has taken back since unit 1, or what his yes has ended for. Nobody takes his word back
    until this transaction ends.

    Raises: IntegrityBrokenError.
    """
    parties, grants = claimed.parties, {grant.id for item in items for grant in _resting(item)}
    if not grants:
        return lambda item: item
    about = {parties[item.resolution.requirement.party] for item in items if _resting(item)}
    numbers = {party.lookup_hash for party in about if party.lookup_hash}
    decisions = decisions_of(tx, vault, sorted(numbers), sorted(grants), now=now, case_id=claimed.case.id, lock=True)

    def agreed(item: Item) -> Item:
        resting = _resting(item)
        if not resting:
            return item
        number = parties[item.resolution.requirement.party].lookup_hash
        objection = withdrawn([decisions.get((number, grant.id)) for grant in resting])
        return item if objection is None else Item(Resolution(item.resolution.requirement, *objection), ())

    return agreed


def withdrawn(said: Sequence[str | None]) -> tuple[Outcome, Why] | None:
    """What stands now against a use to which somebody had agreed when it was planned."""
    if any(word not in {None, GIVEN, SILENT} for word in said):
        return Outcome.REFUSED, Why("holder_refused")
    return None if set(said) <= {GIVEN} else (Outcome.HOLDER_DECISION_NEEDED, Why("holder_word_over"))


def _resting(item: Item) -> list[Grant]:
    """The grants under which records were used or sources asked, as far as they rest on agreement."""
    found = item.resolution
    used = [source.grant for source in found.sources] + [shared.ask.grant for shared in found.shared]
    return [grant for grant in (*used, *(ask.grant for ask in found.asked)) if grant.terms.consent]
