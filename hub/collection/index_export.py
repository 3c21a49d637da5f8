"""Index for the upper level 证照目录信息: which licences there are, and what became of them; never the document.

Elements: china.md §2.3, as uploaded to the national platform (`cd_batch`, `cd_operation`, `cd_time` and the rest). A
holder's number leaves in clear only where that is said; otherwise as HMAC-SHA256 under a key agreed with the upper
platform, for a plain hash of an ID number is found out in minutes. His name, and a number of a licence that is his own
ID number, then stay away.

What was told is known from the file, line by line. A time could not say it: a licence that waits for its signature, for
weeks where its department approves each, would be passed over for good once a younger one was told.
"""

import asyncio
import hmac
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, select

from catalog.store import Department, list_departments
from catalog.tables import DepartmentRow, table
from certificates.lifecycle.states import Status
from certificates.stores import certificates as library
from certificates.stores.holders import subject_by_id
from certificates.stores.version import WHOLE, VersionRecord
from certificates.tables import CertificateVersionRow, SubjectRow, TransitionRow
from hub.access.actors import Actor, Role
from hub.clock import Clock, new_id, rfc3339
from hub.issuing.drafting import document_place, read_index
from hub.issuing.keys.desk import find_key_certificate
from hub.issuing.types.registry import TypeRegistry
from hub.ledger.guards import check_guards
from hub.registry.recording import record
from hub.storage.database import Database
from hub.storage.errors import IntegrityBrokenError
from hub.storage.vault import DataKey, Vault
from signing import sd_jwt

_VERSIONS: Final = table(CertificateVersionRow)
_TRANSITIONS: Final = table(TransitionRow)
_SUBJECTS: Final = table(SubjectRow)
_DEPARTMENTS: Final = table(DepartmentRow)
_PAGE: Final = 200
_AT_ONCE: Final = 10_000
MIN_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexOrder:
    """What leaves, for whom, on what legal basis. `holder_key` None: numbers and names of holders leave in clear."""

    since: datetime
    receiver: str
    legal_basis: str
    holder_key: bytes | None = field(repr=False)


