"""A query that lacks its party's word asks for it, in the transaction of its answer: once for case and grant, and once
a day for a grant in all cases.

The hub does not go on by itself: after a yes the system hears so and puts its query again, since what a query asks for
is not kept. Only a party whom a record confirms is asked, so that a name that does not match makes nobody be asked.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from hub.access.service import Caller
from hub.citizens.authorising.questions import Questions, Wanted
from hub.clock import rfc3339
from hub.exchange.claiming import ClaimedQuery
from hub.exchange.compose import Found
from hub.exchange.question import QueryCall


class QueryAsking:
    """Asks holders for queries."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions

    def ask(
        self, tx: Connection, caller: Caller, call: QueryCall, claimed: ClaimedQuery, found: Found, now: datetime
    ) -> dict[str, Any]:
        """The member of an answer that says that its party is asked, and until when; empty where he is not."""
        subject = claimed.subject
        if found.why.code != "holder_decision_needed" or subject is None or claimed.party is None:
            return {}
        wanted = Wanted(
            case=claimed.case,
            subject=subject,
            grant=claimed.grant,
            code="",
            party=claimed.party.role,
            purpose=claimed.grant.purpose,
            language=call.language,
            kid=caller.kid,
            request_hash=call.request_hash,
        )
        due_at = self._questions.put(tx, wanted, now)
        return {"holder_asked": {"answer_by": rfc3339(due_at)}} if due_at is not None else {}
