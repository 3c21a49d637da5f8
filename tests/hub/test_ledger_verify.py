"""`ledger verify` against whoever can write the database, and against whoever holds the log's key as well."""

import json
import shutil
import uuid
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection, delete, insert, null, select, update

from catalog.tables import table
from certificates.tables import SubjectRow
from hub.intake.tables import CaseRow
from hub.ledger.errors import LedgerBrokenError
from hub.ledger.verify import LedgerReport
from hub.runtime import Hub, look_into, open_hub
from signing.log.checkpoint import Checkpoint, NoteSigner, sign_note
from tests.hub.command import yizheng
from tests.hub.logbook import ENTRIES, HEAD, TILES, add, head, later, note, rebuild_tiles, sealed
from tests.support import Place, copy_home, enterprise_claims, issue, new_database, open_case, pull, valid_uscc

SUBJECTS, CASES = table(SubjectRow), table(CaseRow)
Tamper = Callable[[Connection, int], object]


@pytest.fixture
async def lived(place: Place, hub: Hub, client: httpx2.AsyncClient) -> Place:
    """A hub whose log has entries of a person, of a case and of the hub, and one full tile."""
    headers = await place.headers(client)
    await pull(client, headers, await open_case(client, headers))
    await add(hub, 256)
    await hub.ledger.drain()
    return place


async def verify(place: Place, against: str | None = None) -> LedgerReport:
    async with look_into(place.settings()) as hub:
        return await hub.ledger.verify(against)


def _set(**values: Any) -> Tamper:
    return lambda tx, at: tx.execute(update(ENTRIES).where(ENTRIES.c.position == at).values(**values))


def _other(column: str) -> Tamper:
    """Give an entry the value of its predecessor."""

    def tamper(tx: Connection, at: int) -> None:
        value = tx.execute(select(ENTRIES.c[column]).where(ENTRIES.c.position == at - 1)).scalar_one()
        _set(**{column: value})(tx, at)

    return tamper


def _postpone(tx: Connection, at: int) -> None:
    when: datetime = tx.execute(select(ENTRIES.c.recorded_at).where(ENTRIES.c.position == at)).scalar_one()
    _set(recorded_at=when + timedelta(seconds=1))(tx, at)


def _swap(tx: Connection, at: int) -> None:
    for old, new in ((at, -9), (at - 1, at), (-9, at - 1)):
        _set(position=new)(tx, old)


def _remove(tx: Connection, at: int) -> None:
    tx.execute(delete(ENTRIES).where(ENTRIES.c.position == at))


def _hide(tx: Connection, at: int) -> None:
    _set(position=null())(tx, at)


EDITS: dict[str, Tamper] = {
    "commitment": _other("commitment"),
    "time": _postpone,
    "id": _set(id=str(uuid.uuid4())),
    "kind": _set(kind="nothing.to_see"),
    "subject_taken_away": _set(subject_id=null()),
    "case_taken_away": _set(case_id=null()),
    "case_made_up": _set(case_id=str(uuid.uuid4())),
    "object_taken_away": _set(object_id=null()),
    "object_version": _set(object_version=7),
    "detail_of_another": _other("detail"),
    "detail_of_nothing": _set(detail=b""),
    "detail_of_junk": _set(detail=bytes(100)),
    "removed": _remove,
    "unnumbered": _hide,
    "swapped": _swap,
}
OF: dict[str, str] = {"case_taken_away": "case.open", "case_made_up": "case.open"}


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.sampled
async def test_an_edited_entry_is_named_by_its_index(lived: Place, hub: Hub, name: str) -> None:
    kind = OF.get(name, "certificate.issue")
    wanted = select(ENTRIES.c.position).where(ENTRIES.c.kind == kind).order_by(ENTRIES.c.position.desc()).limit(1)
    at = await hub.database.read(lambda tx: tx.execute(wanted).scalar_one())
    await hub.database.write(lambda tx: EDITS[name](tx, at))
    findings = (await verify(lived)).findings
    assert any(finding.startswith(f"index {at}") for finding in findings), findings
    if name == "swapped":
        assert any(finding.startswith(f"index {at - 1}") for finding in findings)


