"""Claims of licences of which the hub keeps an index alone: asked from their source at the moment of use.

The hub asks for itself, on the strength of the grant over the licence: only an interface of the department that issued
the licence, only the fields that are granted, and with the number of the licence or of its holder. An answer that says
that there is no such record, or by a field that need not be granted that it has ended (`source.ended`), contradicts the
index: it is a failure of the source, never "none". That field leaves with the others only where it is granted.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import structlog
from sqlalchemy import Connection

from adapters.port import Value
from catalog.interface_store import StoredInterface
from catalog.interfaces import Interface, Origin
from catalog.source_store import StoredSource
from hub.clock import Clock
from hub.exchange.compose import Found
from hub.exchange.errors import QuestionError
from hub.exchange.finding import Finder
from hub.exchange.judging import unavailable
from hub.exchange.on_behalf import query_for, question_of
from hub.intake.calls import Claimed, EvidenceCall
from hub.intake.resolver import Outcome, Resolution, Source
from hub.issuing.drafting import read_index
from hub.issuing.types.halts import stopped_types
from hub.issuing.types.registry import TypeRegistry
from hub.registry.guarding import DefinitionGuard
from hub.storage.database import Database
from hub.storage.vault import Vault

_log = structlog.get_logger(__name__)
_NOT_THE_RECORD: Final = frozenset({Outcome.DECLARED_NONE, Outcome.NO_SOURCE, Outcome.AMBIGUOUS})


class IndexedClaims:
    """Fetches what the index does not hold."""

    def __init__(self, database: Database, *, vault: Vault, types: TypeRegistry, finder: Finder, clock: Clock) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._finder = finder
        self._clock = clock
        self._guard = DefinitionGuard(vault)

    async def fetch(self, claimed: Claimed, call: EvidenceCall, resolution: Resolution, source: Source) -> Found:
        """What the source says of one licence, cut down to the granted claims; a failure is an outcome. In no
        transaction. Of a stopped type nothing is asked.

        Raises: IntegrityBrokenError: nobody can say which types are stopped.
        """
        if source.held.record.type_code in await self._database.read(lambda tx: stopped_types(tx, self._vault)):
            return unavailable("type_halted", type=source.held.record.type_code)
        rule = self._types.version(source.held.record.type_code, source.held.record.type_version).source
        if rule is None:
            return unavailable("source_misconfigured")
        answering = await self._database.read(lambda tx: self._answering(tx, rule.interface))
        if answering is None or answering[0].interface.department != source.held.record.issuer_code:
            return unavailable("source_misconfigured")
        granted = frozenset(rule.claims[name] for name in source.need.wanted if name in rule.claims)
        ended = [(rule.claims[name], values) for name, values in rule.ended.items()]
        query = question_of(claimed, call, resolution.requirement, rule.interface)
        try:
            claimed_query = query_for(
                self._vault,
                claimed,
                query,
                answering=answering,
                grant=source.grant,
                fields=granted.union(name for name, _ in ended),
                params=self._given(answering[0].interface, source),
                subject=source.held.subject,
            )
        except QuestionError:
            return unavailable("source_misconfigured")
        found = await self._finder.find(claimed_query, query)
        if found.outcome in _NOT_THE_RECORD:
            _log.error("index_without_record", alarm=True, certificate=source.held.record.id, interface=rule.interface)
            return unavailable("source_faulty")
        if found.outcome is Outcome.IDENTITY_UNCONFIRMED:  # the library confirmed who it is; the source names another
            return unavailable("other_record")
        if any(str(record.get(name)) in values for record in found.records for name, values in ended):
            _log.error("source_contradicts_index", alarm=True, certificate=source.held.record.id, code="ended")
            return unavailable("source_faulty")
        kept = ({name: value for name, value in record.items() if name in granted} for record in found.records)
        return replace(found, records=tuple(kept))

    def _answering(self, tx: Connection, code: str) -> tuple[StoredInterface, StoredSource] | None:
        return self._guard.answering(tx, code, now=self._clock())

    def _given(self, interface: Interface, source: Source) -> Mapping[str, Value]:
        """The number of the licence, where the interface has one parameter that a caller gives."""
        wanted = [param.name for param in interface.params.values() if param.origin is Origin.CALLER]
        if not wanted:
            return {}
        if len(wanted) > 1:
            raise QuestionError("/params", "more_than_a_number")
        record, keeper = source.held.record, source.held.kept_by
        key = self._vault.data_key(keeper.data_key, keeper.kek_kid)
        return {wanted[0]: read_index(key, record).number}
