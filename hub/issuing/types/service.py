"""Changing certificate types: taken in, given a next version, retired. Each change is an entry of the ledger.

A version never changes; licences keep the one under which they were issued. Who may is asked by the callers: the
command line, or two persons through `hub.registry.two_person`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection

from catalog.store import find_department
from certificates.definitions.certificate_type import CertificateType
from certificates.definitions.checks import TypeProblem, problems_of
from certificates.definitions.loading import load_type
from certificates.definitions.schema import read_definition
from certificates.definitions.versions import differences, require_compatible
from certificates.errors import TypeRetiredError
from certificates.stores.types import StoredType, codes_of_slug, stored_types, write_type
from hub.access.actors import Actor
from hub.clock import Clock, new_id, rfc3339
from hub.issuing.types.errors import SlugTakenError, TypeFaultsError
from hub.issuing.types.guard import believed_versions, count_of_changes, guarded, record_change
from hub.issuing.types.registry import TypeRegistry
from hub.storage.database import Database
from hub.storage.errors import MissingError
from hub.storage.vault import DataKey, Vault
from signing.canonical import sha256


class TypeService:
    """Certificate types of the hub."""

    def __init__(
        self, database: Database, *, vault: Vault, types: TypeRegistry, log_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._vault = vault
        self._types = types
        self._log_key = log_key
        self._clock = clock

    async def adopt(self) -> int:
        """Put types of a release that did not guard them under a MAC, and load; answers how many. Done once in a hub's
        life: afterwards a row without a MAC is not believed.
        """
        adopted = 0
        if await self._database.read(_is_of_an_earlier_release):
            adopted = await self._database.write(lambda tx: self._adopt(tx, self._clock()))
        await self.reload()
        return adopted

    async def reload(self) -> None:
        """See what other processes changed."""
        await self._database.read(self._types.load)

    async def add(self, actor: Actor, declared: str) -> StoredType:
        """Take a type in, or its next version, and bring it into force.

        Raises: TypeFaultsError, TypeChangeError, SlugTakenError; ConflictError when another change came first.
        """
        now = self._clock()
        check_description(declared)
        made = await self._database.write(lambda tx: self.put(tx, declared, actor, now))
        await self.reload()
        return made

    async def retire(self, actor: Actor, code: str, *, reason: str, legal_basis: str) -> StoredType:
        """Issue nothing more of a type. Its licences stay what they are. Raises: MissingError, TypeRetiredError."""
        now = self._clock()
        told = {"reason": reason, "legal_basis": legal_basis}
        made = await self._database.write(lambda tx: self.put_end(tx, code, told, actor, now))
        await self.reload()
        return made

    def put(self, tx: Connection, declared: str, actor: Actor, now: datetime) -> StoredType:
        """The unit of `add`, for whoever has a transaction. The next version of a retired type brings it back."""
        parsed = load_type(declared)
        known, number = believed_versions(tx, self._vault, parsed.code, for_update=True)
        if codes_of_slug(tx, parsed.slug) - {parsed.code}:
            raise SlugTakenError(parsed.slug)
        if known:
            require_compatible(load_type(known[-1].definition), parsed)
        if known and known[-1].definition == declared and known[-1].retired_at is None:
            return known[-1]
        written = StoredType(
            id=new_id(),
            code=parsed.code,
            slug=parsed.slug,
            version=known[-1].version + 1 if known else 1,
            current=True,
            definition=declared,
            created_at=now,
            retired_at=None,
            made_by=f"{actor.kind}:{actor.id}"[:84],
            row_version=number,
            mac=None,
        )
        for stored in known:
            if stored.current:
                write_type(tx, guarded(self._vault, replace(stored, current=False, row_version=number)))
        made = guarded(self._vault, written)
        write_type(tx, made)
        detail = {"code": made.code, "slug": made.slug, "version": made.version, "digest": digest_of(declared)}
        record_change(tx, self._log_key, actor, "catalog.type", detail, now=now, of=(made.code, number))
        return made

    def put_end(self, tx: Connection, code: str, told: dict[str, str], actor: Actor, now: datetime) -> StoredType:
        """The unit of `retire`, for whoever has a transaction."""
        known, number = believed_versions(tx, self._vault, code, for_update=True)
        if not known:
            raise MissingError("certificate type")
        if known[-1].retired_at is not None:
            raise TypeRetiredError(code)
        ended = guarded(self._vault, replace(known[-1], retired_at=now, row_version=number))
        write_type(tx, ended)
        detail = {"code": code, **told}
        record_change(tx, self._log_key, actor, "catalog.type_retired", detail, now=now, of=(code, number))
        return ended

    async def check_next(self, code_or_slug: str, declared: str) -> CertificateType:
        """Read a description that is to be a type's next version.

        Raises: MissingError, TypeFaultsError, TypeChangeError with everything that makes it a type of its own.
        """
        parsed = check_description(declared)
        known = await self._database.read(lambda tx: self._named(tx, code_or_slug))
        require_compatible(load_type(known[-1].definition), parsed)
        return parsed

    async def shown(self, code_or_slug: str) -> dict[str, Any]:
        """A type with its versions and what each changed. Public. Raises: MissingError, IntegrityBrokenError."""
        versions = await self._database.read(lambda tx: self._named(tx, code_or_slug))
        return shown_type(versions)

    async def text_of(self, code_or_slug: str, version: int | None = None) -> str:
        """A version's description as it was written; the newest by default. Raises: MissingError."""
        versions = await self._database.read(lambda tx: self._named(tx, code_or_slug))
        found = [stored for stored in versions if version in {None, stored.version}]
        if not found:
            raise MissingError("certificate type")
        return found[-1].definition

    def owner_of(self, tx: Connection, code: str) -> str | None:
        """The id of the department that defines types of this code, where it is one of this hub's."""
        department = find_department(tx, code[:18])
        return None if department is None or department.closed else department.id

    def _named(self, tx: Connection, code_or_slug: str) -> list[StoredType]:
        codes = codes_of_slug(tx, code_or_slug) or {code_or_slug}
        found, _ = believed_versions(tx, self._vault, min(codes))
        if not found:
            raise MissingError("certificate type")
        return found

    def _adopt(self, tx: Connection, now: datetime) -> int:
        if not _is_of_an_earlier_release(tx):
            return 0
        known = stored_types(tx, for_update=True)
        for stored in known:
            write_type(tx, guarded(self._vault, stored))
        detail = {"types": [[stored.code, stored.version, digest_of(stored.definition)] for stored in known]}
        rule = Actor("rule", "migration-0004", "migration", None, frozenset())
        record_change(tx, self._log_key, rule, "catalog.types_guarded", detail, now=now)
        return len(known)


