"""What a closed case writes back: found in the sources' declarations, put in line in the transaction that closes it.

A source may ask for cases of its department's own systems and of its department's own matters, and for no others: a
declaration must not become a way to read the cases of somebody else.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from catalog.matters.roles import keys_of
from catalog.source_store import StoredSource, list_sources
from catalog.store import find_matter
from hub.clock import new_id, rfc3339
from hub.exchange.agents import store
from hub.intake.store import Case, Party, identity_place, parties_of
from hub.ledger.entries import Draft, append, seal
from hub.registry.guarding import check_source
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import canonical, strict_loads

_BETWEEN: Final = "、"
_log = structlog.get_logger(__name__)


class WriteBack:
    """Enqueues deliveries. `enqueue` is a step of the unit that closes a case."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def enqueue(self, tx: Connection, case: Case, now: datetime) -> None:
        """One delivery for each declaration that this case fits; encrypted, under a key of its own, and on the ledger.

        A declaration that was written past the hub gets nothing, and does not keep the case from being closed.
        """
        found = find_matter(tx, case.matter_code)
        owners = {case.department_id, found[2]} if found else {case.department_id}
        for source in (item for owner in sorted(owners) for item in list_sources(tx, owner)):
            declarations = _declared(source, case.matter_code)
            try:
                check_source(self._vault, source)
            except IntegrityBrokenError:
                _log.error("guarded_row_broken", alarm=True, where="sources", source=source.definition.code)
                continue
            for declared in declarations:
                self._add(tx, source, declared, case, now)

    def _add(
        self, tx: Connection, source: StoredSource, declared: Mapping[str, Any], case: Case, now: datetime
    ) -> None:
        fields = {name: self._value(tx, case, place, now) for name, place in sorted(declared["fields"].items())}
        delivery_id, key = new_id(), self._vault.new_data_key()
        store.add_delivery(
            tx,
            id=delivery_id,
            source_id=source.id,
            case_id=case.id,
            matter=case.matter_code,
            operation=declared["operation"],
            due_at=now,
            sealed=key.encrypt(store.sealed_place(delivery_id), canonical(fields)),
            data_key=key.wrapped,
            kek_kid=key.kek_kid,
            now=now,
        )
        append(tx, [seal(self._entry(source, declared, case, delivery_id), now=now)])

    def _entry(self, source: StoredSource, declared: Mapping[str, Any], case: Case, delivery_id: str) -> Draft:
        """What leaves, to whom, before any of it can: from this commit on the agent may fetch it."""
        detail = {
            "case_no": case.case_no,
            "matter": case.matter_code,
            "source": source.definition.code,
            "department": source.definition.department,
            "agent": source.definition.connection["agent"],
            "operation": declared["operation"],
            "delivery": delivery_id,
            "fields": dict(declared["fields"]),
        }
        key = self._vault.data_key(case.data_key, case.kek_kid)
        return Draft(kind="delivery.queued", detail=detail, key=key, case_id=case.id)

    def _value(self, tx: Connection, case: Case, place: str, now: datetime) -> Any:
        plain = {
            "case_no": case.case_no,
            "external_no": case.external_no,
            "matter": case.matter_code,
            "kind": case.kind,
            "channel": case.channel,
            "opened_at": rfc3339(case.opened_at),
            "closed_at": rfc3339(now),
        }
        if place in plain:
            return plain[place]
        first, which, member = place.split(".")
        if first == "subject":
            return case.subjects[int(which)].get(member) if int(which) < len(case.subjects) else None
        return self._party(tx, case, which, member)

    def _party(self, tx: Connection, case: Case, role: str, member: str) -> Any:
        """Of the one who has the role; of several, all of them by their numbers in one text, as a column takes it. Who
        has no ID keeps his place in it.
        """
        parties = parties_of(tx, case.id)
        said = [self._said(case, parties[key], member) for key in keys_of(role, parties)]
        if len(said) > 1:
            return _BETWEEN.join("" if one is None else str(one) for one in said)
        return said[0] if said else None

    def _said(self, case: Case, party: Party, member: str) -> Any:
        if member == "id_type":
            return party.id_type
        if party.sealed is None:
            return None
        key = self._vault.data_key(case.data_key, case.kek_kid)
        identity = key.decrypt(identity_place(party.sealed.id), party.sealed.identity)
        return strict_loads(identity, max_bytes=len(identity)).get(member)


def _declared(source: StoredSource, matter: str) -> list[Mapping[str, Any]]:
    if source.definition.kind != "agent":
        return []
    return [item for item in source.definition.connection.get("write_back", ()) if item["matter"] == matter]