async def test_an_entry_that_was_moved_in_time_before_it_was_numbered_is_named(lived: Place, hub: Hub) -> None:
    """Its leaf has the later time; what it committed to has not."""
    await add(hub, 1)
    at = (await head(hub)).size

    def move(tx: Connection) -> None:
        row = tx.execute(select(ENTRIES.c.id, ENTRIES.c.recorded_at).where(ENTRIES.c.position.is_(None))).one()
        later = row.recorded_at + timedelta(hours=1)
        tx.execute(update(ENTRIES).where(ENTRIES.c.id == row.id).values(recorded_at=later))

    await hub.database.write(move)
    await hub.ledger.drain()
    assert (await verify(lived)).findings == (f"index {at}: column recorded_at was changed",)


async def test_an_entry_given_to_another_person_is_named(lived: Place, hub: Hub) -> None:
    await issue(hub, enterprise_claims(name="示例市另家公司", uscc=valid_uscc("91990100MA0000002")))
    await hub.ledger.drain()
    wanted = select(ENTRIES.c.position, ENTRIES.c.subject_id).where(ENTRIES.c.kind == "certificate.issue")
    first, second = await hub.database.read(lambda tx: tx.execute(wanted.order_by(ENTRIES.c.position)).all())
    await hub.database.write(lambda tx: _set(subject_id=second.subject_id)(tx, first.position))
    assert f"index {first.position}: the content is not what was committed to" in (await verify(lived)).findings


@pytest.mark.parametrize("what", ["subject", "case"])
async def test_a_key_that_is_gone_is_not_taken_for_an_erasure(lived: Place, hub: Hub, what: str) -> None:
    rows = {"subject": SUBJECTS, "case": CASES}[what]
    await hub.database.write(lambda tx: tx.execute(update(rows).values(data_key=b"")))
    findings = (await verify(lived)).findings
    assert findings
    assert all("the content is not what was committed to" in finding for finding in findings)


def _tile(level: int, hashes: Callable[[bytes], bytes]) -> Tamper:
    def tamper(tx: Connection, _: int) -> None:
        where = (TILES.c.level == level) & (TILES.c.number == 0)
        value = tx.execute(select(TILES.c.hashes).where(where)).scalar_one()
        tx.execute(update(TILES).where(where).values(hashes=hashes(value)))

    return tamper


def _head(**values: Any) -> Tamper:
    return lambda tx, _: tx.execute(update(HEAD).values(**values))


def _remove_last(tx: Connection, size: int) -> None:
    _remove(tx, size - 1)


HEADS: dict[str, tuple[str, Tamper]] = {
    "tile_0": ("index 0: the entry is not the one in the tree", _tile(0, lambda h: bytes(32) + h[32:])),
    "tile_0_short": ("index 255: the entry is not the one in the tree", _tile(0, lambda h: h[:-32])),
    "tile_1": ("root of the entries", _tile(1, lambda h: bytes(32) + h[32:])),
    "tile_1_long": ("tile 1/0 does not end where the checkpoint does", _tile(1, lambda h: h + h)),
    "last_removed": ("the head says", _remove_last),
    "head_removed": ("the log has no head", lambda tx, _: tx.execute(delete(HEAD))),
    "head_body": ("the signed checkpoint is not the stored head", lambda tx, _: _edit_body(tx)),
    "head_note": ("does not hold (signature)", lambda tx, _: _edit_note(tx)),
    "head_note_junk": ("does not hold", _head(note="x")),
    "head_short": ("the head says", lambda tx, size: _head(size=size - 1)(tx, size)),
    "head_long": ("the head says", lambda tx, size: _head(size=size + 1)(tx, size)),
}


def _edit_body(tx: Connection) -> None:
    body = tx.execute(select(HEAD.c.body)).scalar_one()
    checkpoint = Checkpoint.from_body(body.encode())
    _head(body=Checkpoint(checkpoint.origin, checkpoint.size, bytes(32)).body().decode())(tx, 0)


