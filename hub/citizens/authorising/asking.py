"""A holder is asked for his yes for one case: in the transaction of the answer that lacks it, once for case and grant.

The question names what a pull would take if he said yes; it ends with its case, or with its time.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hub.access.service import Caller
from hub.citizens.authorising.questions import Questions, Wanted
from hub.clock import rfc3339
from hub.intake.calls import Claimed, EvidenceCall
from hub.intake.compose import Item
from hub.intake.resolver import undecided


class HolderAsking:
    """Asks holders for a pull."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    def ask(
        self, tx: Connection, caller: Caller, call: EvidenceCall, claimed: Claimed, item: Item, now: datetime
    ) -> dict[str, Any]:
        """The member of an item that says that its party is asked, and until when; empty where he is not.

        Nobody is asked in the sandbox, nor by what the hub looks up for itself.
        """
        resolution = item.resolution
        if resolution.why.code != "holder_decision_needed" or caller.sandbox or call.follows or call.pays:
            return {}
        requirement = resolution.requirement
        question = item.seen.question if item.seen is not None else claimed.question
        party = claimed.parties.get(requirement.party)
        subject = claimed.subjects.get(party.lookup_hash) if party is not None and party.lookup_hash else None
        grants = undecided(requirement, question)
        if party is None or subject is None or not grants:
            return {}
        asked = [
            Wanted(
                case=claimed.case,
                subject=subject,
                grant=grant,
                code=requirement.code,
                party=requirement.party,
                purpose=call.purpose,
                language=call.language,
                kid=caller.kid,
                request_hash=call.request_hash,
            )
            for grant in grants
        ]
        due = [by for by in (self._questions.put(tx, wanted, now) for wanted in asked) if by is not None]
        return {"holder_asked": {"answer_by": rfc3339(min(due))}} if due else {}
