"""A licence of which the hub keeps an index alone, opened by its holder: asked from its source now, and kept nowhere.

(1) look whether it is his, in force and of a kind that is not stopped → ask the source, in no transaction → (2) look
again; write down on the ledger what came of it, under his key; then he is shown it. Whatever the source says is held
against the index first: where they differ nothing is shown, and he is told that.

Only for the principal holder, by himself or by who acts for him: the source is asked by his number and name, and knows
further holders by his.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from certificates.claims import Disclosure
from certificates.definitions.certificate_type import CertificateType
from certificates.errors import TypeHaltedError
from certificates.profile import CIVIL_ZONE
from certificates.stores.certificates import find_version
from certificates.stores.holders import Subject, subject_by_id
from certificates.stores.version import VersionRecord
from hub.citizens.dossier.contradicting import contradiction
from hub.citizens.dossier.errors import DossierError, SourceAwayError, SourceContradictsError
from hub.citizens.dossier.folder import OWN, titled
from hub.citizens.dossier.hands import Hand, hand_of
from hub.citizens.errors import CitizenError, HolderSignInNeededError
from hub.citizens.present import lock_holder
from hub.citizens.values import Identity
from hub.clock import Clock
from hub.exchange.compose import Found
from hub.exchange.own_licence import OwnLicences, OwnQuestion
from hub.exchange.question import Identity as Asker
from hub.intake.outcomes import Outcome
from hub.issuing.drafting import INDEXED, read_index
from hub.issuing.held_then import standing
from hub.issuing.renditions.errors import NotInForceError
from hub.issuing.types.halts import refuse_halted
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.entries import Draft
from hub.ledger.guards import check_guards
from hub.registry.meanings import Words
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import Vault
from signing.canonical import canonical, sha256

ASKED_PER_MINUTE: Final = 6
"""Questions to sources of one holder: each is one to a department's system."""
NOT_OPENED: Final = "certificate.not_opened"
"""Kind of entry: the source was asked for him, and nothing was shown."""
STANDS: Final = frozenset({"valid", "suspended"})
"""How an index stands whose source is asked: of what has ended the register may know nothing any more."""
_NOT_THE_RECORD: Final = {
    Outcome.DECLARED_NONE: "gone",
    Outcome.NO_SOURCE: "gone",
    Outcome.AMBIGUOUS: "several",
    Outcome.REFUSED: "other_record",
}
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FromSource:
    """What the source says: titles and values in the order of the type; when it said so, and of when it is."""

    claims: Sequence[tuple[str, Words, str]] = field(repr=False)
    obtained_at: datetime
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class _Index:
    """What unit 1 found."""

    version: VersionRecord
    subject: Subject
    kind: CertificateType
    number: str | int = field(repr=False)


