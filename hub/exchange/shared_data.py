"""Interfaces as providers of a pull 共享数据: the source is asked on the strength of the grant over its interface, for
the fields that a requirement wants and no others.
"""

from dataclasses import replace

import structlog

from catalog.matters.values import Requirement
from hub.exchange.compose import Found
from hub.exchange.errors import QuestionError
from hub.exchange.finding import Finder
from hub.exchange.judging import Readers, unavailable
from hub.exchange.on_behalf import query_for, question_of
from hub.exchange.pushed.marks import row_marks
from hub.intake.calls import Claimed, EvidenceCall
from hub.intake.outcomes import Outcome
from hub.intake.resolving.asking import Ask
from hub.storage.vault import Vault

_log = structlog.get_logger(__name__)


class SharedData:
    """Asks sources what a requirement wants to know."""

    def __init__(self, *, vault: Vault, finder: Finder, readers: Readers) -> None:
        self._vault = vault
        self._finder = finder
        self._readers = readers

    async def fetch(self, claimed: Claimed, call: EvidenceCall, requirement: Requirement, ask: Ask) -> Found:
        """What the source says, cut down to the fields of the need; a failure is an outcome. In no transaction.

        Where the library knows who the party is and the source names another, it has answered about somebody else.
        """
        query = question_of(claimed, call, requirement, ask.need.code, ask.subject)
        party = claimed.parties[requirement.party]
        try:
            asked = query_for(
                self._vault,
                claimed,
                query,
                answering=(ask.stored, ask.source),
                grant=ask.grant,
                fields=ask.reads,
                params=ask.need.params,
                subject=claimed.subjects.get(party.lookup_hash) if party.lookup_hash else None,
                known=ask.known,
                several=ask.chooses,
            )
        except QuestionError as error:
            return self._misasked(ask, error.pointer)
        if faults := self._readers.of(ask.stored).contract.check_params(asked.params):
            return self._misasked(ask, faults[0].pointer)
        found = await self._finder.find(asked, query)
        if found.outcome is Outcome.IDENTITY_UNCONFIRMED and ask.known:
            _log.error("answer_about_another", alarm=True, source=ask.source.definition.code, field="name")
            return unavailable("other_record")
        marks = row_marks(ask.source, ask.stored.interface.operation, asked.params, self._vault)
        return replace(found, marks=tuple(marks)) if found.records else found

    def _misasked(self, ask: Ask, pointer: str) -> Found:
        _log.error("need_cannot_be_asked", alarm=True, interface=ask.need.code, pointer=pointer)
        return unavailable("source_misconfigured")
