"""A copy that was let out names its recipient, cut and all; what the mark cannot do is shown too."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from hub.exchange.bulk.files import row_of
from hub.exchange.bulk.mark import WHO, Mark
from hub.exchange.bulk.whose import MOST_ROWS
from hub.storage.keystore.file import KeyFile
from hub.storage.vault import SECRET_NAMES, Vault
from tests.exchange.bulking import approver, ask, bulk_grant, fetch, firm, work
from tests.exchange.bulking import row_of as register_row
from tests.exchange.conftest import Town
from tests.hub.command import yizheng
from tests.support import INTAKE, NARROW, open_case

SYSTEMS = [f"system-{number}" for number in range(40)]


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    keys = KeyFile(tmp_path / "keystore.json", master_key=bytes(32))
    for name in SECRET_NAMES:
        keys.create_secret(name)
    return Vault(keys)


def copy_of(vault: Vault, client_id: str, count: int = 60) -> list[dict[str, Any]]:
    """A recipient's copy, as a parser reads it back."""
    mark = Mark(vault, client_id)
    people = [firm(place) for place in range(count)]
    people.sort(key=lambda who: mark.place([who[name] for name in WHO]))
    result = {"number": 1, "outcome": "satisfied", "why": "satisfied", "records": [{"uscc": "x", "status": "存续"}]}
    return [json.loads(row_of(who, result | {"entry": "e"}, mark)) for who in people]


def named(vault: Vault, rows: list[dict[str, Any]]) -> list[str]:
    return [name for name in SYSTEMS if Mark(vault, name).likeness(rows).certain]


def test_a_copy_names_its_recipient_and_nobody_else(vault: Vault) -> None:
    for recipient in SYSTEMS[:5]:
        assert named(vault, copy_of(vault, recipient)) == [recipient]


def test_part_of_its_rows_or_members_is_enough(vault: Vault) -> None:
    rows = copy_of(vault, SYSTEMS[7])
    assert named(vault, rows[20:27]) == [SYSTEMS[7]]
    assert named(vault, sorted(random.sample(rows, 12), key=rows.index)) == [SYSTEMS[7]]
    kept = {*WHO, "records"}
    assert named(vault, [{name: row[name] for name in row if name in kept} for row in rows]) == [SYSTEMS[7]]


def test_rows_sorted_anew_are_named_by_their_members_and_members_sorted_anew_by_their_rows(vault: Vault) -> None:
    rows = copy_of(vault, SYSTEMS[7])
    assert named(vault, sorted(rows, key=lambda row: str(row["id_number"]))) == [SYSTEMS[7]]
    assert named(vault, [dict(sorted(row.items())) for row in rows]) == [SYSTEMS[7]]


def test_whoever_sorts_both_has_taken_it_out_and_nobody_is_named(vault: Vault) -> None:
    rows = sorted(copy_of(vault, SYSTEMS[7]), key=lambda row: str(row["id_number"]))
    assert named(vault, [dict(sorted(row.items())) for row in rows]) == []


def test_too_little_names_nobody(vault: Vault) -> None:
    assert named(vault, copy_of(vault, SYSTEMS[7])[:1]) == []
    assert named(vault, []) == []


async def test_of_two_who_asked_about_the_same_the_command_names_the_one_who_leaked(town: Town, tmp_path: Path) -> None:
    parties = [firm(place) for place in range(30)]
    town.register.rows |= {party["id_number"]: [register_row(party)] for party in parties}
    copies: dict[str, bytes] = {}
    for client_id in (INTAKE, NARROW):
        await town.hub.registry.add_grant(bulk_grant(system=client_id))
        headers = await town.place.headers(town.client, client_id)
        case_no = await open_case(town.client, headers, kind="ex_officio")
        run = (await ask(town, case_no, parties, headers=headers)).json()["run"]
        await work(town)
        await town.hub.bulk.releases.release(await approver(town), run)
        copies[client_id] = (await fetch(town, run, headers=headers)).content
    leaked = tmp_path / "leaked.jsonl"
    for client_id, copy in copies.items():
        leaked.write_bytes(b"".join(copy.splitlines(keepends=True)[9:16]) + b"\xff not a row\n")
        done = await yizheng(town.place, "bulk", "whose", str(leaked), "--json")
        assert (done.code, done.json()["recipient"], done.json()["signed"]) == (0, client_id, None)
    line = copies[NARROW].splitlines(keepends=True)[0]
    leaked.write_bytes(line + b"".join(copies[INTAKE].splitlines(keepends=True)[1:]))
    done = await yizheng(town.place, "bulk", "whose", str(leaked), "--json")
    assert (done.json()["recipient"], done.json()["contradicted"]) == (INTAKE, True)
    leaked.write_bytes(b'{"id_type":"001","id_number":"1","name":"n"}\n' * (MOST_ROWS + 1))
    assert (await yizheng(town.place, "bulk", "whose", str(leaked))).code == 2
