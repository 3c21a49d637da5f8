"""Attacks on acting for others: rows written past the hub, a withdrawal or an erasure between the check and the act."""

import asyncio

import pytest
from sqlalchemy import Connection
from sqlalchemy.util import await_only

from hub.access.actors import Actor, Role
from hub.citizens.acting.errors import DelegationError, NoLongerActsError
from hub.citizens.acting.values import Scope
from hub.citizens.codes import Code
from hub.citizens.errors import PresentationRefusedError
from hub.citizens.once import Once
from hub.citizens.presentations import Shown
from hub.citizens.values import Identity
from hub.clock import new_id
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError
from tests.citizens.conftest import erased, signed_in
from tests.citizens.others import (
    BIRTH,
    CHILD,
    DEATH,
    KINSHIP,
    NEIGHBOUR,
    asked,
    begun,
    birth_claims,
    death_claims,
    furnish,
    grounds,
    kinship_claims,
    resident,
    tie,
    told,
    written,
)
from tests.hub.city import PERSON, ledger
from tests.support import MATTER


@pytest.mark.embedded
async def test_rows_that_somebody_wrote_or_brought_back_open_nothing(hub: Hub) -> None:
    holder, neighbour, third = await signed_in(hub), await resident(hub, NEIGHBOUR), await resident(hub, CHILD)
    delegating = hub.citizens.others.delegating
    kept = await delegating.give(holder, asked(hub))
    other = await delegating.give(holder, asked(hub))
    for change in (f"to_id = '{third.id}'", "valid_until = '2099-01-01'", f"given_by = '{third.id}'"):
        await written(hub, f"UPDATE delegations SET {change} WHERE id = '{other}'")
        assert await grounds(hub, third) == []
        assert await grounds(hub, neighbour) == ["delegate"], "the other one stands"
        row = (await told(hub, holder, kept)).delegation
        back = f"to_id = '{row.to_id}', given_by = '{row.given_by}', valid_until = '{row.valid_until}'"
        await written(hub, f"UPDATE delegations SET {back} WHERE id = '{other}'")
    assert await grounds(hub, neighbour) == ["delegate"] * 2
    await written(hub, f"CREATE TABLE old AS SELECT * FROM delegations WHERE id = '{other}'")
    await delegating.withdraw(neighbour, other)  # the delegate may lay it down
    await written(hub, "DELETE FROM delegation_uses")
    await written(hub, f"DELETE FROM delegations WHERE id = '{other}'")
    await written(hub, "INSERT INTO delegations SELECT * FROM old")
    assert await grounds(hub, neighbour) == ["delegate"], "the ledger knows that it ended"


@pytest.mark.embedded
async def test_a_row_that_says_for_whom_somebody_began_puts_no_entry_into_anothers_book(hub: Hub) -> None:
    neighbour, third = await resident(hub, NEIGHBOUR), await resident(hub, CHILD)
    holder, acting = await signed_in(hub), hub.citizens.others.acting
    await hub.citizens.others.delegating.give(holder, asked(hub))
    found = await begun(hub, neighbour, "delegate")
    for change, back in (
        (f"subject_id = '{third.id}'", f"subject_id = '{holder.id}'"),
        ("ground = 'heir'", "ground = 'delegate'"),
        (f"session_id = '{third.session_id}'", f"session_id = '{neighbour.session_id}'"),
    ):
        await written(hub, f"UPDATE acting_sessions SET {change}")
        who = third if "session" in change else neighbour
        for forged in (acting.end(who, found.key), acting.act(who, found.key, Scope.ACCESSES, "accesses")):
            with pytest.raises(IntegrityBrokenError):
                await forged
        await written(hub, f"UPDATE acting_sessions SET {back}")
    kinds = [entry.kind for entry in await ledger(hub) if entry.kind.startswith("acting.")]
    assert kinds == ["acting.begun"]
    await acting.end(neighbour, found.key)


@pytest.mark.embedded
async def test_a_death_that_somebody_took_back_brings_nobody_to_life(hub: Hub) -> None:
    await furnish(hub, DEATH)
    holder, neighbour = await signed_in(hub), await resident(hub, NEIGHBOUR)
    await hub.citizens.others.delegating.give(holder, asked(hub))
    assert await grounds(hub, neighbour) == ["delegate"]
    await tie(hub, DEATH, death_claims(PERSON))
    assert await grounds(hub, neighbour) == []
    of_death = "SELECT v.id FROM certificate_versions v JOIN certificates c ON c.id = v.certificate_id"
    newest = f"{of_death} ORDER BY v.id DESC LIMIT 1"
    await written(hub, f"UPDATE certificate_versions SET status = 'revoked' WHERE id = ({newest})")
    with pytest.raises(IntegrityBrokenError):
        await grounds(hub, neighbour)
    with pytest.raises(IntegrityBrokenError):
        await signed_in(hub)


