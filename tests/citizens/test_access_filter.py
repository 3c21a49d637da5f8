"""Reading who looked by class, department and days, and as a table: nothing is lost, and nothing runs as a formula."""

import csv
import io
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection

from certificates.numbering import Identifier
from certificates.stores.holders import find_subjects
from hub.citizens.access_offices import office_in
from hub.clock import BEIJING
from hub.issuing.plan import lookup_hash
from hub.ledger.entries import Draft, append, seal
from hub.runtime import Hub
from hub.web.citizen import access_files
from tests.citizens.conftest import session
from tests.hub.city import HOME, PERSON, grow
from tests.hub.command import yizheng
from tests.support import AMR, POLICE, Place, open_case, pull

pytestmark = pytest.mark.embedded
API, PAGE = "/api/v1/me/accesses", "/me/accesses"
FORMULA = '=HYPERLINK("https://example.test")'


def test_a_department_is_said_wherever_the_entry_knows_it() -> None:
    licence = {"identifier": Identifier("11990000MB0000003U001", POLICE, "2026A8KD93MZ01QX").text}
    for kind, said, office in (
        ("certificate.revoke", licence, POLICE),
        ("certificate.transfer_in", licence, POLICE),
        ("certificate.export", licence, POLICE),
        ("certificate.export", licence | {"copy": "x:copy:1"}, ""),
        ("certificate.export", licence | {"copy": "x:copy:1", "department_id": "d"}, "d"),
        ("certificate.expire", licence, ""),
        ("certificate.render", licence, ""),
        ("certificate.verified_public", licence, ""),
        ("certificate.opened_together", licence, ""),
        ("certificate.issue", {"identifier": "x"}, ""),
        ("certificate.search", {"department_id": "d"}, "d"),
        ("copy.sealed", {"office": AMR}, AMR),
        ("copy.withdrawn", {"client_id": "window"}, "of-window"),
    ):
        assert office_in(kind, said, {"window": "of-window"}) == office, (kind, said)


