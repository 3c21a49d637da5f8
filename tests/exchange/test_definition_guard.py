"""Whoever writes the database can neither point a source elsewhere nor open a field: the row is not believed."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import update

from catalog.tables import InterfaceRow, SourceRow, table
from hub.access.actors import COMMAND
from hub.storage.errors import IntegrityBrokenError
from tests.exchange.conftest import INTERFACE, SECRET_SHARE, Town, definition, grant

SOURCES, INTERFACES = table(SourceRow), table(InterfaceRow)


async def tamper(town: Town, statement: Any) -> None:
    await town.hub.database.write(lambda tx: tx.execute(statement))


async def broken(town: Town) -> None:
    answer = await town.query()
    assert answer.status_code == 502
    assert answer.json()["type"].endswith("/problems/integrity")
    assert town.register.asked == []


async def test_a_source_pointed_elsewhere_is_not_asked(town: Town) -> None:
    elsewhere = {"connection": {"url": f"http://127.0.0.1:{town.register.port}/mine"}}
    found = await town.hub.sources.show(COMMAND, "register")
    declared = {**found.declared, **elsewhere}
    await tamper(town, update(SOURCES).values(definition=declared))
    await broken(town)


@pytest.mark.parametrize("values", [{"state": "deprecated"}, {"version": 7}, {"row_version": 9}])
async def test_a_version_changed_past_the_hub_does_not_answer(town: Town, values: dict[str, Any]) -> None:
    await tamper(town, update(INTERFACES).values(**values))
    await broken(town)


async def test_a_field_opened_past_the_hub_stays_shut(town: Town) -> None:
    opened = definition()
    opened["fields"]["shareholder"]["terms"] = {"sharing": "unconditional"}
    await tamper(town, update(INTERFACES).values(definition=opened))
    await broken(town)


async def test_a_version_that_was_checked_before_is_read_as_it_was(town: Town) -> None:
    assert (await town.ask())["outcome"] == "satisfied"
    opened = definition(echoes={}, identity_name=None)
    opened["mapping"]["fields"]["name"] = "股东"
    await tamper(town, update(INTERFACES).values(definition=opened))
    found = await town.ask()
    assert SECRET_SHARE not in json.dumps(found, ensure_ascii=False)


async def test_a_row_written_past_the_hub_and_put_back_leaves_nothing_behind(town: Town) -> None:
    honest = definition()
    opened = definition(echoes={}, identity_name=None)
    opened["mapping"]["fields"]["name"] = "股东"
    await tamper(town, update(INTERFACES).values(definition=opened))
    await town.hub.interfaces.show(COMMAND, INTERFACE)  # a page reads it meanwhile
    await tamper(town, update(INTERFACES).values(definition=honest))
    assert SECRET_SHARE not in json.dumps(await town.ask(), ensure_ascii=False)


async def test_a_version_checked_before_is_checked_again_when_anything_of_its_row_has_changed(town: Town) -> None:
    assert (await town.ask())["outcome"] == "satisfied"
    opened = definition(echoes={}, identity_name=None)
    opened["mapping"]["fields"]["name"] = "股东"
    await tamper(town, update(INTERFACES).values(definition=opened, changed_at=datetime(2026, 1, 1, tzinfo=UTC)))
    town.register.asked.clear()
    await broken(town)


async def test_a_change_by_the_owner_does_not_heal_a_row_written_past_the_hub(town: Town) -> None:
    await tamper(town, update(SOURCES).values(state="disabled"))
    with pytest.raises(IntegrityBrokenError):
        await town.hub.sources.enable(COMMAND, "register")
    await tamper(town, update(INTERFACES).values(state="deprecated"))
    with pytest.raises(IntegrityBrokenError):
        await town.hub.interfaces.withdraw(COMMAND, INTERFACE, reason="不再提供")
    assert grant()["interface"] == INTERFACE
