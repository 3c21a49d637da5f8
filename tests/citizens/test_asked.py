"""Asked to show: who asks, and on what ground, is read first; one answer, fetched by its asker alone, once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from catalog.store import list_departments
from hub.access.actors import COMMAND, Actor, Role
from hub.access.errors import LockedOutError
from hub.citizens.asked.values import Asked, Asker, Item, Question, Wanted, WantedError
from hub.citizens.codes import grouped, new_code
from hub.citizens.errors import LevelError, PresentationRefusedError, RequestOverError
from hub.citizens.showing.values import ChoiceError, Pick, Showing
from hub.citizens.values import Holder, Level
from hub.clock import new_id
from hub.issuing.transitions.acts import Act
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from tests.citizens.conftest import Watch, erased, session, signed_in
from tests.citizens.test_showing import card_of
from tests.hub.acting import WHY
from tests.hub.city import STRANGER, identity_claims, ledger
from tests.serving import problem
from tests.support import AMR, MATTER, POLICE, PUBLIC_URL, Place, grant_definition, issue

PEER = "203.0.113.7"
ITEM = Item("identity_card", ("sex", "birth_date"), ("sex",))
WANTED = Wanted([ITEM], MATTER, "办理食品经营许可")


async def clerk(hub: Hub, code: str = AMR) -> Asker:
    ids = {item.code: item.id for item in await hub.database.read(list_departments)}
    return Asker.clerk(Actor("staff", new_id(), "clerk", ids[code], frozenset({Role.CLERK})))


async def asked(hub: Hub, asker: Asker, wanted: Wanted = WANTED) -> Question:
    return await hub.showing.asking.look(asker, await hub.showing.asking.ask(asker, wanted))


async def picks(hub: Hub, holder: Holder, *claims: str) -> list[Pick]:
    return [Pick(await card_of(hub, holder), claims)]


async def told(hub: Hub) -> list[str]:
    """The kinds of entries about showings, whoever's: also of somebody whose key is gone."""
    query = text("SELECT kind FROM ledger_entries WHERE kind LIKE 'showing.%' ORDER BY id")
    return list(await hub.database.read(lambda tx: tx.execute(query).scalars().all()))


async def reasons(hub: Hub) -> list[Any]:
    return [entry.detail.get("reason") for entry in await ledger(hub) if entry.kind == "refusal"]


async def state(hub: Hub, asker: Asker, question: Question) -> str:
    return (await hub.showing.asking.look(asker, question.id)).state


async def test_of_two_holders_who_answer_one_wins_and_the_asker_fetches_it_once(hub: Hub) -> None:
    await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
    one, other, asker = await signed_in(hub), await signed_in(hub, person=STRANGER), await clerk(hub)
    question, answering = await asked(hub, asker), hub.showing.answering
    chosen = {holder.id: await picks(hub, holder, "sex", "birth_date") for holder in (one, other)}
    both = await asyncio.gather(
        *(answering.give(holder, question.code, chosen[holder.id], peer=PEER) for holder in (one, other)),
        return_exceptions=True,
    )
    (made,) = [each for each in both if isinstance(each, str)]
    assert [each.state for each in both if isinstance(each, RequestOverError)] == ["given"]
    assert await state(hub, asker, question) == "given"
    fetched = await asyncio.gather(
        *(hub.showing.asking.collect(asker, question.id) for _ in range(2)), return_exceptions=True
    )
    (taken,) = [each for each in fetched if not isinstance(each, BaseException)]
    assert [type(each) for each in fetched if isinstance(each, BaseException)] == [PresentationRefusedError]
    assert (taken.showing_id, taken.purpose) == (made, WANTED.purpose)
    (item,) = taken.items
    assert (item.verdict["result"], dict(item.claims)) == ("passed", {"sex": "男", "birth_date": "1988-03-05"})
    assert await state(hub, asker, question) == "taken"
    kinds = await told(hub)
    assert kinds.index("showing.asked") < kinds.index("showing.given") < kinds.index("showing.taken")


