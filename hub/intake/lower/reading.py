"""Who may see the page of a sealed copy that somebody else's office scanned; and what a case was answered last."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.grants import CaseKind, Grant
from catalog.store import grants_of
from catalog.tables import table
from certificates.claims import Disclosure
from hub.access.service import Caller
from hub.intake.answers import answer_place, case_key
from hub.intake.holding import officer_of
from hub.intake.lower.copy_store import SealedCopy
from hub.intake.lower.handing_in import copy_place
from hub.intake.store import Case
from hub.intake.tables import EvidenceRequestRow
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.guards import check_guards
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import Vault
from signing.canonical import strict_loads

_REQUESTS: Final = table(EvidenceRequestRow)
_LOOKED_AT: Final = 50
_DEPTH: Final = 128


def last_items(tx: Connection, vault: Vault, case: Case) -> dict[tuple[str, str], Mapping[str, Any]]:
    """By requirement and party, the newest signed answer that its system was given."""
    wanted = select(_REQUESTS.c.id, _REQUESTS.c.answer).where(
        _REQUESTS.c.case_id == case.id, _REQUESTS.c.state == "done", _REQUESTS.c.kind == "evidence"
    )
    key = case_key(vault, case)
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for row in tx.execute(wanted.order_by(_REQUESTS.c.id.desc()).limit(_LOOKED_AT)):
        body = key.decrypt(answer_place(row.id), row.answer)
        for item in strict_loads(body, max_bytes=len(body), max_depth=_DEPTH)["requirements"]:
            found.setdefault((item["code"], item["party"]), item)
    return found


def may_read(
    tx: Connection, vault: Vault, types: TypeRegistry, caller: Caller, case: Case, copy: SealedCopy, now: datetime
) -> bool:
    """Whether this case was answered with the copy, and the system's grants cover whatever a page of its kind shows: a
    page cannot be shown by fields. What no type describes is for the office's own department.

    Raises: IntegrityBrokenError: somebody wrote the row anew.
    """
    plain = vault.data_key(copy.data_key, copy.kek_kid).decrypt(copy_place(copy.id, "content"), copy.content)
    said = strict_loads(plain, max_bytes=len(plain))
    if (said["kind"], said["office"]) != (copy.kind, copy.department):
        raise IntegrityBrokenError("sealed_copies")
    items = last_items(tx, vault, case).values()
    used = [item for item in items if item.get("evidence", {}).get("stand_in", {}).get("reference") == copy.id]
    if not used:
        return False
    if "/" in copy.kind:
        return caller.department_id == copy.owner_department_id
    grants = grants_of(tx, caller.system_id, CaseKind(case.kind))
    check_guards(tx, vault, grants=grants)
    kinds = {item["kind"] for item in case.corroboration if "kind" in item}
    current, officer = types.current(), officer_of(vault, case)
    for code in copy.kind.split("+"):
        known = current.get(code)
        if known is None:
            return False
        fields = [name for name, claim in known.type.claims.items() if claim.disclosure is not Disclosure.NEVER]
        if not any(grant.resource == code and _covers(grant, case, fields, kinds, officer, now) for grant in grants):
            return False
    return True


def _covers(
    grant: Grant, case: Case, fields: Collection[str], kinds: Collection[str], officer: str | None, now: datetime
) -> bool:
    objection = grant.objection(
        matter=case.matter_code,
        purpose=grant.purpose,
        fields=fields,
        corroboration=kinds,
        now=now,
        officer=officer,
    )
    return objection is None