async def listed(client: httpx2.AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    """To the end, however the pages are cut."""
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await client.get(API, params=asked | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        found += answer.json()["accesses"]
        cursor = answer.json()["next"]
    return found


async def written(hub: Hub, *drafts: tuple[str, dict[str, Any]], ago: timedelta) -> None:
    """Entries about the person."""
    digest = lookup_hash(hub.vault, PERSON["id_type"], PERSON["id_number"])

    def write(tx: Connection) -> None:
        subject = find_subjects(tx, [digest])[digest]
        key = hub.vault.data_key(subject.data_key, subject.kek_kid)
        made = [Draft(kind=kind, detail=detail, key=key, subject_id=subject.id) for kind, detail in drafts]
        append(tx, [seal(draft, now=hub.clock() - ago) for draft in made])

    await hub.database.write(write)


async def proofs_are_checked_without_the_hub(
    place: Place, hub: Hub, client: httpx2.AsyncClient, everything: list[dict[str, Any]], tmp_path: Path
) -> None:
    """As JSON, and with the command that anybody has; whatever is changed in it is found."""
    for path in (f"{PAGE}.json", f"{API}/file"):
        waiting = (await client.get(path)).json()
        assert [item["proof"] for item in waiting["accesses"]].count(None) == len(waiting["accesses"])
    await hub.ledger.drain()
    told = (await client.get(f"{PAGE}.json")).json()
    assert [{**item, "proof": None} for item in told["accesses"]] == [{**item, "proof": None} for item in everything]
    assert (told["complete"], told["asked"]["class"]) == (True, None)
    key, file = tmp_path / "key", tmp_path / "who-looked.json"
    key.write_text(hub.ledger.verifier)

    async def checked(content: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        done = await yizheng(place, "ledger", "check", str(file), "--key", str(key), "--json")
        return done.code, done.json() if done.out else {}

    code, found = await checked(told)
    assert (code, found["proven"], found["complete"]) == (0, len(everything), True)
    assert (await checked(waiting))[0] == 2
    one, other = told["accesses"][0], told["accesses"][1]
    for changed in (
        {**one, "id": other["id"]},
        {**one, "at": other["at"]},
        {**one, "proof": other["proof"]},
        {**one, "proof": {**one["proof"], "index": one["proof"]["index"] + 1}},
        {**one, "proof": {**one["proof"], "size": 1}},
        {**one, "proof": {**one["proof"], "leaf": one["proof"]["leaf"].replace('"time":"2', '"time":"1')}},
    ):
        code, found = await checked({**told, "accesses": [changed, other]})
        assert (code, list(found["refused"])) == (1, [changed["id"]]), changed
    size, note = next(iter(told["checkpoints"].items()))
    assert (await checked({**told, "checkpoints": {size: note.replace("\n", "x\n", 1)}}))[0] == 1
    assert (await checked({"accesses": []}))[0] == 64
    entry = (await client.get(f"/api/v1/ledger/entries/{one['id']}/proof")).json()
    assert (await checked(entry))[0] == 0
    assert (await checked({**entry, "entry": other["id"]}))[0] == 1


async def pages_and_files(
    place: Place,
    hub: Hub,
    client: httpx2.AsyncClient,
    everything: list[dict[str, Any]],
    before: date,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The page filters as the API does; the files hold what is listed, and nothing in them runs."""
    page = await client.get(PAGE, params={"look": "look", "department": POLICE, "until": before})
    assert page.text.count('<li class="look">') == 1
    assert "核实人员阅读了关于您的问题" in page.text
    assert f"accesses.csv?look=look&amp;department={POLICE}&amp;until={before}" in page.text
    for day in ("yesterday", "9999-12-31", "0001-01-01"):
        wrong_day = await client.get(PAGE, params={"since": day})
        assert (wrong_day.status_code, 'id="since-error"' in wrong_day.text) == (422, True)
        for ending in ("csv", "json"):
            led = await client.get(f"{PAGE}.{ending}", params={"since": day})
            assert (led.status_code, led.headers["location"]) == (303, f"{PAGE}?since={day}")
    assert PERSON["id_number"] not in page.text

    table = await client.get(f"{PAGE}.csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert [row["账本编号"] for row in rows] == [item["id"] for item in everything]
    assert [row["做了什么"] for row in rows] == [item["what"] for item in everything]
    [asked] = [row["用途"] for row in rows if "HYPERLINK" in row["用途"]]
    assert asked == f"'{FORMULA}"
    some = await client.get(f"{PAGE}.csv", params={"look": "nothing"})
    assert len(some.content.decode().splitlines()) == 1 + sum(item["class"] == "nothing" for item in everything)
    assert (await client.get(f"{API}/file", params={"format": "csv"})).content == table.content
    await proofs_are_checked_without_the_hub(place, hub, client, everything, tmp_path)
    monkeypatch.setitem(access_files.MOST, "csv", 2)  # type: ignore[attr-defined]
    cut = list(csv.reader(io.StringIO((await client.get(f"{PAGE}.csv")).text)))
    assert [row[-1] for row in cut[1:-1]] == [item["id"] for item in everything[:2]]
    assert "更早的记录不在本文件中" in cut[-1][0]


async def test_the_list_is_read_by_class_department_and_days_and_taken_along_as_a_table(
    place: Place, hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with place.client(hub) as client:
        city = await grow(place, hub, client)
        case_no = await open_case(client, city.headers, matter=HOME, parties=[{"role": "applicant", **PERSON}])
        await pull(client, city.headers, case_no, requirements=["identity"])
        await written(hub, ("task.read", {"department": POLICE, "purpose": FORMULA}), ago=timedelta(days=4))
        await written(hub, ("identity.refused", {"reason": "other"}), ("of.tomorrow", {}), ago=timedelta(days=4))
        client.cookies.set("yz_holder", await session(hub))
        everything = await listed(client)
        classes = {name: await listed(client, **{"class": name}) for name in ("look", "nothing", "own", "change")}
        assert sorted(item["id"] for some in classes.values() for item in some) == sorted(
            item["id"] for item in everything
        ), "each entry is of one class, also one of a kind that nobody has listed"
        assert {item["class"] for item in classes["nothing"]} == {"nothing"}
        assert {item["kind"] for item in classes["nothing"]} >= {"case.open", "identity.refused"}
        assert "of.tomorrow" in {item["kind"] for item in classes["change"]}

        today = hub.clock().astimezone(BEIJING).date()
        before, lately = today - timedelta(days=2), today - timedelta(days=1)  # whenever a day ends
        earlier = await listed(client, until=before)
        assert {item["kind"] for item in earlier} == {"task.read", "identity.refused", "of.tomorrow"}
        assert len(await listed(client, since=lately)) == len(everything) - 3
        assert await listed(client, since=today + timedelta(days=2)) == []

        monkeypatch.setattr("hub.citizens.accesses._STEP", 2)
        monkeypatch.setattr("hub.citizens.accesses._OPENED", 2)
        theirs = await listed(client, department=AMR, size=1)
        assert {item["kind"] for item in theirs} == {"case.open", "disclosure"}
        police = {item["kind"]: item["department"] for item in await listed(client, department=POLICE, size=100)}
        assert police.keys() >= {"task.read", "certificate.issue"}
        assert police["certificate.issue"] == police["task.read"], "who issued a licence is said"
        days = ({"since": "yesterday"}, {"since": "0001-01-01"}, {"until": "9999-12-31"})
        for wrong in ({"class": "all"}, {"size": 1000}, *days, {"department": "x"}):
            assert (await client.get(API, params=wrong)).status_code == 422, wrong
        await pages_and_files(place, hub, client, everything, before, monkeypatch, tmp_path)
        client.cookies.delete("yz_holder")
        assert (await client.get(f"{PAGE}.csv")).status_code in {303, 401}