@pytest.mark.embedded
async def test_what_is_asked_is_read_with_its_ground_and_nothing_else_can_be_given(hub: Hub, watch: Watch) -> None:
    holder, asker = await signed_in(hub), await clerk(hub)
    granted = grant_definition(hub, type="identity_card", owner=POLICE, fields=["sex"])
    await hub.registry.add_grant(granted)
    question, answering = await asked(hub, asker), hub.showing.answering
    found = await answering.look(holder, f" {grouped(question.typed)} ", peer=PEER)
    assert isinstance(found, Asked)
    assert (found.department.code, found.system, found.purpose) == (AMR, None, WANTED.purpose)
    (item,) = found.items
    assert [(each.name, each.needed, bool(each.ground)) for each in item.claims] == [
        ("sex", True, True),
        ("birth_date", False, False),
    ]
    assert len(item.licences) == 1
    for given, why in (((), "needed"), (("birth_date",), "needed"), (("sex", "name"), "not_asked")):
        with pytest.raises(ChoiceError, match=why):
            await answering.give(holder, found.code, await picks(hub, holder, *given), peer=PEER)
    with pytest.raises(ChoiceError, match="none"):
        await answering.give(holder, found.code, [], peer=PEER)
    with pytest.raises(LevelError):
        await answering.look(await signed_in(hub, Level.BASIC), found.code, peer=PEER)
    for scanned in (question.scan(PUBLIC_URL), grouped(question.code)):
        assert (await answering.look(holder, scanned, peer=PEER)).code == question.code
    assert await state(hub, asker, question) == "asked"  # looking answers nothing
    watch.ahead = timedelta(minutes=5)
    with pytest.raises(RequestOverError, match="over"):
        await answering.give(holder, found.code, await picks(hub, holder, "sex"), peer=PEER)
    assert await state(hub, asker, question) == "over"
    watch.ahead = timedelta(days=2)
    await hub.showing.asking.sweep()
    with pytest.raises(MissingError):
        await hub.showing.asking.look(asker, question.id)


@pytest.mark.embedded
async def test_what_a_licence_lacks_is_not_given_for_needed(hub: Hub) -> None:
    """An identity card without an end: its holder ticks the end, and nothing else of it leaves for nothing."""
    claims = identity_claims(citizen_id=STRANGER["id_number"])
    del claims["valid_until"]
    await issue(hub, claims, slug="identity_card", issuer=POLICE)
    holder, asker = await signed_in(hub, person=STRANGER), await clerk(hub)
    item = Item("identity_card", ("sex", "valid_until"), ("valid_until",))
    question, answering = await asked(hub, asker, Wanted([item], MATTER, "办理食品经营许可")), hub.showing.answering
    with pytest.raises(ChoiceError, match="needed"):
        await answering.give(holder, question.code, await picks(hub, holder, "sex", "valid_until"), peer=PEER)
    assert await state(hub, asker, question) == "asked"


@pytest.mark.embedded
@pytest.mark.parametrize("between", ["suspended", "withdrawn", "erased", "late"])
async def test_what_changes_between_the_yes_and_the_fetching_counts(hub: Hub, watch: Watch, between: str) -> None:
    holder, asker = await signed_in(hub), await clerk(hub)
    question = await asked(hub, asker)
    given = await picks(hub, holder, "sex")
    made = await hub.showing.answering.give(holder, question.code, given, peer=PEER)
    waiting = await hub.showing.showings.look(holder, made)
    assert isinstance(waiting, Showing)
    assert (waiting.state, waiting.asked) == ("live", True)
    if between == "suspended":
        stop = Act.read({"operation": "suspend", "reason_code": "investigation", **WHY})
        await hub.transitions.act(COMMAND, given[0].identifier, stop)
        (item,) = (await hub.showing.asking.collect(asker, question.id)).items
        assert (item.verdict["status"], dict(item.claims)) == ("suspended", {})
        return
    if between == "withdrawn":
        await hub.showing.showings.withdraw(holder, made)
    elif between == "erased":
        await erased(hub)
    else:
        watch.ahead = timedelta(minutes=6)
    with pytest.raises(PresentationRefusedError):
        await hub.showing.asking.collect(asker, question.id)
    assert "showing.taken" not in await told(hub)


