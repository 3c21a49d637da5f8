"""A hub in which one person has an identity card, and can sign in."""

from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from sqlalchemy import Connection

from hub.access.actors import COMMAND, Actor, Role
from hub.citizens.sessions import HolderSessions
from hub.citizens.values import Holder, Identity, Level
from hub.clock import utc_now
from hub.ledger.erasure import ERASE
from hub.runtime import Hub, open_hub
from tests.hub.city import PERSON, identity_claims
from tests.support import POLICE, Place, issue


class Watch:
    """A clock that the test sets forward."""

    def __init__(self) -> None:
        self.ahead = utc_now() - utc_now()

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
async def hub(place: Place, watch: Watch) -> AsyncIterator[Hub]:
    async with open_hub(place.settings(trial_sign_in="on"), clock=watch) as opened:
        await issue(opened, identity_claims(), slug="identity_card", issuer=POLICE)
        yield opened


async def session(hub: Hub, level: Level = Level.SUBSTANTIAL, person: dict[str, str] = PERSON) -> str:
    """The cookie of a session of this person."""
    sessions: HolderSessions = hub.citizens.sessions
    given = Identity(person["id_type"], person["id_number"], person["name"])

    def unit(tx: Connection) -> str:
        subject = hub.citizens.trial._confirming.find(tx, given, hub.clock())
        assert subject is not None
        return sessions.begin(tx, subject, given, level=level, how="trial")

    return await hub.database.write(unit)


async def signed_in(hub: Hub, level: Level = Level.SUBSTANTIAL, person: dict[str, str] = PERSON) -> Holder:
    return await hub.citizens.sessions.find(await session(hub, level, person))


async def erased(hub: Hub) -> None:
    """Two operators erase the person."""
    found = await hub.erasure.find(COMMAND, PERSON["id_type"], PERSON["id_number"])
    made = await hub.sharing.proposals.propose(COMMAND, ERASE, {"subject": found.id, "legal_basis": "test"}, "asked")
    await hub.sharing.proposals.confirm(Actor("command", "second", "second", None, frozenset(Role)), made.id)
