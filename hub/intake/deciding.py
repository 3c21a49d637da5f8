"""Unit 2 of a pull, the moment of disclosure: checked again under locks, then ledger rows and answer commit together.

Locks are taken in one fixed order (case with system and key, grants, certificates, interfaces), shared here and
exclusive by whoever revokes, so that nothing is disclosed after a revocation's commit (seam D6).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog.store import lock_grants
from certificates.lifecycle.states import STOPPED
from certificates.stores import certificates as library
from certificates.stores.holders import Subject
from hub.access.service import Caller
from hub.citizens.authorising.asking import HolderAsking
from hub.citizens.notices.looks import tell_of_look
from hub.citizens.objections.disputed import mark
from hub.citizens.objections.shared import mark_shared
from hub.exchange.uses import record_uses
from hub.intake import requests, store
from hub.intake.agreeing import still_agreed
from hub.intake.answers import answer_place, case_key
from hub.intake.calls import Claimed, EvidenceCall
from hub.intake.compose import Item, item_hash, stored, unsigned_answer
from hub.intake.errors import InFlightError
from hub.intake.holding import hold_case
from hub.intake.lower.port import LowerRungs
from hub.intake.materials.service import material
from hub.intake.owed.opening import Opening, owed_of
from hub.intake.owed.settling import Settling
from hub.intake.replaying.keeping import grounded, keep_grounds
from hub.intake.resolver import OWED, Failed, Outcome, Resolution, Why, entry_kind
from hub.intake.resolving.asked_back import AskingBack
from hub.intake.resolving.choosing import labels_shown
from hub.intake.resolving.holding import as_foreseen, interfaces_hold, what_follows
from hub.intake.resolving.remembered import pointed_at, remember, taken
from hub.intake.resolving.ruled import rule_of
from hub.issuing.types.halts import stopped_types
from hub.ledger.entries import Draft, Sealed, append, seal
from hub.storage.crash import crash_at
from hub.storage.vault import Vault

Steps = tuple[Item, Item, Item]
"""An item as the resolver answered, as checked again, and with what stands in for it."""


@dataclass(frozen=True, slots=True)
class Written:
    """What one unit put on the ledger."""

    steps: Sequence[Steps]
    contents: Sequence[dict[str, Any]]
    entries: list[Sealed]
    grants: set[str]


class Deciding:
    """Decides claimed requests."""

    def __init__(
        self,
        *,
        vault: Vault,
        public_url: str,
        opening: Opening,
        settling: Settling,
        lower: LowerRungs | None = None,
        holders: HolderAsking | None = None,
    ) -> None:
        self._lower = lower
        self._holders = holders
        self._opening = opening
        self._settling = settling
        self._vault = vault
        self._public_url = public_url
        self._asking_back = AskingBack(vault)

    def decide(
        self, tx: Connection, caller: Caller, call: EvidenceCall, claimed: Claimed, items: Sequence[Item], now: datetime
    ) -> tuple[dict[str, Any], list[Sealed]]:
        """Unit 2: everything is checked again under shared locks, in one fixed order: case, grants, certificates.

        What fails is owed from this commit on, and what was owed and is answered is paid by it.

        Raises: InvalidTokenError, CaseClosedError; InFlightError when the lease was lost; StillOwedError for what the
        hub itself asked for again.
        """
        written = self.write(tx, caller, call, claimed, items, now)
        answer = unsigned_answer(
            request_id=claimed.request_id,
            case_no=claimed.case.case_no,
            audience=caller.client_id,
            issuer=self._public_url,
            request_hash=call.request_hash,
            decided_at=now,
            items=written.contents,
            entries=written.entries,
        )
        used = sorted(written.grants)
        sealed = case_key(self._vault, claimed.case).encrypt(answer_place(claimed.request_id), stored(answer))
        if not requests.decide_request(tx, claimed.request_id, claimed.lease, payload=sealed, grants=used, now=now):
            raise InFlightError
        crash_at("pull.deciding")
        return answer, written.entries

    def write(
        self,
        tx: Connection,
        caller: Caller,
        call: EvidenceCall,
        claimed: Claimed,
        items: Sequence[Item],
        now: datetime,
        *,
        earlier: Sequence[Steps] = (),
    ) -> Written:
        """What unit 2 has in common, however many items one holds: checked again, and their ledger rows written.

        `earlier`: what units before this one held of the same request, on which some of these may rest.

        Raises: as `decide`.
        """
        settles = claimed.case.owing or call.pays is not None
        change, paying = settles or bool(claimed.said), call.pays is not None
        state = hold_case(tx, claimed.case.id, kid=caller.kid, change=change, paying=paying)
        judged = items
        held = items = _recheck(tx, self._vault, claimed, items, now, earlier)
        if settles:
            self._settling.settle(tx, call, claimed, items, state, now)
        if self._lower is not None:
            items = self._lower.stand_in(tx, caller, call, claimed, items, now, asks=call.pays is None)
            before, after = [step[1] for step in earlier], [step[2] for step in earlier]
            items = as_foreseen(claimed.matter.after, [*before, *held], [*after, *items])[len(earlier) :]
        if claimed.said:
            resolutions = [item.resolution for item in items]
            remember(tx, self._vault, claimed.case, taken(claimed.said, claimed.question, resolutions))
        failed = [item for item in items if item.resolution.outcome in OWED]
        owed = self._opening.owe(tx, caller, call, claimed, failed, now) if failed else {}
        unsigned = [
            item.unsigned(call.language)
            | _material(claimed, item)
            | rule_of(claimed.matter, item.resolution, call.language)
            | self._asking_back.question(claimed.case, claimed.matter, item, call.language)
            | owed_of(owed, item.resolution.requirement)
            | (self._holders.ask(tx, caller, call, claimed, item, now) if self._holders else {})
            for item in items
        ]
        mark(tx, self._vault, unsigned, _licences_of(items))
        mark_shared(tx, self._vault, unsigned, _people(claimed))
        grounds = keep_grounds(tx, self._vault, claimed, judged, items, now)
        entries = [
            seal(grounded(self._entry(caller, call, claimed, item, content), grounds), now=now)
            for item, content in zip(items, unsigned, strict=True)
        ]
        append(tx, entries)
        if not caller.sandbox:
            told = zip(items, entries, strict=True)
            uses = ((mark, entry.id) for item, entry in told for mark in item.resolution.marks())
            record_uses(tx, uses, system_id=caller.system_id, case_no=claimed.case.case_no, now=now)
            tell_of_look(tx, self._vault, claimed.case, _looked_at(claimed, items), now)
        steps = list(zip(judged, held, items, strict=True))
        return Written(steps, unsigned, entries, {grant.id for item in items for grant in item.resolution.grants})

    def _entry(
        self, caller: Caller, call: EvidenceCall, claimed: Claimed, item: Item, content: dict[str, Any]
    ) -> Draft:
        resolution = item.resolution
        party = claimed.parties.get(resolution.requirement.party)
        subject = claimed.subjects.get(party.lookup_hash) if party and party.lookup_hash else None
        key = (
            self._vault.data_key(subject.data_key, subject.kek_kid) if subject else case_key(self._vault, claimed.case)
        )
        chosen = pointed_at(claimed.question.chosen, claimed.question, resolution)
        detail = {
            "case_no": claimed.case.case_no,
            "matter": claimed.matter.code,
            "requirement": resolution.requirement.code,
            "party": resolution.requirement.party,
            "outcome": resolution.outcome.value,
            "why": resolution.why.code,
            "client_id": caller.client_id,
            "department": claimed.case.department_code,
            "purpose": call.purpose,
            "request_id": claimed.request_id,
            "grants": sorted(grant.id for grant in resolution.grants),
            "certificates": [source.held.record.identifier for source in resolution.sources],
            "fields": sorted({name for need in resolution.disclosed() for name in need.fields}),
            "payload_hash": item_hash(content),
            **_of_sources(resolution, party),
            **({"chosen": chosen} if chosen else {}),
            **({"rung": resolution.rung.value} if resolution.stands_in and resolution.rung else {}),
        }
        return Draft(
            kind=entry_kind(resolution.outcome),
            detail=detail,
            key=key,
            subject_id=subject.id if subject else None,
            case_id=claimed.case.id,
        )


def _looked_at(claimed: Claimed, items: Sequence[Item]) -> Iterator[Subject]:
    """Whom the hub knows of those about whom something is disclosed."""
    for item in items:
        party = claimed.parties.get(item.resolution.requirement.party)
        subject = claimed.subjects.get(party.lookup_hash) if party is not None and party.lookup_hash else None
        if subject is not None and item.resolution.outcome is Outcome.SATISFIED:
            yield subject


def _people(claimed: Claimed) -> dict[str, Subject | None]:
    """Whom the hub knows of the parties, by party."""
    return {
        key: claimed.subjects.get(party.lookup_hash) if party.lookup_hash else None
        for key, party in claimed.parties.items()
    }


def _licences_of(items: Sequence[Item]) -> dict[str, str]:
    """The certificates that copies are of, by the identifiers that they name."""
    records = [source.held.record for item in items for source in item.resolution.sources]
    return {record.identifier: record.certificate_id for record in records}


def _of_sources(resolution: Resolution, party: store.Party | None) -> dict[str, Any]:
    """What an entry says besides: which interfaces were asked, in which versions, and whose answer named the party."""
    asked = [f"{ask.need.code}@{ask.stored.version}" for ask in resolution.asked]
    told: dict[str, Any] = {"interfaces": sorted(set(asked))} if asked else {}
    if resolution.choices:
        told |= {"choices": [choice["choice"] for choice in resolution.choices]}
        shown = labels_shown(resolution.choices)
        told |= {"shown": shown} if shown else {}
    return told | ({"named_by": party.origin} if party is not None and party.origin else {})


def _material(claimed: Claimed, item: Item) -> dict[str, Any]:
    """How the system itself names what it asked; a member only where it, or the matter, has a name."""
    code = material(claimed.case.materials, item.resolution.requirement)
    return {"material": code} if code else {}


def _recheck(
    tx: Connection, vault: Vault, claimed: Claimed, items: Sequence[Item], now: datetime, earlier: Sequence[Steps]
) -> list[Item]:
    grants = lock_grants(tx, sorted({grant.id for item in items for grant in item.resolution.grants}))
    wanted = sorted({source.held.record.id for item in items for source in item.resolution.sources})
    agreed = still_agreed(tx, vault, claimed, items, now)
    versions = library.lock_versions(tx, wanted) if wanted else {}
    # After the locks, and by its guard: a stop that somebody took back by SQL discloses nothing at all.
    stopped = stopped_types(tx, vault) if wanted else set[str]()
    held = [agreed(rechecked(item, grants, versions, stopped, now)) for item in items]
    held = interfaces_hold(tx, held, now)
    if not claimed.matter.after:
        return held
    before, then = [step[0] for step in earlier], [step[1] for step in earlier]
    return what_follows(claimed.matter.after, [*before, *items], [*then, *held])[len(earlier) :]


def rechecked(
    item: Item,
    grants: dict[str, tuple[int, str, datetime]],
    versions: dict[str, tuple[int, str]],
    stopped: set[str],
    now: datetime,
) -> Item:
    """The item as it may be disclosed now: what a grant or a licence has lost since unit 1 is withheld (seam D6)."""
    resolution = item.resolution
    for grant in resolution.grants:
        row_version, state, until = grants.get(grant.id, (0, "withdrawn", now))
        if row_version != grant.row_version or state != "live" or until <= now:
            code = "grant_not_in_force" if state == "live" else f"grant_{state}"
            return Item(Resolution(resolution.requirement, Outcome.NOT_GRANTED, Why(code)), ())
    for source in resolution.sources:
        record = source.held.record
        row_version, status = versions.get(record.id, (0, "superseded"))
        if record.type_code in stopped:
            return _owed(resolution, Why("type_halted", {"type": record.type_code}), record.issuer_code)
        if status in STOPPED:
            why = Why(f"certificate_{status}", {"type": record.type_code})
            return Item(Resolution(resolution.requirement, Outcome.REFUSED, why), ())
        if (row_version, status) != (record.row_version, record.status):
            return _owed(resolution, Why("issue_not_finished", {"type": record.type_code}), record.issuer_code)
    return item


def _owed(resolution: Resolution, why: Why, issuer_code: str) -> Item:
    failed = Failed(issuer_code, str(why.params["type"]))
    return Item(Resolution(resolution.requirement, Outcome.SOURCE_UNAVAILABLE, why, failed=failed), ())