class IndexExport:
    """Writes index records; those of one run in the order in which things happened."""

    def __init__(
        self, database: Database, *, vault: Vault, types: TypeRegistry, log_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._log_key = log_key
        self._clock = clock

    async def export(self, actor: Actor, order: IndexOrder, out: Path) -> int:
        """Append what happened since and does not stand in the file yet; answers how many lines. What was decided
        earlier and signed late comes late, with the time of its decision. A file that a killed run left is gone on with
        behind its last whole line. The ledger has the disclosure before the first byte is written.

        Raises: ForbiddenError; IntegrityBrokenError for a licence that is not to be believed; OSError; StorageError.
        """
        actor.require(Role.OPERATOR)
        batch, until = new_id(), self._clock()
        told = await asyncio.to_thread(_told, out)
        detail = {
            "batch": batch,
            "receiver": order.receiver,
            "legal_basis": order.legal_basis,
            "since": rfc3339(order.since),
            "until": rfc3339(until),
            "holders": "clear" if order.holder_key is None else "keyed",
        }
        await self._database.write(
            lambda tx: record(tx, self._log_key, actor, "collection.index", detail, now=self._clock())
        )
        departments = {item.id: item for item in await self._database.read(list_departments)}
        happened = await self._database.read(lambda tx: _happened(tx, order.since, until, told))
        written = 0
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600), "wb") as file:
            for start in range(0, len(happened), _PAGE):
                some = happened[start : start + _PAGE]
                lines = await self._database.read(
                    lambda tx, some=some: list(self._lines(tx, some, order, batch, departments))  # type: ignore[misc]
                )
                file.write(b"".join(lines))
                file.flush()
                os.fsync(file.fileno())
                written += len(lines)
        return written

    def _lines(
        self,
        tx: Connection,
        happened: list[tuple[datetime, str, str, str]],
        order: IndexOrder,
        batch: str,
        departments: Mapping[str, Department],
    ) -> Iterator[bytes]:
        versions = {item.id: item for item in library.read_versions(tx, {item[1] for item in happened})}
        check_guards(tx, self._vault, versions=versions.values())
        self._types.learn(tx, [(item.type_code, item.type_version) for item in versions.values()])
        for at, version_id, operation, event in happened:
            version = versions[version_id]
            told = {"cd_batch": batch, "cd_id": event, "cd_operation": operation, "cd_time": rfc3339(at)}
            told |= self._described(tx, version, order, departments[version.owner_department_id])
            yield json.dumps(told, ensure_ascii=False).encode() + b"\n"

    def _described(
        self, tx: Connection, version: VersionRecord, order: IndexOrder, department: Department
    ) -> dict[str, Any]:
        kind = self._types.version(version.type_code, version.type_version)
        subject = subject_by_id(tx, version.subject_id)
        key = self._vault.data_key(subject.data_key, subject.kek_kid)
        row = tx.execute(select(_SUBJECTS.c.id_type, _SUBJECTS.c.id_number).where(_SUBJECTS.c.id == subject.id)).one()
        number = key.decrypt(f"subjects:{subject.id}:id_number", row.id_number).decode()
        area = tx.execute(select(_DEPARTMENTS.c.region).where(_DEPARTMENTS.c.id == department.id)).scalar()
        claims = self._claims(tx, version, key)
        clear = order.holder_key is None
        named = clear and {kind.holder.name, kind.holder.id} <= claims.keys()
        licence = claims.get(kind.record_key)
        code = number
        if order.holder_key is not None:
            code = hmac.digest(order.holder_key, f"{row.id_type}\0{number}".encode(), "sha256").hex()
            licence = None if kind.record_key == kind.holder.id else licence
        return {
            "certificate_area_code": area,
            "certificate_holder": kind.holder_of(claims).name if named else None,
            "certificate_holder_code": code,
            "certificate_holder_type": row.id_type,
            "certificate_name": kind.name.zh,
            "certificate_number": licence,
            "certificate_source_id": version.identifier,
            "certificate_type": kind.name.zh,
            "certificate_type_code": kind.code,
            "issue_date": version.issued_on,
            "valid_until": version.valid_until,
            "issue_dept": department.name_zh,
            "issue_dept_code": department.code,
            "status": Status(version.status).value,
            "data_source": department.code,
        }

    def _claims(self, tx: Connection, version: VersionRecord, key: DataKey) -> dict[str, Any]:
        kind = self._types.version(version.type_code, version.type_version)
        if version.state == "indexed":
            return {kind.record_key: read_index(key, version).number}
        certificate = find_key_certificate(tx, version.signing_kid)
        if certificate is None:
            raise IntegrityBrokenError("key_certificates")
        token = key.decrypt(document_place(version.id), version.document)
        return sd_jwt.verify(token, key=certificate.public).claims


def _happened(
    tx: Connection, since: datetime, until: datetime, told: frozenset[bytes]
) -> list[tuple[datetime, str, str, str]]:
    """When, to which version, what, and the row that says so: whole versions and acts on them, oldest first."""
    whole = _VERSIONS.c.state.in_(WHOLE)
    made = select(_VERSIONS.c.created_at, _VERSIONS.c.id, _VERSIONS.c.version, _VERSIONS.c.id).where(
        (_VERSIONS.c.created_at > since) & (_VERSIONS.c.created_at <= until) & whole
    )
    acts = (
        select(_TRANSITIONS.c.recorded_at, _TRANSITIONS.c.version_id, _TRANSITIONS.c.operation, _TRANSITIONS.c.id)
        .join(_VERSIONS, _VERSIONS.c.id == _TRANSITIONS.c.version_id)
        .where((_TRANSITIONS.c.recorded_at > since) & (_TRANSITIONS.c.recorded_at <= until) & whole)
        .where(_TRANSITIONS.c.object_version > 1)
    )
    found = [
        (at, version_id, _operation(what), event)
        for query in (acts, made)  # so that no act is told before the version that it is on
        for at, version_id, what, event in tx.execute(query.execution_options(yield_per=_AT_ONCE))
        if _short(event) not in told
    ]
    return sorted(found, key=lambda item: (item[0], item[3]))


def _operation(what: int | str) -> str:
    return what if isinstance(what, str) else "issue" if what == 1 else "update"


def _told(out: Path) -> frozenset[bytes]:
    """What stands in a file that is there; a torn last line is cut off."""
    if not out.exists():
        return frozenset()
    whole, ids = 0, set[bytes]()
    with out.open("r+b") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            whole += len(line)
            ids.add(_short(json.loads(line)["cd_id"]))
        file.truncate(whole)
    return frozenset(ids)


def _short(event: str) -> bytes:
    """Of millions of ids, a third of the memory."""
    return bytes.fromhex(event.replace("-", ""))
