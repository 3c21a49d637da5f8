"""Holders of a campaign judged again: by number, by what was kept of each, and by nobody's name."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from certificates.lifecycle.states import Operation
from hub.access.actors import COMMAND
from hub.issuing.files import identifiers_of
from tests.exchange.bulking import firm, row_of, work
from tests.exchange.conftest import Town
from tests.exchange.test_campaign import CODE, run_of
from tests.exchange.test_campaign_sources import campaign as campaign  # noqa: PLC0414  # the fixture
from tests.hub.command import yizheng

pytestmark = pytest.mark.embedded


async def replayed(town: Town, case_no: str) -> dict[str, Any]:
    found = await town.hub.replaying.replay(COMMAND, case_no, "en")
    told: dict[str, Any] = found["campaign"]
    assert found["counts"] == told["counts"]
    return told


async def test_every_holder_is_judged_again_by_what_was_kept_of_him(campaign: Town) -> None:
    campaign.register.rows[firm(2)["id_number"]] = []
    case_no = await campaign.case(kind="ex_officio", matter=CODE, facts={"in_time": True})
    await run_of(campaign, [firm(0), firm(1), firm(2), firm(77)], case_no=case_no)
    await work(campaign)
    # What is true now changes nothing of what was told.
    campaign.register.rows[firm(2)["id_number"]] = [row_of(firm(2))]
    campaign.register.rows[firm(0)["id_number"]] = []
    (held,) = await identifiers_of(campaign.hub, "001", firm(1)["id_number"])
    await campaign.hub.status.change(str(held["identifier"]), Operation.SUSPEND, reason="r", legal_basis="l")
    asked = len(campaign.register.asked)
    told = await replayed(campaign, case_no)
    assert (told["holders"], told["counts"]) == (4, {"same": 4, "different": 0, "not_replayable": 0})
    assert len(campaign.register.asked) == asked
    assert told["decisions"] == []

    async def run(statement: str) -> None:
        await campaign.hub.database.write(lambda tx: tx.execute(text(statement)))

    await run("UPDATE ledger_entries SET kind = 'refusal' WHERE id = (SELECT min(id) FROM ledger_entries WHERE kind = 'disclosure')")  # fmt: skip  # noqa: E501
    told = await replayed(campaign, case_no)
    (odd,) = told["decisions"]
    assert (odd["judged"], odd["because"]["code"], odd["number"]) == ("different", "entry_changed", 0)
    assert firm(0)["name"] not in json.dumps(told, ensure_ascii=False)
    done = await yizheng(campaign.place, "case", "replay", case_no, "--lang", "en")
    assert (done.code, "! " in done.out, "different: 1" in done.out) == (65, True, True), done.err
    await run("UPDATE decision_grounds SET content = X'00'")
    assert (await replayed(campaign, case_no))["counts"] == {"same": 0, "different": 4, "not_replayable": 0}
    await run("DELETE FROM decision_grounds")
    told = await replayed(campaign, case_no)
    assert {item["because"]["code"] for item in told["decisions"]} == {"ground_gone", "entry_changed"}