def _edit_note(tx: Connection) -> None:
    body = tx.execute(select(HEAD.c.body)).scalar_one()
    origin = Checkpoint.from_body(body.encode()).origin
    forged = sign_note(body.encode(), NoteSigner.generate(origin)).splitlines()[-1]
    genuine = tx.execute(select(HEAD.c.note)).scalar_one().splitlines()[-1]
    # The forger puts the log's own key id before his signature.
    prefix, _, mine = forged.rpartition(" ")
    raw = b64decode(genuine.rpartition(" ")[2])[:4] + b64decode(mine)[4:]
    _head(note=f"{body}\n{prefix} {b64encode(raw).decode()}\n")(tx, 0)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.sampled
async def test_an_edited_tile_or_head_is_found(lived: Place, hub: Hub, name: str) -> None:
    expected, tamper = HEADS[name]
    size = (await head(hub)).size
    await hub.database.write(lambda tx: tamper(tx, size))
    findings = (await verify(lived)).findings
    assert any(expected in finding for finding in findings), findings


@pytest.mark.parametrize("position", [0, 5, -100_000])
async def test_an_entry_beside_the_tree_is_found(lived: Place, hub: Hub, position: int) -> None:
    size = (await head(hub)).size
    extra = sealed(hub).row | {"position": size + position if position >= 0 else position}
    await hub.database.write(lambda tx: tx.execute(insert(ENTRIES).values(**extra)))
    assert not (await verify(lived)).intact


# A remembered checkpoint


async def test_a_rewritten_history_signed_with_the_logs_own_key_is_found_by_a_remembered_checkpoint_alone(
    lived: Place, hub: Hub
) -> None:
    remembered = await note(hub)
    rewritten = sealed(hub)
    values = {name: rewritten.row[name] for name in ("id", "recorded_at", "commitment", "detail", "kind")}
    target = select(ENTRIES.c.position).where(ENTRIES.c.kind == "ask.made").order_by(ENTRIES.c.position).limit(1)

    def rewrite(tx: Connection) -> None:
        _set(**values)(tx, tx.execute(target).scalar_one())
        size, root = rebuild_tiles(tx)
        signer = hub.keys.note_signer("log")
        body = Checkpoint(signer.name, size, root).body()
        _head(body=body.decode(), note=sign_note(body, signer))(tx, 0)

    await hub.database.write(rewrite)
    kept = await verify(lived)
    assert any("not those of the published checkpoint" in finding for finding in kept.findings)
    (lived.home / "witness" / "last-checkpoint.json").unlink()
    alone = await verify(lived)
    assert alone.intact
    assert not alone.rollback_checked
    against = await verify(lived, remembered)
    assert against.rollback_checked
    assert any(finding.startswith("rewritten") for finding in against.findings)


@contextmanager
def yesterday(template: Place, folder: Path) -> Iterator[Place]:
    """The hub as it was when the template was made, restored from a backup."""
    home = copy_home(template, folder / "yesterday")
    if template.database_url is None:
        yield Place(home, None)
        return
    with new_database(template.database_url.rsplit("/", 1)[1]) as url:
        yield Place(home, url)


async def test_a_store_put_back_to_yesterday_does_not_start_and_is_found(
    template: Place, lived: Place, hub: Hub, tmp_path: Path
) -> None:
    remembered = await note(hub)
    with yesterday(template, tmp_path) as restored:
        assert (await verify(restored)).intact
        assert any(finding.startswith("rolled back") for finding in (await verify(restored, remembered)).findings)
        shutil.copytree(lived.home / "witness", restored.home / "witness", dirs_exist_ok=True)
        with pytest.raises(LedgerBrokenError, match="restore the newer store"):
            async with restored.open():
                pass
        assert any("restore the newer store" in finding for finding in (await verify(restored)).findings)