@pytest.mark.embedded
async def test_a_request_is_its_askers_own_and_guessing_its_digits_is_slowed(hub: Hub) -> None:
    holder, asker, other = await signed_in(hub), await clerk(hub), await clerk(hub)
    question, answering = await asked(hub, asker), hub.showing.answering
    made = await answering.give(holder, question.code, await picks(hub, holder, "sex"), peer=PEER)
    for stranger in (other, await clerk(hub, POLICE)):
        with pytest.raises(MissingError):
            await hub.showing.asking.collect(stranger, question.id)
    assert (await reasons(hub)).count("request_not_own") == 2
    assert (await hub.showing.showings.look(holder, made)).state == "live"  # type: ignore[union-attr]
    free = (await asked(hub, asker)).typed
    wrong = f"{(int(free) + 1) % 10**8:08d}"
    for _ in range(5):
        with pytest.raises(PresentationRefusedError):
            await answering.look(holder, wrong, peer=PEER)
    with pytest.raises(LockedOutError):
        await answering.look(holder, free, peer=PEER)
    for nothing in (new_code("9903"), new_code("9902"), "", "9" * 32):
        with pytest.raises(PresentationRefusedError):
            await answering.look(holder, nothing, peer=PEER)
    assert (await reasons(hub)).count("showing_request_not_own") == 6  # five guesses, and a long code that is none
    await answering.look(holder, (mine := await asked(hub, other)).code, peer=PEER)
    longer = text("UPDATE showing_requests SET expires_at = expires_at + 60000000 WHERE id = :id")
    await hub.database.write(lambda tx: tx.execute(longer, {"id": mine.id}))
    with pytest.raises(IntegrityBrokenError):
        await answering.look(holder, mine.code, peer=PEER)
    mine = await asked(hub, other)
    turn = text("UPDATE showings SET asked_id = :mine, department_id = NULL WHERE id = :id")
    await hub.database.write(lambda tx: tx.execute(turn, {"mine": mine.id, "id": made}))
    with pytest.raises(PresentationRefusedError):  # an answer is opened for the request that it was given to
        await hub.showing.asking.collect(other, mine.id)
    steal = text("UPDATE showing_requests SET staff_id = :other WHERE id = :id")
    await hub.database.write(lambda tx: tx.execute(steal, {"other": other.staff_id, "id": question.id}))
    with pytest.raises(IntegrityBrokenError):
        await hub.showing.asking.collect(other, question.id)


@pytest.mark.embedded
async def test_what_cannot_be_asked_is_told_by_place(hub: Hub) -> None:
    asker = await clerk(hub)
    for items, why in (
        ([], "none"),
        ([ITEM, ITEM], "twice"),
        ([Item("no_such_type", ())], "type"),
        ([Item("identity_card", ("salary",))], "claim"),
        ([Item("identity_card", ("sex",), ("name",))], "claim"),
    ):
        with pytest.raises(WantedError, match=why):
            await hub.showing.asking.ask(asker, Wanted(items, MATTER, "x"))
    for wanted, why in ((Wanted([ITEM], "NO-SUCH", "x"), "matter"), (Wanted([ITEM], MATTER, " "), "purpose")):
        with pytest.raises(WantedError, match=why):
            await hub.showing.asking.ask(asker, wanted)
    assert await told(hub) == []


@pytest.mark.sampled
async def test_what_its_asker_took_back_is_answered_by_nobody_who_hears_so(place: Place, hub: Hub) -> None:
    holder, asker, asking = await signed_in(hub), await clerk(hub), hub.showing.asking
    question = await asked(hub, asker)
    with pytest.raises(MissingError):
        await asking.cancel(await clerk(hub), question.id)
    for _ in range(2):  # again is nothing
        assert (await asking.cancel(asker, question.id)).state == "cancelled"
    for code in (question.code, question.typed):
        with pytest.raises(RequestOverError) as over:
            await hub.showing.answering.look(holder, code, peer=PEER)
        assert over.value.state == "cancelled"
    given = await asked(hub, asker)
    await hub.showing.answering.give(holder, given.code, await picks(hub, holder, "sex"), peer=PEER)
    assert (await asking.cancel(asker, given.id)).state == "given", "what was answered stays"
    raced = await asked(hub, asker)
    chosen = await picks(hub, holder, "sex")
    both = await asyncio.gather(
        asking.cancel(asker, raced.id),
        hub.showing.answering.give(holder, raced.code, chosen, peer=PEER),
        return_exceptions=True,
    )
    assert (await state(hub, asker, raced), isinstance(both[1], RequestOverError)) in {
        ("cancelled", True), ("given", False),
    }  # fmt: skip
    async with place.client(hub) as client:
        system, path = await place.headers(client), "/api/v1/showings/requests"
        body = {"items": [{"type": "identity_card", "claims": ["sex"]}], "matter": MATTER, "purpose": "办理"}
        made = (await client.post(path, json=body, headers=system)).json()
        gone = (await client.post(f"{path}/{made['id']}/cancel", headers=system)).json()
        assert (gone["state"], "code" in gone) == ("cancelled", False)
        problem(await client.post(f"{path}/{question.id}/cancel", headers=system), status=404)
        client.cookies.set("yz_holder", await session(hub))
        problem(await client.get(f"/api/v1/me/asked/{made['code']}"), status=409, slug="showing-request-over")
    assert (await told(hub)).count("showing.cancelled") == 2 + (await state(hub, asker, raced) == "cancelled")
