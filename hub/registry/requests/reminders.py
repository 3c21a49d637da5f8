"""Reminders: what a clock's job does when its instant has come. Run at least once, told once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from hub.access.actors import Role
from hub.clock import Clock
from hub.registry.demands.states import OPEN
from hub.registry.demands.store import find_demand
from hub.registry.notices import notify
from hub.registry.requests.answering import Answering
from hub.registry.requests.dispute_store import Stage, dispute_by_id
from hub.registry.requests.store import find_request
from hub.registry.requests.values import State
from hub.storage.database import Database

_Place = tuple[str | None, Role]


class Reminders:
    """The handler of `clocks.REMIND`."""

    def __init__(self, database: Database, *, answering: Answering, clock: Clock) -> None:
        self._database = database
        self._answering = answering
        self._clock = clock

    async def deliver(self, payload: Mapping[str, Any]) -> None:
        """Tell whom it concerns, unless the clock has stopped or was moved; end what has lapsed."""
        now = self._clock()
        unit = {"request": self._request, "dispute": _dispute, "demand": _demand}[payload["about"]]
        due = datetime.fromisoformat(payload["due_at"])
        if payload["stage"] == "near" and now >= due:  # the hub was down meanwhile: the other job tells the truth
            return
        await self._database.write(lambda tx: unit(tx, payload["id"], due, payload["stage"], now))

    def _request(self, tx: Connection, request_id: str, due: datetime, stage: str, now: datetime) -> None:
        request = find_request(tx, request_id, lock=True)
        if request is None or request.due_at != due:
            return
        if request.state is State.MORE_ASKED and stage == "over":
            self._answering.lapse(tx, request, now)
            return
        owner: _Place = (request.owner_department_id, Role.OWNER_APPROVER)
        asker: _Place = (request.asking_department_id, Role.CONSUMER_ENGINEER)
        acting = owner if request.state is State.SUBMITTED else asker
        _tell(
            tx,
            "request",
            ("grant_request", request.id),
            stage,
            [acting] if stage == "near" else [owner, asker, _OPERATOR],
            due,
            now,
        )


_OPERATOR: Final[_Place] = (None, Role.OPERATOR)


def _dispute(tx: Connection, dispute_id: str, due: datetime, stage: str, now: datetime) -> None:
    dispute = dispute_by_id(tx, dispute_id)
    if dispute is None or dispute.due_at != due:
        return
    sides: list[_Place] = [
        (dispute.owner_department_id, Role.OWNER_APPROVER),
        (dispute.asking_department_id, Role.CONSUMER_ENGINEER),
    ]
    acting = sides if dispute.stage is Stage.NEGOTIATING else [_OPERATOR]
    places = acting if stage == "near" else [*sides, _OPERATOR]
    _tell(tx, "dispute", ("grant_request", dispute.request_id), stage, places, due, now)


def _demand(tx: Connection, demand_id: str, due: datetime, stage: str, now: datetime) -> None:
    demand = find_demand(tx, demand_id, for_update=True)
    if demand is None or demand.state not in OPEN or demand.due_at != due:
        return
    assigned = demand.owner_department_id is not None
    acting: list[_Place] = [(demand.owner_department_id, Role.OWNER_APPROVER)] if assigned else [_OPERATOR]
    asker: _Place = (demand.asking_department_id, Role.CONSUMER_ENGINEER)
    places = acting if stage == "near" else list(dict.fromkeys((*acting, asker, _OPERATOR)))
    _tell(tx, "demand", ("demand", demand.id), stage, places, due, now)


def _tell(
    tx: Connection,
    name: str,
    about: tuple[str, str],
    stage: str,
    places: list[_Place],
    due: datetime,
    now: datetime,
) -> None:
    for department_id, role in places:
        notify(
            tx,
            f"{name}.{stage}",
            department_id=department_id,
            role=role,
            about=about,
            now=now,
            once=due.date().isoformat(),
        )
