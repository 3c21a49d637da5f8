"""Ratings: once, by a party of a closed case; a bad one is followed up; figures are of matters and never of people."""

import re
from secrets import token_bytes
from typing import Any

import httpx2
import pytest
from sqlalchemy import Connection, delete, insert, select, update
from structlog.testing import capture_logs

from catalog.tables import table
from certificates.tables import SubjectRow
from hub.access.actors import Role
from hub.citizens.notices.kinds import NoticeKind
from hub.citizens.objections.tables import ObjectionRow
from hub.citizens.objections.values import Answer
from hub.citizens.ratings.store import meaning_of
from hub.citizens.ratings.tables import RatingRow, RatingTallyRow
from hub.citizens.ratings.tally import LATE
from hub.clock import new_id
from hub.runtime import Hub
from tests.citizens.conftest import Watch, signed_in
from tests.citizens.test_objections import officer, signed
from tests.hub.city import HOME, PERSON, STRANGER, grow, identity_claims, ledger
from tests.hub.desk import text_of
from tests.support import AMR, POLICE, PUBLIC_URL, Place, issue, open_case, pull

pytestmark = pytest.mark.embedded
PATH = "/api/v1/me/ratings"


async def test_a_case_is_rated_once_by_its_party_and_a_bad_one_is_answered(
    place: Place, hub: Hub, watch: Watch
) -> None:
    await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
    async with place.client(hub) as client:
        city = await grow(place, hub, client)
        party = [{"role": "applicant", **PERSON}]
        case_no = await open_case(client, city.headers, matter=HOME, parties=party)
        answer = await pull(client, city.headers, case_no, requirements=["title", "identity"])
        assert answer.json()["still_needed"] == ["title"]
        token = await signed(client, hub)
        body = {"case_no": case_no, "stars": 2, "brought": 3, "text": "跑了两趟"}
        assert (await client.get(PATH)).json() == {"cases": []}
        assert (await client.post(PATH, json=body, headers=token)).status_code == 404  # it is still open
        closed = await client.post(f"/api/v1/cases/{case_no}/close", headers=city.headers)
        assert closed.status_code == 200, closed.text

        other = await signed(client, hub, STRANGER)
        before = await ledger(hub)
        assert (await client.post(PATH, json=body, headers=other)).status_code == 404
        assert (await client.get(f"/me/cases/{case_no}")).status_code == 404
        assert [entry.detail["reason"] for entry in await ledger(hub, since=before)] == ["case_not_own"] * 2

        token = await signed(client, hub)
        assert "评价" in text_of(await client.get("/me/cases"))
        page = await client.get(f"/me/cases/{case_no}")
        form = {"csrf": re.findall(r'name="csrf" value="([^"]+)"', page.text)[0]}
        wrong = await client.post(f"/me/cases/{case_no}", data=form | {"stars": "9"}, headers={"Origin": PUBLIC_URL})
        assert (wrong.status_code, "请选择几星" in text_of(wrong)) == (422, True)
        rated = await client.post(PATH, json=body, headers=token)
        assert (rated.status_code, rated.json()["stars"]) == (201, 2)
        assert (await client.post(PATH, json=body | {"stars": 5}, headers=token)).status_code == 409

        (entry,) = [entry for entry in await ledger(hub) if entry.kind == "case.rated"]
        assert (entry.detail["brought"], entry.detail["counted"]) == (3, 1)
        (item,) = (await client.get("/api/v1/me/objections")).json()["objections"]
        assert (item["kind"], item["state"], item["id"]) == ("rating", "running", entry.detail["follow_up"])
        boss = await officer(hub, AMR, Role.DECIDER)
        assert (await hub.citizens.desk.show(boss, item["id"])).text.endswith("跑了两趟")
        await hub.citizens.desk.answer(boss, item["id"], Answer("answered", "已改为一次办结，向您致歉"))
        [notice, *_], _ = await hub.citizens.notices.listed(await signed_in(hub), None)
        assert (notice.kind, notice.page) == (NoticeKind.RATING_ANSWERED, f"/me/objections/{item['id']}")
        assert "您已经评了 2 星" in text_of(await client.get(f"/me/cases/{case_no}"))

        await more(hub, 4)
        assert await published(hub, client) == [], "the newest are not taken yet: an earlier one may come after them"
        watch.ahead += LATE
        (figure,) = await published(hub, client)
        assert figure == {
            "matter": HOME, "name": "购房", "ratings": 5, "stars": 4.4, "brought": 0.6, "gap": 2.0, "bad": 1,
            "followed_up": 1,
        }  # fmt: skip
        shown = text_of(await client.get("/ratings"))
        assert "购房 5 4.4 0.6 +2.0 1 / 1" in shown
        await hub.database.write(lambda tx: tx.execute(update(table(ObjectionRow)).values(state="withdrawn")))
        assert (await published(hub, client))[0]["followed_up"] == 0  # nobody answered it

        await stars_stay_where_they_are(hub, client, watch)


