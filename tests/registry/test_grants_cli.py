"""`yizheng grant`, `proposal` and `clock`: the whole way on the command line, and what it says when it refuses."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from hub.clock import utc_now
from tests.hub.command import yizheng
from tests.registry.asking import filing, interface, publish
from tests.support import INTAKE, MATTER, Place


def write(folder: Path, name: str, value: Any) -> str:
    path = folder / name
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return str(path)


async def prepared(place: Place) -> None:
    async with place.open() as hub:
        await publish(hub, interface("residence_by_id"))


async def test_a_request_from_file_to_withdrawal(place: Place, tmp_path: Path) -> None:
    await prepared(place)
    asked = filing(utc_now, system=INTAKE, matters=[MATTER])
    wrong = write(tmp_path, "wrong.json", asked | {"fields": ["remarks"], "legal_basis": ""})
    faulty = await yizheng(place, "grant", "request", wrong)
    assert faulty.code == 65
    assert "/fields/0" in faulty.err
    assert "涉及治安管理" in faulty.err
    assert "/legal_basis" in faulty.err
    good = write(tmp_path, "good.json", asked)
    assert (await yizheng(place, "grant", "request", good, "--check", "--json")).json() == {"errors": []}
    filed = (await yizheng(place, "grant", "request", good, "--json")).json()
    assert (filed["state"], filed["remaining_working_days"]) == ("submitted", 10)
    listed = (await yizheng(place, "grant", "requests", "--json")).json()["grant_requests"]
    assert [item["id"] for item in listed] == [filed["id"]]
    assert (await yizheng(place, "grant", "overdue", "--json")).json() == {"grant_requests": []}
    decision = write(tmp_path, "decision.json", {"fields": ["name"], "reasons": {"fields/address": "不必要"}})
    done = (await yizheng(place, "grant", "decide", filed["id"], "approve", "--file", decision, "--json")).json()
    assert done["decision"]["cuts"] == {"fields/address": "不必要"}
    assert (await yizheng(place, "grant", "decide", filed["id"], "approve")).code == 77
    disputed = await yizheng(place, "grant", "dispute", filed["id"], "open", "--reason", "须核对地址", "--json")
    assert disputed.json()["stage"] == "negotiating"
    shown = (await yizheng(place, "grant", "show", filed["id"], "--json")).json()
    assert [step["step"] for step in shown["steps"]] == ["file", "approve", "dispute.open"]
    assert (await yizheng(place, "grant", "withdraw", done["grant_id"], "--reason", "终止")).code == 0
    grants = (await yizheng(place, "grant", "list", "--json")).json()["grants"]
    assert next(item for item in grants if item["id"] == done["grant_id"])["state"] == "withdrawn"


async def test_wrong_calls_say_what_to_do(place: Place, tmp_path: Path) -> None:
    assert (await yizheng(place, "grant", "show", "seven")).code == 64
    unknown = await yizheng(place, "grant", "show", "00000000-0000-7000-8000-000000000000")
    assert unknown.code == 65
    assert "there is no such grant" in unknown.err
    assert (await yizheng(place, "grant", "decide", "00000000-0000-7000-8000-000000000000", "maybe")).code == 64
    empty = write(tmp_path, "two.json", [{}, {}])
    assert (await yizheng(place, "grant", "request", empty)).code == 65


async def test_the_command_line_proposes_and_does_not_confirm_itself(place: Place, tmp_path: Path) -> None:
    year = utc_now().year + 5
    calendar = write(tmp_path, "year.json", {"year": year, "source": "通知", "holidays": [f"{year}-01-01"]})
    made = (await yizheng(place, "clock", "calendar", calendar, "--reason", "已公布", "--json")).json()
    assert made["state"] == "open"
    alone = await yizheng(place, "proposal", "confirm", made["id"])
    assert alone.code == 77
    assert year not in {item["year"] for item in (await yizheng(place, "clock", "show", "--json")).json()["calendar"]}
    from hub.access.actors import Actor, Role

    async with place.open() as hub:
        operator = Actor("staff", "op", "op", None, frozenset({Role.OPERATOR}))
        await hub.sharing.proposals.confirm(operator, made["id"])
    assert year in {item["year"] for item in (await yizheng(place, "clock", "show", "--json")).json()["calendar"]}
    assert (await yizheng(place, "proposal", "list", "--json")).json() == {"proposals": []}
    assert (await yizheng(place, "proposal", "make", "hub.erase", calendar, "--reason", "x")).code == 65


async def test_grants_are_added_from_a_file_of_types_and_interfaces(place: Place, tmp_path: Path) -> None:
    await prepared(place)
    until = (utc_now() + timedelta(days=30)).isoformat()
    terms = {"system": INTAKE, "matters": [MATTER], "purpose": "核验", "legal_basis": "条例", "valid_until": until}
    definitions = [
        terms | {"interface": "residence_by_id", "fields": ["name"]},
        terms | {"type": "identity_card", "owner": "11990000MB0000003U", "fields": ["name"]},
    ]
    added = (await yizheng(place, "grant", "add", write(tmp_path, "grants.json", definitions), "--json")).json()[
        "added"
    ]
    grants = (await yizheng(place, "grant", "list", "--json")).json()["grants"]
    assert [item["id"] for item in grants[:2]] == added[::-1]
    closed = write(tmp_path, "closed.json", definitions[0] | {"fields": ["remarks"]})
    assert (await yizheng(place, "grant", "add", closed)).code == 65
