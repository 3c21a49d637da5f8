"""The records of a case for its archive: steps, signed form, officers' answers, sealed copies, promises.

Of the case itself alone: what another case handed in, or was promised, stays in that one's archive. Scans are not read
here: they lie in the object store and are taken by the digest under their seals.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, and_, select

from catalog.tables import table
from hub.archive.errors import ArchiveNotReadyError, ScanGoneError
from hub.archive.steps import told_steps
from hub.clock import rfc3339
from hub.intake.answers import case_key
from hub.intake.families.store import family_by_id, family_id_of
from hub.intake.forms.filed import filed_form
from hub.intake.forms.sealing import signatures_in_full, signed_content
from hub.intake.forms.store import StoredForm, find_form
from hub.intake.lower.asking import task_place
from hub.intake.lower.copy_store import SEALED
from hub.intake.lower.handing_in import copy_place
from hub.intake.lower.promised import promise_place
from hub.intake.lower.sealing import STAMP_PURPOSE, object_name
from hub.intake.lower.tables import CommitmentRow, SealedCopyRow, VerificationTaskRow
from hub.intake.store import Case
from hub.issuing.stamping import queue
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.objects.folder import ObjectStore
from hub.storage.vault import DataKey, Vault
from signing.canonical import b64u, sha256, strict_loads

MOST_SCANS: Final = 128 * 1024 * 1024
"""Bytes of scans in one archive; of what is more the seals alone are there."""
_TASKS: Final = table(VerificationTaskRow)
_COPIES: Final = table(SealedCopyRow)
_PROMISES: Final = table(CommitmentRow)
_ENDINGS: Final = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg"}
Told = Collection[tuple[str, ...]]
"""What answers told of stand-ins: each by its reference alone, or by requirement, party and reason."""


def gather_records(tx: Connection, vault: Vault, case: Case, told: Told) -> dict[str, Any]:
    """What an intent holds of them: `records` is a file, `tokens` and `stamps` are files by path, `scans` name some.

    An officer's answer is there where an answer told it: of what was never disclosed an archive discloses nothing.

    Raises: ArchiveNotReadyError: an answer is not signed yet, a seal not stamped. IntegrityBrokenError.
    """
    found: dict[str, Any] = {"tokens": {}, "stamps": {}, "scans": []}
    family_id = family_id_of(tx, case.id)
    family = family_by_id(tx, family_id) if family_id else None
    found["records"] = {
        "steps": told_steps(tx, vault, case),
        "form": _form(tx, vault, case),
        "family": {"number": family.family_no, "event": family.event_code} if family else None,
        "tasks": _tasks(tx, vault, case, told, found),
        "copies": _copies(tx, vault, case, found),
        "promises": _promises(tx, vault, case),
    }
    return found


def entries_of(records: Mapping[str, Any]) -> list[str]:
    """The ledger entries with which they were made."""
    form = records["form"] or {"signatures": []}
    told = [*records["steps"], *form["signatures"], *records["tasks"], *records["copies"], *records["promises"]]
    return [item["entry"] for item in told]


async def read_scans(
    objects: ObjectStore, keys: Mapping[str, DataKey], scans: Sequence[Mapping[str, str]]
) -> dict[str, bytes]:
    """The scans that an intent names, by path. `keys`: of the copies. Raises: IntegrityBrokenError: one is another, or
    gone; UnavailableError.
    """
    found = {}
    for scan in scans:
        copy = scan["copy"]
        try:
            sealed = await asyncio.to_thread(objects.get, object_name(copy))
        except MissingError as error:
            raise IntegrityBrokenError("sealed_copies") from error
        content = keys[copy].decrypt(copy_place(copy, "object"), sealed)
        if sha256(content).hex() != scan["sha256"]:
            raise IntegrityBrokenError("sealed_copies")
        found[scan["path"]] = content
    return found


def scan_keys(tx: Connection, vault: Vault, scans: Sequence[Mapping[str, str]]) -> dict[str, DataKey]:
    """The keys of the copies whose scans an intent names. Raises: ScanGoneError."""
    wanted = [scan["copy"] for scan in scans]
    columns = (_COPIES.c.id, _COPIES.c.data_key, _COPIES.c.kek_kid)
    there = and_(_COPIES.c.id.in_(wanted), _COPIES.c.state == SEALED, _COPIES.c.scan_deleted_at.is_(None))
    found = {row.id: vault.data_key(row.data_key, row.kek_kid) for row in tx.execute(select(*columns).where(there))}
    if found.keys() != set(wanted):
        raise ScanGoneError
    return found


def _form(tx: Connection, vault: Vault, case: Case) -> dict[str, Any] | None:
    """As it was signed; of a family's form the fields of this case's matter."""
    own, key = find_form(tx, f"case:{case.id}"), case_key(vault, case)
    content = signed_content(key, own) if own is not None else None
    if own is not None and content is not None:
        return _signed(tx, key, own, content, whole=True)
    family_id, filed = family_id_of(tx, case.id), filed_form(tx, vault, case)
    family = family_by_id(tx, family_id) if family_id else None
    if family is None or filed is None:
        return None
    stored = find_form(tx, f"family:{family.id}")
    assert stored is not None  # noqa: S101  # it was filed from there
    part = {"form": filed["form"], "fields": filed["fields"]}
    return _signed(tx, vault.data_key(family.data_key, family.kek_kid), stored, part, whole=False)


def _signed(
    tx: Connection, key: DataKey, stored: StoredForm, content: Mapping[str, Any], *, whole: bool
) -> dict[str, Any]:
    signatures = [
        {"party": item.party, "signed_at": rfc3339(item.signed_at), "entry": item.ledger_entry_id}
        | {name: value for name, value in how.items() if name != "digest"}
        for item, how in signatures_in_full(tx, key, stored)
    ]
    return {"whole": whole, "content": dict(content), "digest": stored.digest, "signatures": signatures}


def _tasks(tx: Connection, vault: Vault, case: Case, told: Told, found: dict[str, Any]) -> list[dict[str, Any]]:
    given: list[dict[str, Any]] = []
    where = (_TASKS.c.case_id == case.id) & _TASKS.c.answer.is_not(None)
    for row in tx.execute(select(_TASKS).where(where).order_by(_TASKS.c.id)).all():
        if not {(row.id,), (row.code, row.party, f"verification_{row.result}")} & {*told}:
            continue
        if row.token is None:
            raise ArchiveNotReadyError("answers")
        token = vault.data_key(row.data_key, row.kek_kid).decrypt(task_place(row.id, "token"), row.token)
        name = f"tasks/{len(given) + 1:04}.jws"
        found["tokens"][name] = token.decode()
        given.append({"file": name, "entry": row.ledger_entry_id, "requirement": row.code, "party": row.party})
    return given


def _copies(tx: Connection, vault: Vault, case: Case, found: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that were sealed, withdrawn since or not. Of a person who was erased there is none."""
    told: list[dict[str, Any]] = []
    size = 0
    where = (_COPIES.c.case_id == case.id) & _COPIES.c.token.is_not(None)
    for row in tx.execute(select(_COPIES).where(where).order_by(_COPIES.c.id)).all():
        stamp = queue.find(tx, purpose=STAMP_PURPOSE, reference=row.id)
        if stamp is None or stamp.token is None:
            raise ArchiveNotReadyError("time_stamp")
        token = vault.data_key(row.data_key, row.kek_kid).decrypt(copy_place(row.id, "token"), row.token)
        name = f"copies/{len(told) + 1:04}"
        found["tokens"][f"{name}.jws"] = token.decode()
        found["stamps"][f"{name}.tst"] = b64u(stamp.token)
        scan = None
        if row.state == SEALED and row.scan_deleted_at is None and size + row.size <= MOST_SCANS:
            size, scan = size + row.size, f"{name}.{_ENDINGS.get(row.media_type, 'bin')}"
            found["scans"].append({"copy": row.id, "path": scan, "sha256": row.digest})
        told.append(
            {"file": f"{name}.jws", "scan": scan, "stamp": f"{name}.tst", "entry": row.ledger_entry_id}
            | {"requirement": row.code, "party": row.party, "state": row.state}
        )
    return told


def _promises(tx: Connection, vault: Vault, case: Case) -> list[dict[str, Any]]:
    told = []
    where = (_PROMISES.c.case_id == case.id) & _PROMISES.c.given_at.is_not(None)
    for row in tx.execute(select(_PROMISES).where(where).order_by(_PROMISES.c.id)).all():
        plain = case_key(vault, case).decrypt(promise_place(row.id), row.content)
        content = strict_loads(plain, max_bytes=len(plain))
        told.append(
            {
                "requirement": row.code,
                "party": row.party,
                "template": row.template,
                "text": content["text"],
                "text_digest": row.text_digest,
                "confirmed": content["confirmed"],
                "state": row.state,
                "given_at": rfc3339(row.given_at),
                "due_at": rfc3339(row.due_at) if row.due_at else None,
                "ended_at": rfc3339(row.ended_at) if row.ended_at else None,
                "entry": row.ledger_entry_id,
            }
        )
    return told
