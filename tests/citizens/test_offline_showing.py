"""Shown without a network: what was picked, of when, until when; on the ledger before it is signed."""

import asyncio
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from certificates.offline_code import read_offline_code
from hub.access.actors import COMMAND
from hub.citizens.errors import HolderSignInNeededError
from hub.citizens.showing.values import ChoiceError, OfflineLive, Pick, Showing
from hub.cli.main import app
from hub.issuing.transitions.acts import Act
from hub.runtime import Hub
from hub.storage.errors import MissingError
from tests.citizens.conftest import Watch, erased, session, signed_in
from tests.citizens.test_showing import HERE, NAME, NUMBER, card_of
from tests.hub.acting import WHY
from tests.hub.city import CANARIES, STRANGER, identity_claims, ledger
from tests.serving import problem
from tests.support import POLICE, Place, issue

pytestmark = pytest.mark.embedded


async def made(hub: Hub, *claims: str, life: str = "screen") -> OfflineLive:
    holder = await signed_in(hub)
    pick = Pick(await card_of(hub, holder), claims)
    found = await hub.showing.offline.look(
        holder, await hub.showing.offline.make(holder, pick, life=life, purpose="租房")
    )
    assert isinstance(found, OfflineLive)
    return found


def by_the_pack(folder: Path, code: str, *more: str) -> tuple[int, dict[str, Any]]:
    """`yizheng verify --offline`: its exit code and what it says as JSON."""
    (folder / "code.txt").write_text(code)
    asked = ["verify", str(folder / "code.txt"), "--offline", "--trust", str(folder / "pack"), "--json", *more]
    found = CliRunner().invoke(app, asked)
    return found.exit_code, json.loads(found.stdout)


async def test_it_verifies_with_the_pack_alone_and_says_how_old_its_status_is(hub: Hub, tmp_path: Path) -> None:
    live = await made(hub, "sex")
    (tmp_path / "pack").write_bytes(await hub.verification.trust_pack())
    code, told = await asyncio.to_thread(by_the_pack, tmp_path, live.code)
    assert (code, told["result"], told["kind"], told["status"]) == (0, "passed", "showing", "valid")
    assert (told["claims"], told["purpose"]) == ({"sex": "男"}, {"text": "租房"})
    assert told["status_at"] == live.showing.made_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    plain = await asyncio.to_thread(
        CliRunner().invoke,
        app,
        ["verify", str(tmp_path / "code.txt"), "--offline", "--trust", str(tmp_path / "pack")],
    )
    assert re.search(r"status as of 状态截至 \d{4}-.* min old", plain.stdout)
    assert not [
        text for text in (NUMBER, NAME, *CANARIES) if text in str(read_offline_code(live.code.encode()).content)
    ]
    (entry,) = [each for each in await ledger(hub) if each.kind == "showing.offline"]
    assert (entry.detail["fields"], entry.detail["showing"]) == (["sex"], live.showing.id)


async def test_a_page_that_is_loaded_again_says_the_same_until_its_end(hub: Hub, watch: Watch) -> None:
    live, holder = await made(hub, "sex"), await signed_in(hub)
    again = await hub.showing.offline.look(holder, live.showing.id)
    assert isinstance(again, OfflineLive)
    assert read_offline_code(again.code.encode()).content == read_offline_code(live.code.encode()).content
    watch.ahead = timedelta(minutes=10)
    verdict = await hub.verification.judge(*paper(live.code), audience=None)
    assert (verdict.result, verdict.reason) == ("failed", "expired")
    over = await hub.showing.offline.look(holder, live.showing.id)
    assert isinstance(over, Showing)
    assert over.state == "offline"


async def test_at_the_hub_a_suspension_since_counts_and_its_age_is_said(place: Place, hub: Hub) -> None:
    live = await made(hub, "sex", life="day")
    async with place.client(hub) as client:
        seen = await client.post("/receive", data={"code": f" {live.code}\r\n"})
        assert ("真实且有效" in seen.text, "性别" in seen.text) == (True, True)
        assert re.search(r"离线码：出示时状态有效，截至 [-0-9 :]+（(刚刚|\d+ 分钟前)）", seen.text)
        stop = Act.read({"operation": "suspend", "reason_code": "investigation", **WHY})
        await hub.transitions.act(COMMAND, live.showing.picks[0].identifier, stop)
        seen = await client.post("/receive", data={"code": live.code})
        assert ("真实但暂扣" in seen.text, "性别" in seen.text) == (True, False)
        # A row that was changed by SQL, or is gone, is not "nobody knows better".
        for change in ("status = 'valid'", "identifier = 'x'"):
            edit = text(f"UPDATE certificate_versions SET {change} WHERE identifier = :here")
            await hub.database.write(lambda tx, edit=edit: tx.execute(edit, {"here": live.showing.picks[0].identifier}))
            seen = await client.post("/receive", data={"code": live.code})
            assert (seen.status_code, "真实且有效" in seen.text, "性别" in seen.text) == (200, False, False)
        seen = await client.post("/receive", data={"code": "YZ1:ABC"})
        assert (seen.status_code, "无法证明真实" in seen.text) == (200, True)


