"""Unit 2 of a pull, the moment of disclosure: checked again under locks, then ledger rows and answer commit together.

Locks are taken in one fixed order (case with system and key, grants, certificates), shared here and exclusive by
whoever revokes, so that nothing is disclosed after a revocation's commit (seam D6).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from catalog.store import lock_grants
from certificates import store as library
from hub.access.service import Caller
from hub.exchange.uses import of_certificate, record_uses
from hub.intake import store
from hub.intake.answers import answer_place, case_key
from hub.intake.cases import hold_case
from hub.intake.claiming import Claimed, EvidenceCall
from hub.intake.compose import Item, item_hash, stored, unsigned_answer
from hub.intake.errors import InFlightError
from hub.intake.resolver import Outcome, Resolution, Why, entry_kind
from hub.ledger.entries import Draft, Sealed, append, seal
from hub.storage.crash import crash_at
from hub.storage.vault import Vault


class Deciding:
    """Decides claimed requests."""

    def __init__(self, *, vault: Vault, public_url: str) -> None:
        self._vault = vault
        self._public_url = public_url

    def decide(
        self, tx: Connection, caller: Caller, call: EvidenceCall, claimed: Claimed, items: Sequence[Item], now: datetime
    ) -> tuple[dict[str, Any], list[Sealed]]:
        """Unit 2: everything is checked again under shared locks, in one fixed order: case, grants, certificates.

        Raises: InvalidTokenError, CaseClosedError; InFlightError when the lease was lost.
        """
        hold_case(tx, claimed.case.id, kid=caller.kid)
        items = _recheck(tx, items, now)
        unsigned = [item.unsigned(call.language) for item in items]
        entries = [
            seal(self._entry(caller, call, claimed, item, content), now=now)
            for item, content in zip(items, unsigned, strict=True)
        ]
        answer = unsigned_answer(
            request_id=claimed.request_id,
            case_no=claimed.case.case_no,
            audience=caller.client_id,
            issuer=self._public_url,
            request_hash=call.request_hash,
            decided_at=now,
            items=unsigned,
            entries=entries,
        )
        append(tx, entries)
        if not caller.sandbox:
            for item, entry in zip(items, entries, strict=True):
                used_here = [of_certificate(source.held.record.id) for source in item.resolution.sources]
                if item.resolution.outcome is Outcome.SATISFIED:
                    record_uses(
                        tx,
                        used_here,
                        system_id=caller.system_id,
                        case_no=claimed.case.case_no,
                        entry_id=entry.id,
                        now=now,
                    )
        used = sorted({grant.id for item in items for grant in item.resolution.grants})
        sealed = case_key(self._vault, claimed.case).encrypt(answer_place(claimed.request_id), stored(answer))
        if not store.decide_request(tx, claimed.request_id, claimed.lease, payload=sealed, grants=used, now=now):
            raise InFlightError
        crash_at("pull.deciding")
        return answer, entries

    def _entry(
        self, caller: Caller, call: EvidenceCall, claimed: Claimed, item: Item, content: dict[str, Any]
    ) -> Draft:
        resolution = item.resolution
        party = claimed.parties.get(resolution.requirement.party)
        subject = claimed.subjects.get(party.lookup_hash) if party and party.lookup_hash else None
        key = (
            self._vault.data_key(subject.data_key, subject.kek_kid) if subject else case_key(self._vault, claimed.case)
        )
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
            "fields": sorted({name for source in resolution.sources for name in source.need.fields}),
            "payload_hash": item_hash(content),
        }
        return Draft(
            kind=entry_kind(resolution.outcome),
            detail=detail,
            key=key,
            subject_id=subject.id if subject else None,
            case_id=claimed.case.id,
        )


def _recheck(tx: Connection, items: Sequence[Item], now: datetime) -> list[Item]:
    grants = lock_grants(tx, sorted({grant.id for item in items for grant in item.resolution.grants}))
    wanted = sorted({source.held.record.id for item in items for source in item.resolution.sources})
    versions = library.lock_versions(tx, wanted) if wanted else {}
    return [_rechecked(item, grants, versions, now) for item in items]


def _rechecked(
    item: Item, grants: dict[str, tuple[int, str, datetime]], versions: dict[str, tuple[int, str]], now: datetime
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
        if status in {"revoked", "suspended"}:
            why = Why(f"certificate_{status}", {"type": record.type_code})
            return Item(Resolution(resolution.requirement, Outcome.REFUSED, why), ())
        if (row_version, status) != (record.row_version, record.status):
            why = Why("issue_not_finished", {"type": record.type_code})
            return Item(Resolution(resolution.requirement, Outcome.SOURCE_UNAVAILABLE, why), ())
    return item