def check_description(declared: object) -> CertificateType:
    """Read a description that somebody sent. Raises: TypeFaultsError: with everything that is wrong."""
    if not isinstance(declared, str):
        raise TypeFaultsError([TypeProblem("definition", "type")])
    if faults := [problem for problem in problems_of(declared) if problem.fault]:
        raise TypeFaultsError(faults)
    return load_type(declared)


def shown_type(versions: Sequence[StoredType]) -> dict[str, Any]:
    """A type's versions, newest first, each with what it changed; the schema of the newest."""
    newest = load_type(versions[-1].definition)
    read = [read_definition(stored.definition) for stored in versions]
    changes = [[], *(differences(old, new) for old, new in pairwise(read))]
    listed = [
        {
            "version": stored.version,
            "in_force": stored is versions[-1] and stored.retired_at is None,
            "since": rfc3339(stored.created_at),
            "retired_at": rfc3339(stored.retired_at) if stored.retired_at else None,
            "made_by": stored.made_by,
            "digest": digest_of(stored.definition),
            "changes": [item.as_json() for item in changed],
        }
        for stored, changed in zip(versions, changes, strict=True)
    ]
    return {
        "code": newest.code,
        "slug": newest.slug,
        "name": {"zh": newest.name.zh, "en": newest.name.en},
        "state": "retired" if versions[-1].retired_at else "in_force",
        "version": versions[-1].version,
        "definition": read[-1],
        "claim_schema": newest.claim_schema,
        "versions": listed[::-1],
    }


def digest_of(declared: str) -> str:
    """SHA-256 of a description as it was written, hexadecimal."""
    return sha256(declared.encode()).hex()


def _is_of_an_earlier_release(tx: Connection) -> bool:
    return count_of_changes(tx) == 0 and bool(stored_types(tx))