async def test_a_clock_that_went_back_does_not_start(place: Place, hub: Hub) -> None:
    await add(hub)
    await hub.ledger.drain()
    with pytest.raises(LedgerBrokenError, match="the clock went back"):
        async with open_hub(place.settings(), clock=later(-3600)):
            pass
    async with place.open():
        pass


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"note": "x", "kept_at": "2026-01-01T00:00:00+00:00"}'])
@pytest.mark.sampled
async def test_a_spoilt_remembered_checkpoint_does_not_start(place: Place, content: str) -> None:
    (place.home / "witness" / "last-checkpoint.json").write_text(content)
    with pytest.raises(LedgerBrokenError, match="the kept checkpoint"):
        async with place.open():
            pass


# The command


async def test_the_commands_exit_code_is_its_verdict(lived: Place, hub: Hub, tmp_path: Path) -> None:
    kept, junk, foreign = tmp_path / "kept", tmp_path / "junk", tmp_path / "foreign"
    kept.write_text(await note(hub), encoding="utf-8")
    junk.write_text("hello")
    foreign.write_text(sign_note(Checkpoint("else.where/ledger", 1, bytes(32)).body(), NoteSigner.generate("x.y/z")))
    plain = await yizheng(lived, "ledger", "verify")
    assert plain.code == 0, plain.err
    assert "rollback not checked" in plain.out
    whole = await yizheng(lived, "ledger", "verify", "--against", str(kept), "--json")
    assert (whole.code, whole.json()["rollback_checked"], whole.json()["findings"]) == (0, True, [])
    assert (await yizheng(lived, "ledger", "verify", "--against", str(junk))).code == 2
    assert (await yizheng(lived, "ledger", "verify", "--against", str(foreign))).code == 2
    assert (await yizheng(lived, "ledger", "verify", "--against", str(tmp_path / "none"))).code == 64
    assert (await yizheng(lived, "ledger", "verify", "--home", str(tmp_path))).code == 64
    assert (await yizheng(lived, "ledger", "verify", "--nonsense")).code == 64
    before = (await head(hub)).note
    await hub.database.write(lambda tx: _set(kind="x")(tx, 5))
    broken = await yizheng(lived, "ledger", "verify", "--json")
    assert broken.code == 1
    assert broken.json()["findings"] == ["index 5: column kind was changed"]
    await hub.database.write(lambda tx: _remove_last(tx, broken.json()["entries"]))
    assert (await yizheng(lived, "ledger", "verify", "--against", str(kept))).code == 1
    assert (await head(hub)).note == before  # looking changes nothing


async def test_the_command_judges_a_store_that_the_hub_refuses_to_start_on(
    template: Place, lived: Place, hub: Hub, tmp_path: Path
) -> None:
    remembered = tmp_path / "remembered"
    remembered.write_text(await note(hub), encoding="utf-8")
    with yesterday(template, tmp_path) as restored:
        shutil.copytree(lived.home / "witness", restored.home / "witness", dirs_exist_ok=True)
        assert (await yizheng(restored, "check")).code == 77
        done = await yizheng(restored, "ledger", "verify", "--against", str(remembered), "--json")
        assert done.code == 1
        assert any(finding.startswith("rolled back") for finding in done.json()["findings"])


async def test_a_proof_from_the_command_is_the_api_s(lived: Place, hub: Hub, client: httpx2.AsyncClient) -> None:
    wanted = select(ENTRIES.c.id).where(ENTRIES.c.position == 3)
    entry = await hub.database.read(lambda tx: tx.execute(wanted).scalar_one())
    done = await yizheng(lived, "ledger", "prove", str(entry))
    public = (await client.get(f"/api/v1/ledger/entries/{entry}/proof")).json()
    assert done.code == 0
    assert json.loads(done.out)["path"] == public["path"]
    assert (await yizheng(lived, "ledger", "prove", str(uuid.uuid4()))).code == 1
    await add(hub)
    waiting = select(ENTRIES.c.id).where(ENTRIES.c.position.is_(None))
    entry = await hub.database.read(lambda tx: tx.execute(waiting).scalar_one())
    assert (await yizheng(lived, "ledger", "prove", str(entry))).code == 2
