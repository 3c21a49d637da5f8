"""From a stored licence to a purpose copy: decrypt, verify, keep only granted claims, salt afresh."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import structlog

from certificates.data_copy import Told, data_claims
from certificates.errors import ClaimsError, GrantedClaimsError
from certificates.numbering import parse
from certificates.purpose_copy import copy_claims
from hub.access.service import Caller
from hub.clock import Clock, new_id, rfc3339
from hub.intake.compose import Copy, Item
from hub.intake.licences import Licences
from hub.intake.outcomes import Fetched
from hub.intake.resolver import Failed, Outcome, Resolution, Shared, Source, Why
from hub.intake.store import Case
from hub.issuing.drafting import INDEXED, read_index
from hub.issuing.types.registry import TypeRegistry
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing import sd_jwt
from signing.errors import SigningError

NOTHING: Final[Mapping[str, "Fetched"]] = MappingProxyType({})
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Order:
    """For whom a copy is made, in which case, for what."""

    caller: Caller
    case: Case
    purpose: str


class CopyMaker:
    """Makes the unsigned copies of an answer."""

    def __init__(
        self, *, vault: Vault, types: TypeRegistry, clock: Clock, public_url: str, lifetime: timedelta
    ) -> None:
        self._vault = vault
        self._types = types
        self._clock = clock
        self._public_url = public_url
        self._lifetime = lifetime
        self.licences = Licences(vault)
        """Opens them."""

    def make(
        self, resolution: Resolution, caller: Caller, case: Case, purpose: str, fetched: Mapping[str, Fetched] = NOTHING
    ) -> Item:
        """The item with its copies. A stored licence that does not verify is never passed on: the item then says
        `source_unavailable`, and an alarm is raised.
        """
        for source in resolution.sources:
            found = fetched.get(source.held.record.id)
            if found is not None and found.outcome is not Outcome.SATISFIED:
                return _not_given(resolution, found.outcome, found.why, _whose(source))
        order = _Order(caller, case, purpose)
        try:
            made: list[tuple[Copy, Mapping[str, Any]]] = [
                self._indexed(source, fetched[source.held.record.id], order)
                if source.held.record.state == INDEXED
                else self._copy(source, order)
                for source in resolution.sources
            ]
        except ClaimsError as error:
            _log.warning("indexed_claims_do_not_fit", problems=[problem.claim for problem in error.problems])
            source = next(source for source in resolution.sources if source.held.record.state == INDEXED)
            return _not_given(resolution, Outcome.SOURCE_UNAVAILABLE, Why("source_faulty"), _whose(source))
        except (IntegrityBrokenError, SigningError, KeyError) as error:
            identifiers = [source.held.record.identifier for source in resolution.sources]
            _log.error("stored_licence_broken", alarm=True, certificates=identifiers, error=type(error).__name__)
            own = Failed(None, resolution.sources[0].held.record.type_code)
            return _not_given(resolution, Outcome.SOURCE_UNAVAILABLE, Why("integrity"), own)
        for shared in resolution.shared:
            try:
                made += self._shared(shared, order)
            except GrantedClaimsError as error:
                code, interface = shared.ask.need.code, shared.ask.stored.interface
                _log.error("field_cannot_be_shown", alarm=True, interface=code, fields=list(error.claims))
                failed = Failed(interface.department, "", code)
                return _not_given(resolution, Outcome.SOURCE_UNAVAILABLE, Why("source_misconfigured"), failed)
        return Item(resolution, tuple(copy for copy, _ in made), tuple(read for _, read in made))

    def _shared(self, shared: Shared, order: _Order) -> list[tuple[Copy, Mapping[str, Any]]]:
        """A copy of each record that a source told. Raises: GrantedClaimsError."""
        now, found, interface = self._clock(), shared.found, shared.ask.stored.interface
        obtained_at, as_of = rfc3339(found.obtained_at or now), rfc3339(found.as_of) if found.as_of else None
        told = Told(
            code=interface.code,
            version=shared.ask.stored.version,
            title=interface.title["zh"],
            department=interface.department,
            as_of=as_of,
            obtained_at=obtained_at,
        )
        made: list[tuple[Copy, Mapping[str, Any]]] = []
        for record in shared.records:
            claims, disclosable = data_claims(
                record=record,
                fields=shared.ask.need.fields,
                told=told,
                audience=order.caller.client_id,
                receiver_jwk=order.caller.key_jwk,
                case_no=order.case.case_no,
                matter=order.case.matter_code,
                purpose=order.purpose,
                hub_uri=self._public_url,
                issued_at=now,
                expires_at=_whole_seconds(now + self._lifetime),
                jti=new_id(),
            )
            copy = Copy(
                prepared=sd_jwt.prepare(claims, disclosable),
                claims={name: claims[name] for name in disclosable},
                source={
                    "kind": "interface",
                    "department": {"uscc": interface.department},
                    "interface": interface.code,
                    "as_of": as_of,
                },
                certificate={},
                obtained_at=obtained_at,
                described={"interface": told.as_json()},
            )
            made.append((copy, record))
        return made

    def _copy(self, source: Source, order: _Order) -> tuple[Copy, Mapping[str, Any]]:
        claims = self.licences.claims(source.held)
        department = claims["certificate"]["issuer"]
        now = self._clock()
        copy = Copy(
            **self._made(source, claims, order, now),
            source={"kind": "certificate_library", "department": department},
            obtained_at=rfc3339(now),
        )
        return copy, _read(source, claims)

    def _indexed(self, source: Source, found: Fetched, order: _Order) -> tuple[Copy, Mapping[str, Any]]:
        """A copy of what the source has just said; the evidence says so.

        Raises: ClaimsError: the answer does not fit the type.
        """
        record, keeper = source.held.record, source.held.kept_by
        kept = read_index(self._vault.data_key(keeper.data_key, keeper.kek_kid), record)
        kind = self._types.version(record.type_code, record.type_version)
        rule = kind.source
        if rule is None:
            raise KeyError(record.type_code)
        (row,) = found.records
        wanted = source.need.wanted
        said = {name: row[rule.claims[name]] for name in wanted if row.get(rule.claims[name]) is not None}
        if problems := kind.check_shown(said, needed=wanted):
            raise ClaimsError(problems)
        now = self._clock()
        copy = Copy(
            **self._made(source, {"certificate": kept.described, **said}, order, now, custody="index"),
            source={
                "kind": "interface",
                "custody": "index",
                "department": kept.described["issuer"],
                "interface": rule.interface,
                "as_of": rfc3339(found.as_of) if found.as_of else None,
            },
            obtained_at=rfc3339(found.obtained_at or now),
        )
        return copy, said

    def _made(
        self, source: Source, said: Mapping[str, Any], order: _Order, now: datetime, **custody: str
    ) -> dict[str, Any]:
        """What every copy has, wherever its claims come from."""
        record = source.held.record
        claims, disclosable = copy_claims(
            source=said,
            granted=source.need.fields,
            identifier=parse(record.identifier),
            type=self._types.version(record.type_code, record.type_version),
            audience=order.caller.client_id,
            receiver_jwk=order.caller.key_jwk,
            case_no=order.case.case_no,
            matter=order.case.matter_code,
            purpose=order.purpose,
            hub_uri=self._public_url,
            issued_at=now,
            expires_at=_whole_seconds(now + self._lifetime),
            jti=new_id(),
            **custody,
        )
        return {
            "prepared": sd_jwt.prepare(claims, disclosable),
            "claims": {name: claims[name] for name in disclosable},
            "certificate": {"identifier": record.identifier, "type": record.type_code, "status": record.status},
        }


def _not_given(resolution: Resolution, outcome: Outcome, why: Why, failed: Failed) -> Item:
    return Item(replace(resolution, outcome=outcome, why=why, sources=(), shared=(), failed=failed), ())


def _read(source: Source, claims: Mapping[str, Any]) -> dict[str, Any]:
    return {name: claims[name] for name in source.need.wanted if name in claims}


def _whose(source: Source) -> Failed:
    return Failed(source.held.record.issuer_code, source.held.record.type_code)


def _whole_seconds(instant: datetime) -> datetime:
    return instant.replace(microsecond=0)