async def published(hub: Hub, client: httpx2.AsyncClient) -> list[dict[str, Any]]:
    """By matter, when house was kept."""
    await hub.citizens.ratings.tally.sweep()
    found: list[dict[str, Any]] = (await client.get("/api/v1/ratings")).json()["matters"]
    return found


async def stars_stay_where_they_are(hub: Hub, client: httpx2.AsyncClient, watch: Watch) -> None:
    """Whoever writes the database moves none: neither by a rating nor by the sums."""
    rows, tally = table(RatingRow), table(RatingTallyRow)
    before = dict((await hub.database.read(lambda tx: tx.execute(select(tally)).one()))._mapping)
    await hub.database.write(lambda tx: tx.execute(update(rows).where(rows.c.stars == 5).values(stars=1)))
    assert (await published(hub, client))[0]["stars"] == 4.4, "it was taken already"
    await more(hub, 3, forged=True)
    watch.ahead += LATE
    with capture_logs() as logs:
        assert (await published(hub, client))[0]["ratings"] == 5
    assert [log["where"] for log in logs if log.get("alarm")] == ["case_ratings"] * 3
    await hub.database.write(lambda tx: tx.execute(delete(rows).where(rows.c.stars == 1)))
    early = update(rows).where(rows.c.stars == 2).values(mac=None)  # of a release that had none
    forged = update(tally).values(sums={HOME: [900, 4500, 0, 0, 0, 0]})
    await hub.database.write(lambda tx: [tx.execute(early), tx.execute(forged)])
    with capture_logs() as logs:
        assert (await client.get("/api/v1/ratings")).json() == {"matters": []}
    assert [log["where"] for log in logs if log.get("alarm")] == ["rating_tally"]
    await more(hub, 4)
    watch.ahead += LATE
    (figure,) = await published(hub, client)
    assert (figure["ratings"], figure["stars"], figure["bad"]) == (5, 4.4, 1), "counted anew, by its entry"
    await hub.database.write(lambda tx: tx.execute(update(tally).values(**before)))
    (figure,) = await published(hub, client)
    assert figure["ratings"] == 9, "an earlier one goes on from where it was"
    by_row = update(rows).where(rows.c.stars == 2).values(stars=4)
    await hub.database.write(lambda tx: [tx.execute(by_row), tx.execute(delete(tally))])
    assert await published(hub, client) == [], "its entry does not say so"


async def more(hub: Hub, count: int, *, forged: bool = False) -> None:
    """Ratings of five stars by people of whom nothing else is known, which the hub could not count; or of one star, as
    somebody would write them who has no key.
    """
    rows, subjects = table(RatingRow), table(SubjectRow)

    def unit(tx: Connection) -> None:
        first = tx.execute(select(rows).limit(1)).one()
        person = dict(tx.execute(select(subjects).limit(1)).one()._mapping)
        for _ in range(count):
            subject = person | {"id": new_id(), "lookup_hash": token_bytes(32)}
            tx.execute(insert(subjects).values(**subject))
            given = {"stars": 1 if forged else 5, "brought": 0, "counted": None, "follow_up_id": None}
            given |= {"subject_id": subject["id"], "id": new_id(), "ledger_entry_id": new_id()}
            row = dict(first._mapping) | given
            mac = first.mac if forged else hub.vault.row_mac(meaning_of(row))
            tx.execute(insert(rows).values(**row | {"mac": mac}))

    await hub.database.write(unit)
