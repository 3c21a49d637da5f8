"""Rating by the code on a slip: once, without a sign-in, not guessed, and telling nothing before it is right."""

import re

import httpx2
import pytest
from sqlalchemy import Connection, select, update

from catalog.tables import table
from hub.access.actors import Role
from hub.citizens.objections.values import Answer
from hub.citizens.ratings.code_rows import LIVES
from hub.citizens.ratings.codes import read
from hub.citizens.ratings.tables import RatingCodeRow, RatingRow
from hub.runtime import Hub
from tests.citizens.conftest import Watch, erased
from tests.citizens.test_objections import officer, signed
from tests.citizens.test_slips import answered
from tests.hub.city import HOME, PERSON, grow, ledger
from tests.hub.desk import Desk, text_of
from tests.hub.test_counter import clerk_of, number_in, opened
from tests.support import AMR, PUBLIC_URL, Place

pytestmark = pytest.mark.embedded
CARD = f"{PERSON['name']}|{PERSON['id_number']}"
UNKNOWN = "陈小示|11010519491231002X"
GOOD = {"sent": "1", "stars": "5", "brought": "0"}
REFUSED = "这个评价码不对、已经用过，或者已经过期"


async def slip(desk: Desk, card: str, *, close: bool) -> tuple[str, str]:
    """The path of a new case, and the code on its slip."""
    page = await answered(desk, await opened(desk, card, matter=HOME))
    path = f"/console/counter/{number_in(page)}"
    if close:
        await desk.post(f"{path}/close", form_on=path)
    return path, await code_on(desk, path)


async def code_on(desk: Desk, path: str) -> str:
    printed = text_of(await desk.post(f"{path}/slip", form_on=path))
    return "".join(re.findall(r"(?<!\d)(\d{4}) (\d{4}) (\d{4}) (\d{4})(?!\d)", printed)[-1])


async def send(client: httpx2.AsyncClient, code: str, **more: str) -> httpx2.Response:
    return await client.post("/rate", data={"code": code, **more}, headers={"Origin": PUBLIC_URL})


async def test_the_code_on_a_slip_rates_once_whoever_the_hub_knows_and_a_bad_one_is_answered(
    place: Place, hub: Hub, watch: Watch
) -> None:
    async with place.client(hub) as client, clerk_of(place, hub) as desk:
        await grow(place, hub, client)
        path, code = await slip(desk, CARD, close=False)
        assert read(f"{code[:4]}-{code[4:8]} {code[8:]}") == code
        page = await client.get("/rate")
        assert (page.status_code, "16 位数字" in page.text, "Set-Cookie" in page.headers) == (200, True, False)
        early = await send(client, code, **GOOD)
        assert (early.status_code, "办件还没有办结" in early.text, "购房" in early.text) == (422, True, False)
        await desk.post(f"{path}/close", form_on=path)
        assert await code_on(desk, path) == code  # printed again, the first slip still works

        asked = await send(client, code)
        assert (asked.status_code, "购房" in asked.text, "办得怎么样" in asked.text) == (200, True, True)
        assert not [value for value in (PERSON["name"], PERSON["id_number"]) if value in asked.text]
        wrong = await send(client, code, sent="1", stars="9", brought="1")
        assert (wrong.status_code, "请选择几星" in text_of(wrong)) == (422, True)
        bad = await send(client, code, sent="1", stars="1", brought="3", text="跑了三趟")
        assert "部门主管会在期限内书面答复" in text_of(bad), bad.text
        for again in (await send(client, code), await send(client, code, **GOOD)):
            assert (again.status_code, REFUSED in again.text, "购房" in again.text) == (422, True, False)
        assert await code_on(desk, path) == code  # whoever prints it anew does not learn that he has rated

        (entry,) = [entry for entry in await ledger(hub) if entry.kind == "case.rated_by_slip"]
        assert (entry.detail["stars"], entry.detail["brought"]) == (1, 3)
        token = await signed(client, hub)
        (item,) = (await client.get("/api/v1/me/objections")).json()["objections"]
        assert (item["kind"], item["channel"], item["id"]) == ("rating", "slip", entry.detail["follow_up"])
        boss = await officer(hub, AMR, Role.DECIDER)
        assert (await hub.citizens.desk.show(boss, item["id"])).text.endswith("跑了三趟")
        await hub.citizens.desk.answer(boss, item["id"], Answer("answered", "已改为一次办结"))
        body = {"case_no": entry.detail["case_no"], "stars": 5, "brought": 0}
        assert (await client.post("/api/v1/me/ratings", json=body, headers=token)).status_code == 409
        assert "凭办理情况单上的评价码评价了您的办件" in text_of(await client.get("/me/accesses"))

        # Of whom nothing is known, too; and not after 30 days, however it is tried.
        _, unknown = await slip(desk, UNKNOWN, close=True)
        assert "谢谢您的评价" in text_of(await send(client, unknown, **GOOD))
        late, third = await slip(desk, UNKNOWN, close=True)
        watch.ahead += LIVES
        assert REFUSED in (await send(client, third, **GOOD)).text
        assert len(await rows(hub, RatingRow)) == 2
        await hub.citizens.slip_ratings.sweep()
        assert await rows(hub, RatingCodeRow) == []
        del late


async def test_a_code_is_not_guessed_not_moved_to_another_case_and_ends_with_its_person(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client, clerk_of(place, hub) as desk:
        await grow(place, hub, client)
        _, mine = await slip(desk, CARD, close=True)
        _, other = await slip(desk, UNKNOWN, close=True)
        first, second = await rows(hub, RatingCodeRow)

        def move(tx: Connection) -> None:  # his own slip's hash on another's case
            codes = table(RatingCodeRow)
            values = {"code_hash": b"gone"}
            tx.execute(update(codes).where(codes.c.id == first["id"]).values(**values))
            tx.execute(update(codes).where(codes.c.id == second["id"]).values(code_hash=first["code_hash"]))

        await hub.database.write(move)
        assert REFUSED in (await send(client, mine)).text

        def back(tx: Connection) -> None:
            codes = table(RatingCodeRow)
            for row in (second, first):
                tx.execute(update(codes).where(codes.c.id == row["id"]).values(code_hash=row["code_hash"]))

        await hub.database.write(back)
        assert "购房" in (await send(client, other)).text

        mistyped = f"{mine[:-1]}{(int(mine[-1]) + 1) % 10}"
        assert (read(mistyped), (await send(client, mistyped)).status_code) == (None, 422)
        guesses = [guess for number in range(300) if (guess := read(f"{number:016d}")) is not None]
        assert {(await send(client, guess)).status_code for guess in [*guesses[:25], mine[:12]]} == {422}
        # Whoever guesses keeps nobody out who stands behind the same address; a code is too long to be guessed.
        assert "购房" in (await send(client, mine)).text
        assert len(mine) == 16
        elsewhere = {"Origin": "https://elsewhere.example", "Accept": "text/html"}
        foreign = await client.post("/rate", data={"code": mine}, headers=elsewhere)
        assert (foreign.status_code, "没有保存" in foreign.text, "购房" in foreign.text) == (403, True, False)

        await erased(hub)
        assert REFUSED in (await send(client, mine, **GOOD)).text
        assert "购房" in (await send(client, other)).text


async def rows(hub: Hub, kind: type) -> list[dict[str, object]]:
    """Of a table, in the order in which they were made."""
    found = table(kind)
    query = select(found).order_by(found.c.id)
    return [dict(row._mapping) for row in await hub.database.read(lambda tx: tx.execute(query).all())]
