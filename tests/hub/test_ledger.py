"""The log: numbering, proofs, two sequencers, and whatever can be done to it behind the hub's back."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, delete, insert, update

from hub.ledger.entries import append
from hub.ledger.errors import LedgerBrokenError, StandbyError
from hub.ledger.proofs import prove_consistency, prove_inclusion
from hub.ledger.sequencer import LEASE, Head
from hub.ledger.tables import LedgerTileRow
from hub.ledger.tiles import Tiles
from hub.runtime import Hub, open_hub
from signing.log.checkpoint import Checkpoint, sign_note
from signing.log.merkle import HashTree, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion
from tests.hub.logbook import ENTRIES, HEAD, TILES, add, checkpoint, head, later, note, positions, rebuild_tiles, sealed
from tests.support import Place

# Numbering and proofs


async def test_proofs_hold_at_every_size_around_a_full_tile(hub: Hub) -> None:
    await add(hub, 253 - (await head(hub)).size)
    await hub.ledger.drain()
    seen: list[Checkpoint] = []
    for size in range(254, 259):
        await add(hub)
        await hub.ledger.drain()
        signed = await checkpoint(hub)
        assert signed.size == size
        ids = {position: entry for entry, position in (await positions(hub)).items()}
        for index in {0, 1, 127, 128, 253, size - 2, size - 1} | ({255, 256} if size > 256 else set()):
            proof = await hub.database.read(lambda tx, entry=ids[index]: prove_inclusion(tx, entry))
            assert proof is not None
            assert (proof.index, proof.size) == (index, size)
            verify_inclusion(proof.leaf_hash, index=index, size=size, proof=proof.path, root=signed.root)
        for old in seen:
            path, _ = await hub.database.read(lambda tx, old=old: prove_consistency(tx, old.size))
            verify_consistency(old_size=old.size, old_root=old.root, new_size=size, new_root=signed.root, proof=path)
        seen.append(signed)
    assert (await hub.ledger.verify()).findings == ()


@pytest.mark.parametrize("size", range(65534, 65539))
def test_tiles_hold_across_the_third_level(big_log: tuple[Connection, HashTree], size: int) -> None:
    tx, tree = big_log
    tiles = Tiles(tx)
    assert tiles.root(size) == tree.root(size)
    for index in (0, 255, 256, 32768, 65279, 65533, size - 1):
        path = inclusion_proof(index, size, tiles.node)
        verify_inclusion(tree.node(0, index), index=index, size=size, proof=path, root=tree.root(size))
    for old in (1, 256, 65280, 65533, size - 1):
        proof = consistency_proof(old, size, tiles.node)
        verify_consistency(old_size=old, old_root=tree.root(old), new_size=size, new_root=tree.root(size), proof=proof)


@pytest.fixture(scope="module")
def big_log() -> Iterator[tuple[Connection, HashTree]]:
    """65,538 leaves in real tiles; smaller sizes are read out of the same tiles, as a published log is."""
    engine = create_engine("sqlite://")
    LedgerTileRow.metadata.create_all(engine, tables=[TILES])
    leaves = [index.to_bytes(32, "big") for index in range(65538)]
    with engine.connect() as tx:
        size = 0
        for step in (65534, 1, 1, 1, 1):
            tiles = Tiles(tx)
            size = tiles.append(size, leaves[size : size + step])
            tiles.check_edge(size)
            tiles.flush()
        Tiles(tx).check_parents(0, size)
        yield tx, HashTree(leaves)
    engine.dispose()


async def test_a_backlog_is_numbered_in_batches_without_a_gap(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.ledger.sequencer.BATCH", 7)
    before = (await head(hub)).size
    await add(hub, 30)
    assert await hub.ledger.sequencer.step() == 7
    await hub.ledger.drain()
    numbers = sorted(position for position in (await positions(hub)).values() if position is not None)
    assert numbers == list(range(before + 30))
    assert (await hub.ledger.verify()).intact


async def test_an_entry_that_commits_late_is_numbered_late(place: Place, hub: Hub) -> None:
    """D5: its id is lower than one that is in the tree already, and it is neither skipped nor put before it."""
    early, late = sealed(hub), sealed(hub)
    if place.database_url is None:  # one writer at a time: the best it can do is to write the lower id second
        await hub.database.write(lambda tx: append(tx, [late]))
        await hub.ledger.drain()
        await hub.database.write(lambda tx: append(tx, [early]))
    else:
        engine = create_engine(place.database_url.replace("postgresql://", "postgresql+psycopg://"))
        with engine.connect() as held:
            held.execute(insert(ENTRIES).values(**early.row))
            await hub.database.write(lambda tx: append(tx, [late]))
            await hub.ledger.drain()
            assert (await positions(hub)).get(early.id) is None
            held.commit()
        engine.dispose()
    assert early.id < late.id
    signed = await checkpoint(hub)
    await hub.ledger.drain()
    found = await positions(hub)
    assert found[late.id] == signed.size - 1
    assert found[early.id] == signed.size
    assert (await hub.ledger.verify(await note(hub))).intact


# Two sequencers


async def test_the_second_of_two_sequencers_stands_by_until_the_lease_ends(place: Place, hub: Hub) -> None:
    await add(hub)
    begun = datetime.now(UTC)
    assert await hub.ledger.sequencer.step() == 1
    await add(hub)
    async with open_hub(place.settings(), clock=lambda: begun + LEASE - timedelta(seconds=1)) as early:
        with pytest.raises(StandbyError):
            await early.ledger.sequencer.step()
    async with open_hub(place.settings(), clock=later(LEASE.total_seconds() + 1)) as next_one:
        assert await next_one.ledger.sequencer.step() == 1
    assert (await hub.ledger.verify()).intact


async def test_a_sequencer_that_waited_for_the_lock_is_not_told_that_the_clock_went_back(
    place: Place, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command sequences, and goes, between the moment this one finds work and the moment it has the lock."""
    write = hub.database.write
    commands = [1]

    async def write_after_a_command(unit: Any) -> Any:
        if commands and commands.pop():
            async with place.open() as command:
                await add(command)
                await command.ledger.drain()
            await add(hub)
        return await write(unit)

    await add(hub)
    monkeypatch.setattr(hub.database, "write", write_after_a_command)
    assert await hub.ledger.sequencer.step() == 1
    assert (await hub.ledger.verify()).intact


