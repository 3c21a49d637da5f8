"""Codes that a holder shows: what they are, who may take them, once, and what everybody is told."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, update
from sqlalchemy.util import await_only

from catalog.tables import table
from hub.access.actors import COMMAND, Actor, Role
from hub.citizens.codes import Code, grouped, looks_like_code, new_code, new_typed_code, read_code
from hub.citizens.errors import LevelError, PresentationRefusedError
from hub.citizens.once import Once
from hub.citizens.presentations import Shown
from hub.citizens.tables import PresentationRow
from hub.citizens.values import Holder, Level
from hub.clock import new_id
from hub.intake.tables import CaseRow
from hub.ledger.tables import LedgerEntryRow
from hub.runtime import Hub
from hub.storage.errors import MissingError
from tests.citizens.conftest import Watch, session, signed_in
from tests.hub.city import PERSON, STRANGER, identity_claims, ledger
from tests.hub.desk import Desk, text_of
from tests.hub.test_counter import clerk_of, opened
from tests.serving import problem
from tests.support import AMR, MATTER, POLICE, PUBLIC_URL, Place, issue

ROWS = table(PresentationRow)
NUMBER, NAME = PERSON["id_number"], PERSON["name"]
REFUSED = "此码不能使用"


async def shown(hub: Hub, holder: Holder, department: str | None = None) -> Shown:
    found = await hub.citizens.presentations.look(holder, await hub.citizens.presentations.make(holder, department))
    assert isinstance(found, Shown)
    return found


async def kinds(hub: Hub) -> list[tuple[str, str | None]]:
    return [
        (entry.kind, entry.detail.get("reason"))
        for entry in await ledger(hub)
        if entry.kind.startswith("presentation") or str(entry.detail.get("reason", "")).startswith("presentation")
    ]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 27), st.integers(1, 9))
def test_a_misread_code_is_no_code(place: int, more: int) -> None:
    code = new_code()
    assert read_code(f"]Q3{grouped(code)}\r") == Code(code)
    wrong = code[: 4 + place] + str((int(code[4 + place]) + more) % 10) + code[5 + place :]
    assert read_code(wrong) is None
    assert looks_like_code(wrong)


def test_codes_are_digits_alone_and_no_numbers_of_people() -> None:
    assert len(new_code()) == 32
    assert Code(new_typed_code()).typed
    assert read_code("１２３４ ５６７８") == Code("12345678")
    for text in (NUMBER, f"{NAME}|{NUMBER}", "1234567", "123456789", "E1234567", "", "9" * 5000, "٣" * 8):
        assert read_code(text) is None
    assert not looks_like_code(NUMBER)


@pytest.mark.embedded
async def test_a_scanned_code_opens_a_case_once_and_nobody_at_the_counter_learns_the_number(
    place: Place, hub: Hub
) -> None:
    holder = await signed_in(hub)
    code = await shown(hub, holder)
    async with clerk_of(place, hub) as desk:
        page = await opened(desk, f"]Q3{code.code}\r")
        case_no = str(page.url).rpartition("/")[2]
        assert case_no.startswith("YZ"), text_of(page)
        case = await hub.database.read(lambda tx: tx.execute(select(table(CaseRow))).one())
        assert [(item["kind"], item["reference"]) for item in case.corroboration] == [
            ("presentation_code", code.presentation.id)
        ]
        again = await opened(desk, code.code)
        assert again.status_code == 422
        assert REFUSED in text_of(again)
        assert not [text for text in desk.seen + desk.sent if NUMBER in text or NAME in text]
    told = await hub.citizens.presentations.look(holder, code.presentation.id)
    assert not isinstance(told, Shown)
    assert (told.state, told.case_no, told.taken_by and told.taken_by.code) == ("taken", case_no, AMR)
    assert told.refused_by is not None  # the second try
    assert await kinds(hub) == [
        ("presentation.made", None),
        ("presentation.taken", None),
        ("presentation.refused", "twice"),
    ]
    row = await hub.database.read(lambda tx: tx.execute(select(table(PresentationRow))).one())
    assert row.content is None


async def test_one_form_sent_twice_opens_one_case_and_of_two_forms_one_wins(place: Place, hub: Hub) -> None:
    holder = await signed_in(hub)
    first, path = await shown(hub, holder), f"/console/counter/new/{MATTER}"
    async with clerk_of(place, hub) as desk:
        fields = {"once": "a" * 32, "id.applicant": first.code}
        pages = [await desk.post(path, form_on=path, **fields) for _ in range(2)]
        assert len({str(page.url) for page in pages}) == 1
        made = await asyncio.gather(*(hub.citizens.presentations.make(holder, None) for _ in range(4)))
        told = [await hub.citizens.presentations.look(holder, each) for each in made]
        (second,) = [each for each in told if isinstance(each, Shown)]  # one at a time, whoever was quicker
        both = await asyncio.gather(
            *(desk.post(path, form_on=path, **{"once": name * 32, "id.applicant": second.code}) for name in "bc")
        )
    assert sorted(page.status_code for page in both) == [200, 422]
    assert [kind for kind, _ in await kinds(hub)].count("presentation.taken") == 2


@pytest.mark.both
async def test_the_same_key_makes_one_code_and_shows_none_that_has_ended(place: Place, hub: Hub, watch: Watch) -> None:
    cookie = await session(hub)
    holder, path = await hub.citizens.sessions.find(cookie), "/api/v1/me/presentations"
    async with place.client(hub) as client:
        client.cookies.set("yz_holder", cookie)
        headers = {"Origin": PUBLIC_URL, "X-CSRF-Token": holder.csrf, "Idempotency-Key": "first"}
        both = await asyncio.gather(*(client.post(path, json={"department": AMR}, headers=headers) for _ in range(2)))
        assert [answer.status_code for answer in both] == [201, 201]
        assert len({(answer.json()["id"], answer.json()["code"]) for answer in both}) == 1
        other = await client.post(path, json={}, headers=headers)
        assert problem(other, status=409)["type"].endswith("/idempotency-key-reused")
        second = (await client.post(path, json={}, headers=headers | {"Idempotency-Key": "second"})).json()
        again = (await client.post(path, json={"department": AMR}, headers=headers)).json()
        assert (again["id"], again["state"]) == (both[0].json()["id"], "replaced")
        assert not {"code", "typed_code"} & set(again), "one that has ended is not given out again"
        watch.ahead += timedelta(seconds=61)
        late = (await client.post(path, json={}, headers=headers | {"Idempotency-Key": "second"})).json()
        assert (late["id"], late["state"], "code" in late) == (second["id"], "expired", False)
    assert [kind for kind, _ in await kinds(hub)].count("presentation.made") == 2
    watch.ahead += timedelta(hours=24)
    once = Once("second", hashlib.sha256(b"{}").hexdigest())
    assert await hub.citizens.presentations.make(await signed_in(hub), None, once=once) != second["id"]


@pytest.mark.both
async def test_nobody_is_taken_who_was_erased_between_the_look_and_the_case(hub: Hub) -> None:
    clerk = Actor("staff", new_id(), "clerk", new_id(), frozenset({Role.CLERK}))
    holder = await signed_in(hub)
    taking, code = hub.citizens.taking, Code((await shown(hub, holder)).code)
    here = await taking.read(clerk, new_id(), code, matter=MATTER)
    use_up = taking.take(clerk, new_id(), here, matter=MATTER)
    erased, go_on = asyncio.Event(), asyncio.Event()

    def erase(tx: Connection) -> None:
        hub.erasure.erase_by_two(tx, {"subject": holder.id, "legal_basis": "test"}, COMMAND, hub.clock())
        erased.set()
        if tx.dialect.name == "postgresql":  # the other has one writer: nobody comes between
            await_only(go_on.wait())

    erasing = asyncio.create_task(hub.database.write(erase))
    await asyncio.wait_for(erased.wait(), 30)
    opening = asyncio.create_task(hub.database.write(lambda tx: use_up(tx, None, "YZ")))
    await asyncio.wait([opening], timeout=0.2)  # before its end or after it, it is refused
    go_on.set()
    await erasing
    with pytest.raises(PresentationRefusedError):
        await opening
    written = await hub.database.read(lambda tx: tx.execute(select(table(LedgerEntryRow).c.kind)).scalars().all())
    assert "presentation.taken" not in written
    with pytest.raises(PresentationRefusedError):  # and it is no code any more
        await taking.read(clerk, new_id(), code, matter=MATTER)


@pytest.mark.embedded
async def test_another_counter_a_late_one_and_a_guess_all_hear_the_same(place: Place, hub: Hub, watch: Watch) -> None:
    holder = await signed_in(hub)
    elsewhere = await shown(hub, holder, POLICE)
    assert elsewhere.typed is not None
    async with clerk_of(place, hub) as desk:
        answers = [await opened(desk, elsewhere.code), await opened(desk, new_code())]
        told = await hub.citizens.presentations.look(holder, elsewhere.presentation.id)
        assert isinstance(told, Shown)  # it still opens where it was made for
        assert told.presentation.refused_by is not None
        assert told.presentation.refused_by.code == AMR
        late = await shown(hub, holder)
        watch.ahead = timedelta(seconds=61)
        answers += [await opened(desk, late.code)]
        misread = await opened(desk, late.code[:-1] + str((int(late.code[-1]) + 1) % 10))
        assert "没有读全" in text_of(misread)
    assert {answer.status_code for answer in answers} == {422}
    assert len({text_of(answer).partition("此码")[2] for answer in answers}) == 1
    assert await hub.citizens.presentations.sweep() == 1
    assert await hub.citizens.presentations.sweep() == 0
    assert [reason for kind, reason in await kinds(hub) if kind.endswith(("refused", "refusal"))] == [
        "elsewhere",
        "presentation_unknown",
        "late",
    ]
    listed, after = await hub.citizens.presentations.listed(holder)
    assert [item.state for item in listed] == ["expired", "replaced"]
    assert after is None


async def test_a_typed_code_opens_at_its_counter_and_guesses_are_slowed(place: Place, hub: Hub) -> None:
    holder = await signed_in(hub)
    async with clerk_of(place, hub) as desk:
        code = await shown(hub, holder, AMR)
        assert code.typed
        page = await opened(desk, grouped(code.typed))
        assert str(page.url).rpartition("/")[2].startswith("YZ"), text_of(page)
        code = await shown(hub, holder, POLICE)
        assert code.typed
        wrong = [await guessed(desk, code.typed) for _ in range(6)]
        assert [REFUSED in text for text in wrong] == [True] * 5 + [False]
        assert "输错次数过多" in wrong[-1]
        right = await shown(hub, holder, AMR)
        assert right.typed
        assert "输错次数过多" in await guessed(desk, right.typed)  # nothing is tried meanwhile
        page = await opened(desk, right.code)  # a scan is not a guess
        assert str(page.url).rpartition("/")[2].startswith("YZ")


async def guessed(desk: Desk, text: str) -> str:
    return text_of(await opened(desk, text))


@pytest.mark.embedded
async def test_what_is_not_his_is_not_there_and_the_asking_is_written_down(hub: Hub) -> None:
    await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
    holder, other = await signed_in(hub), await signed_in(hub, person=STRANGER)
    code = await shown(hub, holder)
    with pytest.raises(MissingError):
        await hub.citizens.presentations.look(other, code.presentation.id)
    assert (await kinds(hub))[-1] == ("refusal", "presentation_not_own")
    with pytest.raises(LevelError):
        await hub.citizens.presentations.make(await signed_in(hub, Level.BASIC), None)
    with pytest.raises(MissingError):
        await hub.citizens.presentations.make(holder, "no-such-department")
    assert (await hub.citizens.presentations.listed(other))[0] == []


@pytest.mark.embedded
async def test_a_row_that_was_changed_by_sql_opens_nothing(hub: Hub) -> None:
    await issue(hub, identity_claims(citizen_id=STRANGER["id_number"]), slug="identity_card", issuer=POLICE)
    holder, other = await signed_in(hub), await signed_in(hub, person=STRANGER)
    clerk, here = Actor("staff", new_id(), "clerk", new_id(), frozenset({Role.CLERK})), new_id()

    async def by_sql(code: Shown, **change: Any) -> None:
        edit = update(ROWS).where(ROWS.c.id == code.presentation.id).values(**change)
        await hub.database.write(lambda tx: tx.execute(edit))

    async def opens_nothing(code: Shown) -> None:
        with pytest.raises(PresentationRefusedError):
            await hub.citizens.taking.read(clerk, here, Code(code.code), matter=MATTER)

    hers, mine = await shown(hub, holder), await shown(hub, other)
    row = await hub.database.read(lambda tx: tx.execute(select(ROWS).where(ROWS.c.id == mine.presentation.id)).one())
    await by_sql(mine, code_hash=b"")
    await by_sql(hers, code_hash=row.code_hash)
    await opens_nothing(mine)  # she does not stand behind my code
    longer, elsewhere = await shown(hub, other), await shown(hub, holder, AMR)
    await by_sql(longer, expires_at=longer.presentation.expires_at + timedelta(minutes=1))
    await by_sql(elsewhere, department_id=None)
    for changed in (longer, elsewhere):
        await opens_nothing(changed)
    assert [reason for kind, reason in await kinds(hub) if kind == "presentation.refused"] == ["unreadable"] * 3


@pytest.mark.embedded
async def test_an_approval_system_takes_a_code_and_never_has_the_number(place: Place, hub: Hub) -> None:
    holder = await signed_in(hub)
    code = await shown(hub, holder, AMR)
    body: dict[str, Any] = {
        "matter": MATTER,
        "operator": {"id": "e-1", "name": "示例受理员"},
        "channel": "window",
        "external_no": "W-1",
        "presented": [{"role": "applicant", "code": code.typed}],
    }
    async with place.client(hub) as client:
        headers = await place.headers(client) | {"Idempotency-Key": "once"}
        opened = await client.post("/api/v1/cases", json=body, headers=headers)
        assert opened.status_code == 201, opened.text
        assert [party["role"] for party in opened.json()["parties"]] == ["applicant"]
        case = await hub.database.read(lambda tx: tx.execute(select(table(CaseRow))).one())
        assert [(item["kind"], item["reference"]) for item in case.corroboration] == [
            ("presentation_code", code.presentation.id)
        ]
        again = await client.post("/api/v1/cases", json=body, headers=headers)
        assert again.json() == opened.json()
        other = body | {"external_no": "W-2"}
        bare = {name: value for name, value in headers.items() if name != "Idempotency-Key"}
        refused = await client.post("/api/v1/cases", json=other, headers=bare)
        assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (422, "presentation-refused")
        misread = other | {"presented": [{"role": "applicant", "code": "9" * 32}]}
        answer = await client.post("/api/v1/cases", json=misread, headers=bare)
        assert answer.json()["errors"][0]["pointer"] == "/presented/0/code"
        nobody = await client.post("/api/v1/cases", json=body | {"presented": []}, headers=bare)
        assert nobody.json()["errors"][0]["pointer"] == "/parties"
        answers = (opened, again, refused, answer, nobody)
    assert not [text for each in answers for text in (NUMBER, NAME) if text in each.text]
    told = await hub.citizens.presentations.look(holder, code.presentation.id)
    assert not isinstance(told, Shown)
    assert told.case_no == opened.json()["case_no"]


@pytest.mark.embedded
async def test_a_session_begun_less_surely_finds_no_code_and_old_rows_are_forgotten(hub: Hub, watch: Watch) -> None:
    code = await shown(hub, await signed_in(hub))
    weak = await signed_in(hub, Level.BASIC)
    for asked in (hub.citizens.presentations.look(weak, code.presentation.id), hub.citizens.presentations.listed(weak)):
        with pytest.raises(LevelError):
            await asked
    watch.ahead = timedelta(days=91)
    assert await hub.citizens.presentations.sweep() == 1
    await hub.citizens.presentations.sweep()
    assert (await hub.citizens.presentations.listed(await signed_in(hub)))[0] == []
    assert [kind for kind, _ in await kinds(hub)] == ["presentation.made", "presentation.expired"]
