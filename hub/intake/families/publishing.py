"""Publishing a life event takes two: one of the department that leads it writes it, another approves the very words."""

import asyncio
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from catalog.errors import DefinitionError
from catalog.life_events.reading import read_event
from catalog.store import find_department
from certificates.definitions.schema import parse_definition
from certificates.errors import TypeDefinitionError
from hub.access.actors import Actor, Role
from hub.intake.families.events import EventService, event_object
from hub.registry.notices import notify
from hub.registry.proposal import Action
from hub.registry.recording import plain_json

PUBLISH: Final = "event.publish"


def declared(payload: dict[str, Any]) -> dict[str, Any]:
    """The declaration in `{"definition": YAML}`.

    Raises: DefinitionError: not YAML, or with what hides things: anchors, repeated keys, keys that are no texts.
    """
    text = payload.get("definition")
    if not isinstance(text, str):
        raise DefinitionError("event: definition must be a text")
    try:
        found = parse_definition(text)
    except TypeDefinitionError as error:
        raise DefinitionError(f"event: the YAML cannot be read: {error.reason}") from error
    if not isinstance(found, dict):
        raise DefinitionError("event: it must be a table of members")
    return plain_json(found)


def publish_action(events: EventService) -> Action:
    """The change that two persons make; that its matters fit is looked at before it is proposed and when it is made."""

    async def tried(payload: dict[str, Any]) -> None:
        await events.try_out(await asyncio.to_thread(declared, payload))

    def make(tx: Connection, payload: dict[str, Any], by: Actor, now: datetime) -> dict[str, Any]:
        return {"event": events.put(tx, by, declared(payload), now)}

    def owner(tx: Connection, payload: dict[str, Any]) -> str | None:
        try:
            definition = declared(payload)
        except DefinitionError:
            return None
        department = find_department(tx, str(definition.get("department", "")))
        known = events.owner_of(tx, str(definition.get("code", "")))
        if department is None or department.closed or known not in {None, department.id}:
            return None
        return department.id

    def tell(tx: Connection, payload: dict[str, Any], now: datetime) -> None:
        department_id = owner(tx, payload)
        if department_id is not None:
            about = ("life_event", event_object(str(declared(payload)["code"])))
            notify(tx, "event.proposed", department_id=department_id, role=Role.OWNER_APPROVER, about=about, now=now)

    return Action(check=lambda payload: read_event(declared(payload)), make=make, tell=tell, owner=owner, try_out=tried)
