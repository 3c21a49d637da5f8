"""How the parties of a pack are named at a counter. Numbers and names are the cast's."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from catalog.matters.roles import role_of
from hub.clock import rfc3339
from hub.intake.parties import PartyInput
from hub.scenarios.values import Pack, Playing

OPERATOR: Final = {"id": "W-0817", "name": "示例窗口人员"}


def named(pack: Pack, parties: Mapping[str, Playing]) -> list[PartyInput]:
    """As an intake system names them."""
    found = []
    for key, said in parties.items():
        holder = pack.holders[said.holder]
        name = said.presents or holder.name
        found.append(PartyInput(role_of(key), name, holder.id_type, holder.id_number, said.acts_for, said.mandate))
    return found


def corroborated(kinds: Sequence[str], now: datetime) -> list[dict[str, str]]:
    """What shows that the person is there."""
    return [{"kind": kind, "at": rfc3339(now), "reference": "SCENARIO-READER-01"} for kind in kinds]