async def test_what_is_not_his_not_in_force_or_has_no_room_makes_none(hub: Hub) -> None:
    await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
    holder, other = await signed_in(hub), await signed_in(hub, person=STRANGER)
    offline, mine = hub.showing.offline, await card_of(hub, holder)
    with pytest.raises(MissingError):
        await offline.make(holder, Pick(await card_of(hub, other), ()), life="screen")
    live = await made(hub, "sex")
    with pytest.raises(MissingError):
        await offline.look(other, live.showing.id)
    for pick, life, purpose, why in (
        (Pick(mine, ("salary",)), "screen", "", "claim"),
        (Pick(mine, ()), "week", "", "life"),
        (Pick(mine, ()), "screen", "x" * 61, "purpose"),
    ):
        with pytest.raises(ChoiceError, match=why):
            await offline.make(holder, pick, life=life, purpose=purpose)
    stop = Act.read({"operation": "suspend", "reason_code": "investigation", **WHY})
    await hub.transitions.act(COMMAND, mine, stop)
    with pytest.raises(ChoiceError, match="state"):
        await offline.make(holder, Pick(mine, ()), life="screen")


async def test_nothing_is_signed_of_whoever_is_erased_since_it_was_judged(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = hub.verification.judge

    async def judged_then_erased(*arguments: Any, **named: Any) -> Any:
        verdict = await judge(*arguments, **named)
        await erased(hub)
        return verdict

    holder = await signed_in(hub)
    mine = Pick(await card_of(hub, holder), ("sex",))
    monkeypatch.setattr(hub.verification, "judge", judged_then_erased)
    with pytest.raises(HolderSignInNeededError):
        await hub.showing.offline.make(holder, mine, life="screen")
    kinds = text("SELECT kind FROM ledger_entries WHERE kind LIKE 'showing.%'")
    assert await hub.database.read(lambda tx: tx.execute(kinds).scalars().all()) == []


async def test_by_api_and_pages_the_holder_is_told_first_and_a_key_makes_one(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        client.cookies.set("yz_holder", await session(hub))
        begin = await client.get("/me/showings")
        assert "收不回来，平台不知道谁看过" in begin.text
        csrf = re.findall(r'name="csrf" value="([^"]+)"', begin.text)[0]
        (identifier,) = re.findall(r'name="licence" value="([^"]+)"', begin.text)

        async def post(**given: str) -> httpx2.Response:
            return await client.post("/me/showings", data={"csrf": csrf, "licence": identifier, **given}, headers=HERE)

        assert "一次出示一份证照" in (await post(way="day", department=POLICE)).text
        answer = await post(way="day")
        page = await client.get(answer.headers["location"])
        assert ("收不回来" in page.text, "YZ1:" in page.text, NUMBER in page.text) == (True, True, False)

        body: dict[str, Any] = {"items": [{"identifier": identifier}], "offline": "screen"}
        key = HERE | {"X-CSRF-Token": csrf, "Idempotency-Key": "k"}
        both = [(await client.post("/api/v1/me/showings", json=body, headers=key)).json() for _ in range(2)]
        assert (both[0]["id"] == both[1]["id"], both[0]["state"], both[0]["code"][:4]) == (True, "offline", "YZ1:")
        other = await client.post("/api/v1/me/showings", json=body | {"offline": None}, headers=key)
        problem(other, status=409, slug="idempotency-key-reused")
        live = {"items": [{"identifier": identifier}]}
        more = key | {"Idempotency-Key": "live"}
        twice = [(await client.post("/api/v1/me/showings", json=live, headers=more)).json() for _ in range(2)]
        assert (twice[0]["id"], twice[0]["code"]) == (twice[1]["id"], twice[1]["code"])
        listed = (await client.get("/api/v1/me/showings")).json()["showings"]
        assert [each["state"] for each in listed] == ["live", "offline", "offline"]


def paper(code: str) -> tuple[Any, bytes]:
    from certificates.verifying.papers_reading import read_paper

    return read_paper(code.encode()), code.encode()
