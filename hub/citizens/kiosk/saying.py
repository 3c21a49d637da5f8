"""What somebody says at a terminal: written down only while he stands there, and the entry says where it was said."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from hub.citizens.acting.writing import At
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.kiosk.errors import KioskOverError
from hub.citizens.kiosk.standing import Visit
from hub.citizens.objections.raising import Agent
from hub.storage.database import Database
from hub.storage.idempotency import write_once

CHANNEL: Final = "terminal"
"""As whoever answers is told how it was raised."""


def objecting_at(database: Database, visit: Visit) -> Agent:
    """Objections, as he raises, takes back or has reviewed his own. The act raises KioskOverError."""

    async def act(unit: Callable[[Connection], str]) -> str:
        def while_there(tx: Connection) -> str:
            done = unit(tx)
            visit.must_stand(tx)  # behind whatever the act has waited for
            return done

        try:
            return await write_once(database, while_there)
        except HolderSignInNeededError:
            raise KioskOverError from None

    return Agent({"kiosk": visit.kiosk.id}, act, CHANNEL)


def ending_at(visit: Visit) -> At:
    """Delegations, as he ends them from either side. Raises KioskOverError in the transaction."""
    said = {"by": visit.kiosk.as_json(), "department_id": visit.kiosk.department_id}
    return At("kiosk", said, must_hold=visit.must_stand)
