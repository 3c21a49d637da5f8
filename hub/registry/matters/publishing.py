"""Publishing a matter takes two: one of its department writes it, another approves the very words."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection

from catalog.errors import DefinitionError
from catalog.matter_store import matter_versions
from catalog.store import find_department
from certificates.definitions.schema import parse_definition
from certificates.errors import TypeDefinitionError
from hub.access.actors import Actor, Role
from hub.registry.matters.drafts import checked
from hub.registry.matters.guard import matter_object
from hub.registry.notices import notify
from hub.registry.proposal import Action
from hub.registry.recording import plain_json

PUBLISH: Final = "matter.publish"
Put = Callable[[Connection, dict[str, Any], datetime, Actor], str]


def declared(text: object) -> dict[str, Any]:
    """The declaration that a text of YAML is.

    Raises: DefinitionError: not YAML of at most 64 K characters, or with anchors, repeated keys or keys that are no
    texts: what hides things.
    """
    if not isinstance(text, str):
        raise DefinitionError("matter: definition must be a text")
    try:
        found = parse_definition(text)
    except TypeDefinitionError as error:
        raise DefinitionError(f"matter: the YAML cannot be read: {error.reason}") from error
    if not isinstance(found, dict):
        raise DefinitionError("matter: it must be a table of members")
    return plain_json(found)


def publish_action(put: Put, try_out: Callable[[dict[str, Any]], Awaitable[None]]) -> Action:
    """The change that two persons make; its payload is `{"definition": YAML}`."""

    async def tried(payload: dict[str, Any]) -> None:
        await try_out(await asyncio.to_thread(declared, payload.get("definition")))

    return Action(check=_check, make=_make(put), tell=_tell, owner=owner_of, try_out=tried)


def owner_of(tx: Connection, payload: dict[str, Any]) -> str | None:
    """The department whose people may publish it: the one that it names, and whose the matter is if there is one."""
    text = payload.get("definition")
    named = _named(text) if isinstance(text, str) else None
    department = find_department(tx, named[0]) if named else None
    if named is None or department is None or department.closed:
        return None
    known = matter_versions(tx, named[1])
    return department.id if not known or known[-1].owner_department_id == department.id else None


@lru_cache(maxsize=256)
def _named(text: str) -> tuple[str, str] | None:
    """Department and code. Remembered: who lists what waits asks it of every proposal, and each takes up to 0.4 s."""
    try:
        definition = declared(text)
    except DefinitionError:
        return None
    return str(definition.get("department", "")), str(definition.get("code", ""))


def _tell(tx: Connection, payload: dict[str, Any], now: datetime) -> None:
    owner = owner_of(tx, payload)
    if owner is not None:
        about = ("matter", matter_object(str(declared(payload["definition"])["code"])))
        notify(tx, "matter.proposed", department_id=owner, role=Role.OWNER_APPROVER, about=about, now=now)


def _check(payload: dict[str, Any]) -> None:
    checked(declared(payload.get("definition")))


def _make(put: Put) -> Callable[[Connection, dict[str, Any], Actor, datetime], dict[str, Any]]:
    def make(tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        code = put(tx, declared(payload["definition"]), now, by)
        return {"matter": code, "version": matter_versions(tx, code)[-1].version}

    return make