@pytest.mark.parametrize("paused_at", ["numbered", "checked"])
async def test_a_paused_sequencer_writes_nothing_when_it_wakes(place: Place, hub: Hub, paused_at: str) -> None:
    paused = hub.ledger.sequencer
    await add(hub, 3)
    await hub.database.write(paused._number)
    body = (await head(hub)).body
    if paused_at == "checked":
        body = await hub.database.read(lambda tx: paused._checked_body(tx, 3))
    signed = sign_note(body.encode(), hub.keys.note_signer("log"))
    async with open_hub(place.settings(), clock=later(60)) as other:
        await add(other, 2)
        await other.ledger.sequencer.drain()
        before = await head(other)
        if paused_at == "numbered":
            with pytest.raises(StandbyError):
                await hub.database.read(lambda tx: paused._checked_body(tx, 3))
        with pytest.raises(StandbyError):
            await hub.database.write(lambda tx: paused._store_note(tx, body, signed))
        await add(hub)
        with pytest.raises(StandbyError):  # the other's lease is good until a minute from now
            await paused.step()
        assert await head(other) == before
        assert (await other.ledger.verify()).intact


async def test_an_unsigned_head_is_signed_as_it_stands_after_a_crash(place: Place) -> None:
    async with place.open() as crashing:
        await add(crashing, 3)
        await crashing.database.write(crashing.ledger.sequencer._number)
        body = (await head(crashing)).body
        assert (await head(crashing)).note is None
        await add(crashing, 2)  # committed before the crash, numbered after it
    async with open_hub(place.settings(), clock=later(LEASE.total_seconds() + 1)) as hub:
        assert await hub.ledger.sequencer.step() == 0
        first = await head(hub)
        assert first.note is not None
        assert first.note.startswith(body)
        await hub.ledger.drain()
        assert (await checkpoint(hub)).size == first.size + 2
        assert (await hub.ledger.verify(first.note)).intact


async def test_nothing_is_signed_over_an_edited_entry_or_a_forgotten_history(hub: Hub) -> None:
    await add(hub, 300)
    await hub.database.write(hub.ledger.sequencer._number)
    first = (await head(hub)).size - 300
    wrong = update(ENTRIES).where(ENTRIES.c.position == first + 3).values(commitment=bytes(32))
    await hub.database.write(lambda tx: tx.execute(wrong))
    with pytest.raises(LedgerBrokenError, match=f"entry {first + 3} "):
        await hub.ledger.sequencer.step()
    assert (await head(hub)).note is None


async def test_a_head_put_back_under_a_running_hub_is_not_signed_again(hub: Hub) -> None:
    old = await head(hub)
    await add(hub, 2)
    await hub.ledger.drain()
    await hub.database.write(lambda tx: _put_back(tx, old))
    await add(hub, 1)
    with pytest.raises(LedgerBrokenError):
        await hub.ledger.sequencer.step()
    assert (await head(hub)).note is None


def _put_back(tx: Connection, old: Head) -> None:
    """Yesterday's database: without the entries since, with yesterday's genuine checkpoint."""
    tx.execute(delete(ENTRIES).where(ENTRIES.c.position >= old.size))
    tx.execute(update(HEAD).values(size=old.size, body=old.body, note=old.note, holder=""))
    rebuild_tiles(tx)
