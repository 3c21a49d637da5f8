"""Matters as staff look at them: every version, what each changes, and what a draft would change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby, pairwise
from typing import Any

import yaml
from sqlalchemy import Connection

from catalog.errors import DefinitionError
from catalog.matter_store import StoredMatter, in_force, matter_versions
from catalog.matters.asking import Known
from catalog.matters.comparing import Change, changes
from catalog.matters.findings import Finding, unreadable
from catalog.matters.guiding import Checklist, Guide, Script, checklist, guide, script
from catalog.matters.lines import Setting
from catalog.matters.values import Matter
from catalog.store import list_departments
from catalog.vocabulary import Vocabulary
from hub.clock import rfc3339
from hub.issuing.types.registry import TypeRegistry
from hub.registry.matters.drafts import drafted
from hub.registry.matters.examining import examined, known_to
from hub.registry.matters.guard import believed_versions
from hub.registry.matters.publishing import declared
from hub.storage.errors import MissingError
from hub.storage.vault import Vault


@dataclass(frozen=True, slots=True)
class Products:
    """What people would be told, in one language."""

    guide: Guide
    script: Script
    checklist: Checklist


@dataclass(frozen=True, slots=True)
class Draft:
    """A text looked at: what is wrong with it, what it changes in the version in force, and what people would be told
    by it. `matter` is None where it cannot be read.
    """

    matter: Matter | None
    findings: tuple[Finding, ...]
    changes: tuple[Change, ...]
    products: Mapping[str, Products]
    version: int | None
    """The version in force that it is compared with; None: there is none."""

    @property
    def usable(self) -> bool:
        """Whether it could be published."""
        return not any(item.level.value == "error" for item in self.findings)


def listed(tx: Connection, today: date) -> list[dict[str, Any]]:
    """Every matter, by code: whose it is, the version in force and those to come."""
    departments = {item.id: item for item in list_departments(tx)}
    found = []
    for code, some in groupby(matter_versions(tx), key=lambda item: item.code):
        versions = list(some)
        now = in_force(versions, today)
        owner = departments[versions[-1].owner_department_id]
        found.append(
            {
                "code": code,
                "name": _name(now or versions[-1]),
                "department": {"code": owner.code, "zh": owner.name_zh, "en": owner.name_en},
                "owner_department_id": owner.id,
                "version": now.version if now else None,
                "versions": len(versions),
                "to_come": [
                    {"version": item.version, "in_force_from": item.in_force_from}
                    for item in versions
                    if item.in_force_from is not None and item.in_force_from > today.isoformat()
                ],
            }
        )
    return found


def shown(tx: Connection, vault: Vault, code: str, today: date) -> dict[str, Any]:
    """A matter with its versions, newest first, each with what it changed in the one before.

    Raises: MissingError, IntegrityBrokenError.
    """
    versions = _versions(tx, vault, code)
    now = in_force(versions, today)
    changed = [(), *(changes(old.definition, new.definition) for old, new in pairwise(versions))]
    return {
        "code": code,
        "name": _name(now or versions[-1]),
        "owner_department_id": versions[-1].owner_department_id,
        "version": now.version if now else None,
        "versions": [
            {
                "version": item.version,
                "in_force": now is not None and item.id == now.id,
                "in_force_from": item.in_force_from,
                "in_force_until": item.in_force_until,
                "withdrawn": item.withdrawn,
                "published_at": rfc3339(item.created_at),
                "digest": item.digest(),
                "changes": [change.as_json() for change in told],
            }
            for item, told in zip(versions, changed, strict=True)
        ][::-1],
    }


def text_of(tx: Connection, vault: Vault, code: str, version: int | None) -> str:
    """A version as YAML; by default the newest. Raises: MissingError, IntegrityBrokenError."""
    found = [item for item in _versions(tx, vault, code) if version in {None, item.version}]
    if not found:
        raise MissingError("matter")
    return yaml.safe_dump(found[-1].definition, allow_unicode=True, sort_keys=False, width=120)


def looked_at(tx: Connection, types: TypeRegistry, text: str, today: date, vocabulary: Vocabulary) -> Draft:
    """A draft as it would be published. Nobody's data is looked at."""
    try:
        definition = declared(text)
        matter = drafted(definition)
    except DefinitionError as error:
        return Draft(None, (unreadable(error),), (), {}, None)
    if not isinstance(matter, Matter):
        return Draft(None, matter, (), {}, None)
    findings = examined(tx, types, matter, vocabulary=vocabulary)
    before = in_force(matter_versions(tx, matter.code), today)
    told = changes(before.definition, definition) if before else ()
    known = known_to(tx, types, asked=matter.requirements)
    products = {language: _products(matter, known, today, language) for language in ("zh-CN", "en")}
    return Draft(matter, findings, told, products, before.version if before else None)


def _versions(tx: Connection, vault: Vault, code: str) -> Sequence[StoredMatter]:
    found = believed_versions(tx, vault, code)
    if not found:
        raise MissingError("matter")
    return found


def _products(matter: Matter, known: Known, today: date, language: str) -> Products:
    setting = Setting({}, max(today, matter.in_force_from or today))
    return Products(
        guide(matter, setting, known, language),
        script(matter, setting, known, language),
        checklist(matter, setting, known, language),
    )


def _name(stored: StoredMatter) -> dict[str, str]:
    try:
        names = stored.definition.get("name", {})
    except (ValueError, AttributeError):  # a row that cannot be read hides no other; the alarm is the guard's
        names = {}
    return {language: str(names.get(language, "")) for language in ("zh", "en")}
