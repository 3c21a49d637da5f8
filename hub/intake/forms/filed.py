"""The signed form as it is filed with one case: for whoever decides it, and no more of it than its matter asks.

Of a family's form each department sees the fields of its own matter: the value that was signed, and of the records
behind it those alone that were disclosed to its own case.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from hub.clock import rfc3339
from hub.intake.families.store import family_by_id, family_id_of
from hub.intake.forms import store
from hub.intake.forms.sealing import signatures, signed_content
from hub.intake.store import Case
from hub.storage.vault import DataKey, Vault


def filed_form(tx: Connection, vault: Vault, case: Case) -> dict[str, Any] | None:
    """The form of the case, or of its family; None while nobody has signed it. Raises: IntegrityBrokenError."""
    own = _signed(tx, f"case:{case.id}", vault.data_key(case.data_key, case.kek_kid), case.matter_code)
    if own is not None:
        return own
    family_id = family_id_of(tx, case.id)
    family = family_by_id(tx, family_id) if family_id else None
    if family is None:
        return None
    key = vault.data_key(family.data_key, family.kek_kid)
    return _signed(tx, f"family:{family.id}", key, case.matter_code)


def _signed(tx: Connection, about: str, key: DataKey, matter: str) -> dict[str, Any] | None:
    stored = store.find_form(tx, about)
    content = signed_content(key, stored) if stored is not None else None
    if stored is None or content is None:
        return None
    return {
        "form": content["form"],
        "digest": stored.digest,
        "fields": [_field(item, matter) for item in content["fields"] if matter in item["matters"]],
        "signatures": [
            {"party": item.party, "kind": item.kind, "signed_at": rfc3339(item.signed_at),
             "ledger_entry": item.ledger_entry_id}
            for item in signatures(tx, key, stored)
        ],
    }  # fmt: skip


def _field(item: Mapping[str, Any], matter: str) -> dict[str, Any]:
    return dict(item) | {"records": [kept for kept in (_own(one, matter) for one in item["records"]) if kept["from"]]}


def _own(record: Mapping[str, Any], matter: str) -> dict[str, Any]:
    origins: Sequence[Mapping[str, Any]] = record["from"]
    return {"value": record["value"], "from": [dict(one) for one in origins if one.get("matter", matter) == matter]}
