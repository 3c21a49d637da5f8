"""What was used, or ended, and is put back by SQL just as it was: it opens nothing, for the ledger knows its end."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Executable, Table, delete, insert, select, update
from structlog.testing import capture_logs

from catalog.tables import table
from hub.access.actors import Actor, Role
from hub.access.sessions import hashed
from hub.citizens.asked.tables import ShowingRequestRow
from hub.citizens.codes import Code
from hub.citizens.errors import HolderSignInNeededError, PresentationRefusedError, RequestOverError
from hub.citizens.showing.tables import ShowingRow
from hub.citizens.tables import HolderSessionRow, PresentationRow
from hub.citizens.values import Holder
from hub.clock import new_id
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import Hub, look_into
from hub.storage.errors import ConflictError
from tests.citizens.conftest import session, signed_in
from tests.citizens.test_asked import PEER, asked, clerk, picks
from tests.citizens.test_presentations import shown as presented
from tests.citizens.test_showing import ANYBODY
from tests.citizens.test_showing import shown as showing
from tests.support import MATTER, Place

CODES, SHOWINGS, REQUESTS = table(PresentationRow), table(ShowingRow), table(ShowingRequestRow)
SESSIONS, ENTRIES = table(HolderSessionRow), table(LedgerEntryRow)


async def row_of(hub: Hub, rows: Table, row_id: str) -> dict[str, Any]:
    query = select(rows).where(rows.c.id == row_id)
    return dict((await hub.database.read(lambda tx: tx.execute(query).one()))._mapping)


async def run(hub: Hub, statement: Executable) -> None:
    await hub.database.write(lambda tx: tx.execute(statement))


async def put_back(hub: Hub, rows: Table, row: dict[str, Any]) -> None:
    await run(hub, delete(rows).where(rows.c.id == row["id"]))
    await run(hub, insert(rows).values(**row))


async def ends(hub: Hub, row_id: str) -> list[str]:
    """The entries under this id."""
    query = select(ENTRIES.c.kind).where(ENTRIES.c.object_id == row_id)
    return list(await hub.database.read(lambda tx: tx.execute(query).scalars().all()))


@pytest.mark.sampled
async def test_a_code_that_was_taken_or_replaced_opens_no_second_case(hub: Hub) -> None:
    holder, taking = await signed_in(hub), hub.citizens.taking
    who, here = Actor("staff", new_id(), "clerk", new_id(), frozenset({Role.CLERK})), new_id()
    first, second = await presented(hub, holder), await presented(hub, holder)
    kept = await row_of(hub, CODES, second.presentation.id)

    async def take(code: str, case_no: str) -> None:
        found = await taking.read(who, here, Code(code), matter=MATTER)
        await hub.database.write(lambda tx: taking.take(who, here, found, matter=MATTER)(tx, None, case_no))

    found = await taking.read(who, here, Code(second.code), matter=MATTER)
    await take(second.code, "YZ1")
    await put_back(hub, CODES, kept)
    with pytest.raises(PresentationRefusedError), capture_logs() as logs:
        await take(second.code, "YZ2")
    assert [log["event"] for log in logs if log.get("alarm")] == ["code_put_back"]
    with pytest.raises(PresentationRefusedError):  # put back behind a look that had found it whole
        await hub.database.write(lambda tx: taking.take(who, here, found, matter=MATTER)(tx, None, "YZ3"))
    assert await ends(hub, second.presentation.id) == ["presentation.taken"]
    revived = kept | {"id": first.presentation.id}
    assert await ends(hub, first.presentation.id) == ["presentation.expired"]
    await run(hub, delete(CODES).where(CODES.c.id == second.presentation.id))
    await put_back(hub, CODES, revived)
    told = await hub.citizens.presentations.look(holder, first.presentation.id)
    assert getattr(told, "state", "") == "expired"
    assert {item.state for item in (await hub.citizens.presentations.listed(holder))[0]} == {"expired"}
    await run(hub, update(CODES).values(expires_at=kept["made_at"]))
    assert await hub.citizens.presentations.sweep() == 0  # it ends no second time, and is in nobody's way
    assert (await row_of(hub, CODES, first.presentation.id))["content"] is None


@pytest.mark.sampled
async def test_a_showing_is_seen_once_whatever_its_row_says(hub: Hub) -> None:
    holder = await signed_in(hub)
    live = await showing(hub, holder, "sex")
    kept = await row_of(hub, SHOWINGS, live.showing.id)
    await hub.showing.receiving.take(ANYBODY, live.code)
    await put_back(hub, SHOWINGS, kept)
    with pytest.raises(PresentationRefusedError):
        await hub.showing.receiving.take(ANYBODY, live.code)
    assert await ends(hub, live.showing.id) == ["showing.taken"]
    await run(hub, delete(SHOWINGS))
    live = await showing(hub, holder, "sex")
    kept = await row_of(hub, SHOWINGS, live.showing.id)
    await hub.showing.showings.withdraw(holder, live.showing.id)
    await put_back(hub, SHOWINGS, kept)
    with pytest.raises(PresentationRefusedError):
        await hub.showing.receiving.take(ANYBODY, live.code)
    told = await hub.showing.showings.look(holder, live.showing.id)
    assert getattr(told, "state", "") == "expired"
    assert {item.state for item in (await hub.showing.showings.listed(holder))[0]} == {"expired"}
    assert await ends(hub, live.showing.id) == ["showing.ended"]


async def _give(hub: Hub, holder: Holder, code: str) -> None:
    await hub.showing.answering.give(holder, code, await picks(hub, holder, "sex"), peer=PEER)


async def _decline(hub: Hub, holder: Holder, code: str) -> None:
    await hub.showing.answering.decline(holder, code, peer=PEER)


@pytest.mark.sampled
@pytest.mark.parametrize("answer", [_give, _decline])
async def test_a_request_is_answered_once_and_fetched_once(
    hub: Hub, answer: Callable[[Hub, Holder, str], Awaitable[None]]
) -> None:
    holder, asker = await signed_in(hub), await clerk(hub)
    question = await asked(hub, asker)
    kept = await row_of(hub, REQUESTS, question.id)
    await answer(hub, holder, question.code)
    if answer is _give:
        (given,) = await hub.database.read(lambda tx: tx.execute(select(SHOWINGS)).all())
        await hub.showing.asking.collect(asker, question.id)
        await put_back(hub, SHOWINGS, dict(given._mapping))
        with pytest.raises(PresentationRefusedError):
            await hub.showing.asking.collect(asker, question.id)
        await run(hub, delete(SHOWINGS))
    await put_back(hub, REQUESTS, kept)
    with pytest.raises(RequestOverError):
        await answer(hub, holder, question.code)
    assert (await hub.showing.asking.look(asker, question.id)).state == "over"


@pytest.mark.sampled
async def test_a_second_end_is_refused_by_the_database_itself(hub: Hub) -> None:
    """Whoever takes the end away from one look has not taken it away from the next entry."""
    live = await showing(hub, await signed_in(hub), "sex")
    await hub.showing.receiving.take(ANYBODY, live.code)
    query = select(ENTRIES).where(ENTRIES.c.object_id == live.showing.id)
    entry = dict((await hub.database.read(lambda tx: tx.execute(query).one()))._mapping)
    twin = entry | {"id": new_id(), "position": None}
    with pytest.raises(ConflictError):
        await run(hub, insert(ENTRIES).values(**twin))


@pytest.mark.embedded
async def test_whoever_takes_the_end_from_the_ledger_as_well_is_found_by_its_audit(place: Place, hub: Hub) -> None:
    """What is not held at that moment: he has changed the ledger, which says so."""
    holder = await signed_in(hub)
    live = await showing(hub, holder, "sex")
    kept = await row_of(hub, SHOWINGS, live.showing.id)
    await hub.showing.receiving.take(ANYBODY, live.code)
    await hub.ledger.drain()
    await put_back(hub, SHOWINGS, kept)
    gone = update(ENTRIES).where(ENTRIES.c.object_id == live.showing.id)
    await run(hub, gone.values(object_id=None, object_version=None))
    await hub.showing.receiving.take(ANYBODY, live.code)
    async with look_into(place.settings()) as auditor:
        found = await auditor.ledger.verify(None)
    assert any(finding.endswith("column object_id was changed") for finding in found.findings)


@pytest.mark.sampled
async def test_a_session_that_its_holder_ended_or_left_idle_is_not_revived(hub: Hub) -> None:
    sessions = hub.citizens.sessions
    here, other, stolen = [await session(hub) for _ in range(3)]
    holder = await sessions.find(here)
    by_hash = {
        row.secret_hash: dict(row._mapping)
        for row in await hub.database.read(lambda tx: tx.execute(select(SESSIONS)).all())
    }
    await sessions.end(other)
    await put_back(hub, SESSIONS, by_hash[hashed(other)])
    assert await sessions.others(holder) == 1, "the stolen one; what has ended is not counted"
    await sessions.end_all(holder)
    for secret in (here, other, stolen):
        await put_back(hub, SESSIONS, by_hash[hashed(secret)])
        with pytest.raises(HolderSignInNeededError):
            await sessions.find(secret)
    assert await ends(hub, holder.session_id) == ["holder.sign_out"]
    await sessions.end_all(holder)  # once more is nothing
    for change in ({"seen_at": hub.clock()}, {"level": 3}, {"expires_at": hub.clock() + timedelta(hours=9)}):
        again = await session(hub)
        await run(hub, update(SESSIONS).where(SESSIONS.c.secret_hash == hashed(again)).values(**change))
        with pytest.raises(HolderSignInNeededError):
            await sessions.find(again)
