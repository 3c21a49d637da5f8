"""Backup and restore (seam D8, drill 48): whole or refused, without keys, and never a way back behind the ledger."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.ledger.errors import LedgerBrokenError
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import Hub
from hub.storage.backup.service import MANIFEST
from tests.hub.command import yizheng
from tests.hub.test_erasure import erase, held, kinds, tombstones
from tests.support import Place, enterprise_claims, issue, new_database, valid_uscc

APART = ("keys", "secrets", "witness")


@contextmanager
def empty_place(place: Place, home: Path) -> Iterator[Place]:
    """Another home that has only what no backup holds, and an empty database of the same kind."""
    home.mkdir()
    for name in APART:
        if (place.home / name).exists():
            shutil.copytree(place.home / name, home / name)
    if place.database_url is None:
        yield Place(home, None)
        return
    with new_database() as url:
        yield Place(home, url)


async def leaves(hub: Hub) -> dict[int, str]:
    rows = table_rows(LedgerEntryRow)
    return await hub.database.read(lambda tx: {row.position: row.id for row in tx.execute(rows)})


def table_rows(row: Any) -> Any:
    return select(row.__table__)


async def another(hub: Hub, number: int) -> None:
    uscc = valid_uscc(f"91990100MA{number:07d}")
    await issue(hub, enterprise_claims(uscc=uscc, name=f"示例市第{number}食品有限公司"))
    await hub.ledger.drain()


async def test_a_backup_brings_the_whole_hub_back_and_holds_no_key(place: Place, tmp_path: Path) -> None:
    async with place.open() as hub:
        await another(hub, 7)
        hub.objects.put("batches/x/part-1", b"sealed")
        before = await leaves(hub)
    done = await yizheng(place, "backup", str(tmp_path / "b"), "--json")
    assert (done.code, done.json()["entries"]) == (0, len(before))
    assert done.json()["not_inside"] == str(place.home / "keys/keystore.json")
    inside = [path for path in (tmp_path / "b").rglob("*") if path.is_file()]
    assert {"keystore.json", "master.key", "last-checkpoint.json", "erased.jsonl"} & {
        path.name for path in inside
    } == set()
    master = (place.home / "secrets/master.key").read_bytes()
    assert [path for path in inside if master in path.read_bytes()] == []
    assert {oct(path.stat().st_mode & 0o077) for path in [tmp_path / "b"]} == {"0o0"}
    with empty_place(place, tmp_path / "other") as other:
        restored = await yizheng(other, "restore", str(tmp_path / "b"), "--json")
        assert (restored.code, restored.err) == (0, "")
        assert restored.json()["entries"] == len(before)
        async with other.open() as hub:
            assert await leaves(hub) == before
            assert (await hub.ledger.verify()).findings == ()
            assert len(await held(hub)) == 1
            assert hub.objects.get("batches/x/part-1") == b"sealed"
            await another(hub, 8)


async def test_who_was_erased_since_stays_erased_when_yesterdays_backup_is_restored(
    place: Place, tmp_path: Path
) -> None:
    assert (await yizheng(place, "backup", str(tmp_path / "yesterday"))).code == 0
    async with place.open() as hub:
        subject = await erase(hub)
        gone = len(await leaves(hub))
    with empty_place(place, tmp_path / "other") as other:
        restored = await yizheng(other, "restore", str(tmp_path / "yesterday"))
        assert (restored.code, "erased again at the next start" in restored.out) == (0, True)
        with pytest.raises(LedgerBrokenError, match="restore the newer store, or open a successor log"):
            async with other.open():
                pass
        refused = await yizheng(other, "check")
        assert (refused.code, "successor log" in refused.err) == (77, True)
        opened = await yizheng(other, "ledger", "succeed", "--reason", "the disk is gone", "--json")
        assert opened.code == 0, opened.err
        assert opened.json()["lost"] == gone - opened.json()["entries"]
        async with other.open() as hub:
            assert await held(hub) == []
            assert (await kinds(hub))[-2:] == ["log.succeeded", "subject.erased"]
            assert [each["subject"] for each in tombstones(other)] == [subject]
            await another(hub, 9)
            assert (await hub.ledger.verify()).findings == ()
            assert hub.ledger.origin.endswith("/ledger/2")
            assert (await hub.ledger.checkpoint() or "").startswith(hub.ledger.origin)
        again = await yizheng(other, "ledger", "succeed", "--reason", "once more")
        assert (again.code, "nothing is lost" in again.err) == (65, True)
        ended = json.loads((other.home / "witness" / opened.json()["ended"]).read_text())
        assert ended == json.loads((place.home / "witness/last-checkpoint.json").read_text())


async def test_a_licence_of_the_successor_shares_no_status_index_with_a_lost_one(place: Place, tmp_path: Path) -> None:
    assert (await yizheng(place, "backup", str(tmp_path / "yesterday"))).code == 0
    async with place.open() as hub:
        await another(hub, 7)
        lost = await indexes(hub)
    with empty_place(place, tmp_path / "other") as other:
        assert (await yizheng(other, "restore", str(tmp_path / "yesterday"))).code == 0
        assert (await yizheng(other, "ledger", "succeed", "--reason", "the disk is gone")).code == 0
        async with other.open() as hub:
            old = await indexes(hub)
            await another(hub, 8)
            assert (await indexes(hub) - old) & lost == set()


async def indexes(hub: Hub) -> set[tuple[int, int]]:
    from certificates.tables import CertificateVersionRow

    rows = table_rows(CertificateVersionRow)
    return await hub.database.read(lambda tx: {(row.status_list, row.status_index) for row in tx.execute(rows)})


@pytest.mark.embedded
async def test_what_was_changed_left_out_or_added_is_not_restored(place: Place, tmp_path: Path) -> None:
    assert (await yizheng(place, "backup", str(tmp_path / "b"))).code == 0
    database, manifest = tmp_path / "b/database/hub.sqlite3", tmp_path / "b" / MANIFEST
    spoilt = bytearray(database.read_bytes())
    spoilt[5000] ^= 1
    said = manifest.read_text()

    def refused(file: Path, content: bytes | None) -> Iterator[Path]:
        kept = file.read_bytes() if file.exists() else None
        file.unlink() if content is None else file.write_bytes(content)
        yield file
        file.unlink(missing_ok=True)
        if kept is not None:
            file.write_bytes(kept)

    attacks = (
        (database, bytes(spoilt)),
        (tmp_path / "b/hub.json", None),
        (tmp_path / "b/more", b"x"),
        (manifest, said.replace('"entries": ', '"entries": 1').encode()),
        (manifest, None),
    )
    for number, (file, content) in enumerate(attacks):
        with empty_place(place, tmp_path / f"other{number}") as other:
            for _ in refused(file, content):
                done = await yizheng(other, "restore", str(tmp_path / "b"))
                assert done.code == 69, (file, done)
            assert not (other.home / "hub.json").exists()


async def test_nothing_is_ever_overwritten(place: Place, tmp_path: Path) -> None:
    assert (await yizheng(place, "backup", str(tmp_path / "b"))).code == 0
    again = await yizheng(place, "backup", str(tmp_path / "b"))
    assert (again.code, "is not empty" in again.err) == (64, True)
    over = await yizheng(place, "restore", str(tmp_path / "b"))
    assert (over.code, "nothing is overwritten" in over.err) == (64, True)
    if place.database_url is not None:
        with empty_place(place, tmp_path / "other") as other:
            full = Place(other.home, place.database_url)
            done = await yizheng(full, "restore", str(tmp_path / "b"))
            assert (done.code, "the database holds rows" in done.err) == (64, True)
            kind = await yizheng(Place(other.home, None), "restore", str(tmp_path / "b"))
            assert (kind.code, "the backup is of postgresql" in kind.err) == (65, True)


@pytest.mark.embedded
async def test_without_its_keys_nothing_is_restored(place: Place, tmp_path: Path) -> None:
    assert (await yizheng(place, "backup", str(tmp_path / "b"), "--without-objects")).code == 0
    (tmp_path / "bare").mkdir()
    done = await yizheng(Place(tmp_path / "bare", None), "restore", str(tmp_path / "b"))
    assert (done.code, "no backup holds it" in done.err) == (64, True)