class AtSource:
    """Opens them. MissingError for what is not the subject's; the entry of that is the caller's."""

    def __init__(
        self, database: Database, *, vault: Vault, types: TypeRegistry, sources: OwnLicences, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._sources = sources
        self._clock = clock

    async def contents(
        self, subject_id: str, identifier: str, identity: Identity, *, by: Mapping[str, Any] | Hand
    ) -> FromSource:
        """What it says. `identity`: of the subject; `by`: who looks.

        Raises: MissingError; NotInForceError, TypeHaltedError (the source hears nothing); SourceAwayError,
            SourceContradictsError (on the ledger); IntegrityBrokenError.
        """
        hand = hand_of(by)
        index = await self._database.read(lambda tx: self._index(tx, subject_id, identifier))
        asked = Asker(identity.id_type, identity.id_number, identity.name)
        fields = frozenset(index.kind.source.claims.values()) if index.kind.source else frozenset()
        question = OwnQuestion(index.version, index.kind, fields, index.number, asked, hand.purpose)
        answer = await self._sources.ask(question)
        found = answer.found
        claims, fault = self._read(index, found, answer.again_at)
        stopped = await self._database.write(lambda tx: self._written(tx, index, claims, fault, hand))
        if stopped is not None:
            raise stopped
        never = index.kind.disclosed(Disclosure.NEVER)
        shown = {name: value for name, value in claims.items() if name not in never}
        return FromSource(titled(index.kind, shown), found.obtained_at or self._clock(), found.as_of)

    def _read(
        self, index: _Index, found: Found, again_at: datetime | None
    ) -> tuple[Mapping[str, Any], DossierError | None]:
        """The claims of the answer, or why nothing is shown."""
        if found.outcome is Outcome.SOURCE_UNAVAILABLE:
            return {}, self._away(found.why.code, again_at)
        code = _NOT_THE_RECORD.get(found.outcome) or ("several" if len(found.records) != 1 else "")
        if code:
            return {}, self._contradicts(index, code)
        rule, (row,) = index.kind.source, found.records
        assert rule is not None  # noqa: S101  # without one the source was not asked
        claims = {name: row[place] for name, place in rule.claims.items() if row.get(place) is not None}
        if problems := index.kind.check_shown(claims, needed=()):
            _log.error("indexed_claims_do_not_fit", problems=[problem.claim for problem in problems])
            return {}, self._away("source_faulty", None)
        differs = contradiction(index.kind, index.version, index.subject, index.number, claims, self._vault)
        return ({}, self._contradicts(index, differs)) if differs else (claims, None)

    def _away(self, code: str, again_at: datetime | None) -> SourceAwayError:
        seconds = None if again_at is None else max(1, int((again_at - self._clock()).total_seconds()))
        return SourceAwayError(code, again_at, seconds)

    def _contradicts(self, index: _Index, code: str) -> SourceContradictsError:
        _log.error("source_contradicts_index", alarm=True, certificate=index.version.id, code=code)
        return SourceContradictsError(code)

    def _index(self, tx: Connection, subject_id: str, identifier: str) -> _Index:
        version = find_version(tx, identifier)
        if version is None or version.state != INDEXED or not version.is_current() or version.subject_id != subject_id:
            raise MissingError("certificate")
        check_guards(tx, self._vault, versions=[version])
        refuse_halted(tx, self._vault, [version.type_code])
        status = standing(version.status, version.valid_until, self._clock().astimezone(CIVIL_ZONE).date())
        if status not in STANDS:
            raise NotInForceError(status)
        subject = subject_by_id(tx, subject_id)
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        self._types.learn(tx, [(version.type_code, version.type_version)])
        kind = self._types.version(version.type_code, version.type_version)
        return _Index(version, subject, kind, read_index(key, version).number)

    def _written(
        self,
        tx: Connection,
        index: _Index,
        claims: Mapping[str, Any],
        fault: DossierError | None,
        hand: Hand,
    ) -> Exception | None:
        """Written down last. Answers why nothing is shown; also that it was ended or replaced meanwhile, or that who
        looks may not any more: the source was asked all the same, and whom it is about is told that.
        """
        refused = _refused(tx, hand)
        try:
            subject = lock_holder(tx, index.subject.id)
        except HolderSignInNeededError as error:
            raise (refused or error) from None
        stopped = refused or fault or self._changed(tx, index)
        source = index.kind.source
        detail: dict[str, Any] = {
            "identifier": index.version.identifier,
            "by": dict(hand.by),
            "format": "source",
            "interface": source.interface if source else "",
        }
        match stopped:
            case None:
                detail["digest"] = sha256(canonical(dict(claims))).hex()
            case SourceAwayError() | SourceContradictsError():
                detail["why"] = stopped.code
            case CitizenError():
                detail["why"] = "no_longer_acts"
            case _:
                detail["why"] = "changed"
        key, now = self._vault.data_key(subject.data_key, subject.kek_kid), self._clock()
        kind = OWN if stopped is None else NOT_OPENED
        hand.write(tx, Draft(kind=kind, detail=detail, key=key, subject_id=subject.id), now)
        return stopped

    def _changed(self, tx: Connection, index: _Index) -> Exception | None:
        try:
            now = self._index(tx, index.subject.id, index.version.identifier).version
        except (MissingError, NotInForceError, TypeHaltedError) as error:
            return error
        # By its meaning: that the register was read again meanwhile, and says the same, changes nothing.
        return None if now.meaning() == index.version.meaning() else MissingError("certificate")


def _refused(tx: Connection, hand: Hand) -> CitizenError | None:
    try:
        hand.check(tx)
    except CitizenError as error:
        return error
    return None