@pytest.mark.embedded
async def test_of_who_is_erased_meanwhile_nothing_new_is_written_and_nothing_guessable_stays(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder, neighbour = await signed_in(hub), await resident(hub, NEIGHBOUR)
    acting, delegating = hub.citizens.others.acting, hub.citizens.others.delegating
    made = await delegating.give(holder, asked(hub), once=Once("k", "0" * 64))
    found = await begun(hub, neighbour, "delegate")
    given = Identity(PERSON["id_type"], PERSON["id_number"], PERSON["name"])
    known = await hub.database.read(lambda tx: delegating._confirming.find(tx, given, hub.clock()))
    await erased(hub)
    with pytest.raises(NoLongerActsError):  # and he is not asked to sign in again
        await acting.present(neighbour, found.key, None)
    monkeypatch.setattr(delegating._confirming, "find", lambda *_: known)  # he was found before that
    with pytest.raises(DelegationError, match="unconfirmed"):
        await delegating.give(neighbour, asked(hub, PERSON))
    rows = await written(hub, f"SELECT state, content, once, once_hash FROM delegations WHERE id = '{made}'")
    assert [tuple(row) for row in rows] == [("erased", b"", None, None)]


@pytest.mark.embedded
async def test_who_was_erased_keeps_nobody_who_was_tied_to_him_from_acting_for_others(hub: Hub) -> None:
    await furnish(hub, BIRTH, KINSHIP)
    neighbour = await resident(hub, NEIGHBOUR)
    await resident(hub, CHILD)
    await tie(hub, BIRTH, birth_claims(NEIGHBOUR))
    await tie(hub, KINSHIP, kinship_claims(PERSON, NEIGHBOUR, "父子"))  # lies under the key that is destroyed
    await erased(hub)
    assert await grounds(hub, neighbour) == ["parent"]
    await begun(hub, neighbour, "parent")


@pytest.mark.both
async def test_a_code_is_not_taken_once_the_withdrawal_is_on_its_way(hub: Hub) -> None:
    clerk = Actor("staff", new_id(), "clerk", new_id(), frozenset({Role.CLERK}))
    holder, neighbour = await signed_in(hub), await resident(hub, NEIGHBOUR)
    acting, delegating, taking = hub.citizens.others.acting, hub.citizens.others.delegating, hub.citizens.taking
    made = await delegating.give(holder, asked(hub))
    found = await begun(hub, neighbour, "delegate")
    shown = await hub.citizens.presentations.look(neighbour, await acting.present(neighbour, found.key, None))
    assert isinstance(shown, Shown)
    here = await taking.read(clerk, new_id(), Code(shown.code), matter=MATTER)
    use_up = taking.take(clerk, new_id(), here, matter=MATTER)
    withdrawn, go_on = asyncio.Event(), asyncio.Event()

    def end(tx: Connection) -> None:
        assert delegating._withdraw(tx, holder, made, None, None, hub.clock())
        withdrawn.set()
        if tx.dialect.name == "postgresql":  # the other has one writer: nobody comes between
            await_only(go_on.wait())

    ending = asyncio.create_task(hub.database.write(end))
    await asyncio.wait_for(withdrawn.wait(), 30)
    opening = asyncio.create_task(hub.database.write(lambda tx: use_up(tx, None, "YZ")))
    await asyncio.wait([opening], timeout=0.2)  # before its end or after it, it is refused
    go_on.set()
    await ending
    with pytest.raises(PresentationRefusedError):
        await opening
    assert "acting.filed" not in {entry.kind for entry in await ledger(hub)}
    with pytest.raises(PresentationRefusedError):
        await taking.read(clerk, new_id(), Code(shown.code), matter=MATTER)


@pytest.mark.both
async def test_nobody_acts_once_the_withdrawal_is_on_its_way(hub: Hub) -> None:
    holder, neighbour = await signed_in(hub), await resident(hub, NEIGHBOUR)
    delegating, standing = hub.citizens.others.delegating, hub.citizens.taking._standing
    made = await delegating.give(holder, asked(hub))
    found = await begun(hub, neighbour, "delegate")
    withdrawn, go_on = asyncio.Event(), asyncio.Event()

    def end(tx: Connection) -> None:
        assert delegating._withdraw(tx, holder, made, None, None, hub.clock())
        withdrawn.set()
        if tx.dialect.name == "postgresql":  # the other has one writer: nobody comes between
            await_only(go_on.wait())

    ending = asyncio.create_task(hub.database.write(end))
    await asyncio.wait_for(withdrawn.wait(), 30)
    judging = asyncio.create_task(
        hub.database.write(lambda tx: standing.one(tx, neighbour.id, neighbour.identity, found.key, hub.clock()))
    )
    await asyncio.wait([judging], timeout=0.2)
    go_on.set()
    await ending
    assert await judging is None
