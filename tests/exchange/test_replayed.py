"""Decisions that rest on sources, on other answers and on quotas, judged again by what was kept of their moment."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, text, update

from catalog.tables import table
from hub.access.actors import COMMAND
from hub.intake.answers import case_key
from hub.intake.replaying.keeping import ground_place
from hub.intake.replaying.tables import DecisionGroundRow
from hub.intake.store import find_case
from hub.ledger.erasure import ERASE
from signing.canonical import canonical, strict_loads
from tests.exchange.conftest import Town
from tests.exchange.test_waves import ANNA, BODO, MARRIED, OWN, SPOUSES, answered, case_of, furnish, record, wed
from tests.exchange.test_waves import town as town  # noqa: PLC0414  # the fixture
from tests.hub.test_erasure import BASIS, SECOND

pytestmark = pytest.mark.embedded
GROUNDS = table(DecisionGroundRow)


async def replayed(town: Town, case_no: str) -> dict[str | None, tuple[str, str]]:
    found = await town.hub.replaying.replay(COMMAND, case_no, "en")
    return {
        item["requirement"]: (item["judged"], item["because"]["code"] if item["because"] else "")
        for item in found["decisions"]
    }


async def rewritten(town: Town, case_no: str, change: Callable[[dict[str, Any]], None]) -> None:
    """What somebody with the hub's own keys writes in the place of a ground."""

    def unit(tx: Any) -> None:
        case = find_case(tx, case_no)
        assert case is not None
        key = case_key(town.hub.vault, case)
        for row in tx.execute(select(GROUNDS).where(GROUNDS.c.case_id == case.id)).all():
            plain = key.decrypt(ground_place(row.id), row.content)
            content = strict_loads(plain, max_bytes=len(plain))
            change(content)
            sealed = key.encrypt(ground_place(row.id), canonical(content))
            tx.execute(update(GROUNDS).where(GROUNDS.c.id == row.id).values(content=sealed))

    await town.hub.database.write(unit)


async def erased(town: Town, person: dict[str, str]) -> None:
    found = await town.hub.erasure.find(COMMAND, person["id_type"], person["id_number"])
    payload = {"subject": found.id, "legal_basis": BASIS}
    made = await town.hub.sharing.proposals.propose(COMMAND, ERASE, payload, "asked for")
    await town.hub.sharing.proposals.confirm(SECOND, made.id)


async def test_what_sources_told_is_judged_again_without_asking_and_without_a_value(town: Town) -> None:
    await furnish(town, SPOUSES, OWN, MARRIED)
    case_no = await case_of(town)
    await answered(town, case_no)
    arrived = len(town.register.asked)
    # What the registers say now changes nothing of what was decided.
    town.register.rows[ANNA["id_number"]] = record(ANNA)
    assert await replayed(town, case_no) == dict.fromkeys(("marriage", "own_income", "spouse_income"), ("same", ""))
    assert len(town.register.asked) == arrived
    await answered(town, case_no)
    found = await town.hub.replaying.replay(COMMAND, case_no, "en")
    assert found["counts"] == {"same": 6, "different": 0, "not_replayable": 0}
    assert {item["outcome"] for item in found["decisions"]} > {"satisfied"}
    rows = await town.hub.database.read(lambda tx: tx.execute(select(GROUNDS)).all())
    assert len(rows) == 2
    said = json.dumps([found, [row.content.decode("latin-1") for row in rows]], ensure_ascii=False)
    assert [secret for secret in (BODO["id_number"], BODO["name"], ANNA["name"]) if secret in said] == []
    # A person who is erased: what rests on him is mute, what does not is judged as before.
    await erased(town, ANNA)
    verdicts = await replayed(town, case_no)
    assert set(verdicts.values()) <= {("not_replayable", "erased"), ("not_replayable", "other_erased")}


async def test_a_ground_is_kept_for_each_person_under_his_own_key(town: Town) -> None:
    await furnish(town, SPOUSES, OWN, MARRIED)
    case_no = await case_of(town)
    await answered(town, case_no)
    opened: list[dict[str, Any]] = []
    await rewritten(town, case_no, opened.append)
    (ground,) = opened
    told = ground["of"]
    assert told.keys() == {"marriage/applicant", "own_income/applicant", "spouse_income/spouse"}
    assert {name for name, part in told.items() if "sealed" in part} == {"marriage/applicant", "spouse_income/spouse"}
    assert told["spouse_income/spouse"]["claims"] == ["claims.marriage.married"]
    assert "true" not in json.dumps(ground["common"])
    assert await replayed(town, case_no) == dict.fromkeys(("marriage", "own_income", "spouse_income"), ("same", ""))
    await erased(town, BODO)
    assert await replayed(town, case_no) == {
        "marriage": ("same", ""),
        "own_income": ("same", ""),
        None: ("not_replayable", "erased"),
    }


async def test_a_ground_that_was_written_anew_or_is_gone_is_named(town: Town) -> None:
    await furnish(town, OWN)
    case_no = await case_of(town)
    await answered(town, case_no)

    def clears(content: dict[str, Any]) -> None:
        content["of"]["own_income/applicant"]["said"] = {"0.0": ["declared_none", "no_record", 0, False, None, None]}

    await rewritten(town, case_no, clears)
    assert await replayed(town, case_no) == {"own_income": ("different", "ground_changed")}

    async def run(statement: str) -> None:
        await town.hub.database.write(lambda tx: tx.execute(text(statement)))

    await run("UPDATE decision_grounds SET content = X'00'")
    assert await replayed(town, case_no) == {"own_income": ("different", "ground_changed")}
    await run("DELETE FROM decision_grounds")
    assert await replayed(town, case_no) == {"own_income": ("not_replayable", "ground_gone")}


async def test_an_interface_that_somebody_rewrote_is_named(town: Town) -> None:
    await furnish(town, OWN)
    case_no = await case_of(town)
    await answered(town, case_no)
    change = "UPDATE interfaces SET definition = replace(definition, 'monthly', 'monthlx') WHERE code = 'income'"
    await town.hub.database.write(lambda tx: tx.execute(text(change)))
    assert await replayed(town, case_no) == {"own_income": ("different", "catalogue_changed")}


async def test_a_quota_and_a_source_that_failed_are_judged_by_what_they_were(town: Town) -> None:
    await furnish(town, OWN, quota=1)
    first, second = await case_of(town), await case_of(town, number="2")
    town.register.rows[ANNA["id_number"]] = []
    answer = await answered(town, first)
    assert [item["outcome"] for item in answer["requirements"]] != ["satisfied"]
    town.register.rows[ANNA["id_number"]] = record(ANNA, **wed(BODO))
    answer = await answered(town, second)
    assert [item["why"]["code"] for item in answer["requirements"]] == ["quota_exhausted"]
    for case_no in (first, second):
        assert await replayed(town, case_no) == {"own_income": ("same", "")}
