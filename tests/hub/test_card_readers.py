"""A card reader that signs: `card_read` at its department's counter, for whom it names, now, once. A stand-in signs."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from catalog.errors import DefinitionError
from catalog.tables import table
from hub.access.actors import COMMAND, Actor, Role
from hub.access.errors import ForbiddenError
from hub.intake.counter.card_reads import READ_TYPE, looks_signed, read_token
from hub.intake.counter.values import CounterOpening
from hub.intake.errors import PartyError
from hub.intake.parties import PartyInput
from hub.intake.tables import CaseRow
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError, MissingError
from hub.storage.tables import IdempotencyRow
from signing.jose import sign_jws
from signing.keys import SoftwareSigner
from tests.hub.city import ledger
from tests.hub.command import yizheng
from tests.hub.desk import Desk, text_of
from tests.hub.test_counter import desk, opened
from tests.registry.asking import staff
from tests.support import AMR, ENTERPRISE, INTAKE, MATTER, POLICE, Place

pytestmark = pytest.mark.embedded
__all__ = ["desk"]
PARTY = PartyInput("applicant", ENTERPRISE["name"], ENTERPRISE["id_type"], ENTERPRISE["id_number"])


class StandIn:
    """What a reader's firmware does: signs what is on the card."""

    def __init__(self) -> None:
        self.signer = SoftwareSigner.generate()

    def reads(self, *, typ: str = READ_TYPE, **changes: Any) -> str:
        said = {"jti": str(uuid.uuid4()), "at": datetime.now(UTC).isoformat(), **ENTERPRISE} | changes
        return sign_jws(said, signer=self.signer, typ=typ)


@pytest.fixture
async def clerk(hub: Hub) -> Actor:
    await hub.systems.set_counter(COMMAND, INTAKE, counter=True)
    return await staff(hub, AMR, "clerk", Role.CLERK)


async def open_with(hub: Hub, clerk: Actor, token: str, **changes: Any) -> str:
    given = {"parties": [PARTY], "once": uuid.uuid4().hex} | changes
    return await hub.counter.open(clerk, CounterOpening(MATTER, reader=token, card_read=True, **given))


async def kinds(hub: Hub) -> list[list[str]]:
    cases = table(CaseRow)
    query = select(cases.c.corroboration).order_by(cases.c.id)
    found = await hub.database.read(lambda tx: tx.execute(query).scalars().all())
    return [[item["kind"] for item in each] for each in found]


async def test_a_token_serves_one_opening_also_of_a_life_event_whose_cases_wait(hub: Hub, clerk: Actor) -> None:
    reader = StandIn()
    await hub.counter.readers.register(COMMAND, AMR, reader.signer.public.jwk, "1号窗口")
    caller, token = await hub.counter.caller(clerk), reader.reads()
    _, use_up = await hub.counter.readers.read(caller, token, PARTY)
    await hub.database.write(lambda tx: use_up(tx, None, "YZF23456789ABCDEFGHJKLM"))
    # Whatever rows are taken out: the ledger knows the read, by its own number.
    await hub.database.write(lambda tx: tx.execute(table(IdempotencyRow).delete()) and None)
    (end,) = [one for one in await ledger(hub) if one.kind == "reader.used"]
    assert end.detail["kid"] == reader.signer.public.kid
    _, again = await hub.counter.readers.read(caller, token, PARTY)
    for twice in (use_up, again):
        with pytest.raises(PartyError):
            await hub.database.write(lambda tx, by=twice: by(tx, None, "YZF23456789ABCDEFGHJKLM"))  # type: ignore[misc]


async def test_what_a_reader_signed_is_a_card_read_once(hub: Hub, clerk: Actor) -> None:
    reader, once = StandIn(), uuid.uuid4().hex
    kid = await hub.counter.readers.register(COMMAND, AMR, reader.signer.public.jwk, "1号窗口")
    token = reader.reads()
    case_no = await open_with(hub, clerk, token, once=once)
    assert await open_with(hub, clerk, token, once=once) == case_no, "a form that is sent twice"
    assert await kinds(hub) == [["card_read"]]
    with pytest.raises(PartyError) as used:
        await open_with(hub, clerk, token)
    assert used.value.rule == "reader_refused"
    assert await kinds(hub) == [["card_read"]], "and no case of it"
    await open_with(hub, clerk, "")
    assert (await kinds(hub))[-1] == ["clerk_attested"]
    await hub.counter.readers.end(COMMAND, kid)
    with pytest.raises(PartyError):
        await open_with(hub, clerk, reader.reads())
    with pytest.raises(MissingError):
        await hub.counter.readers.end(COMMAND, kid)


async def test_nobody_else_makes_a_card_read(hub: Hub, clerk: Actor) -> None:
    reader, stranger, theirs = StandIn(), StandIn(), StandIn()
    readers = hub.counter.readers
    await readers.register(COMMAND, AMR, reader.signer.public.jwk, "1号窗口")
    await readers.register(COMMAND, POLICE, theirs.signer.public.jwk, "别的部门")
    old = (datetime.now(UTC) - timedelta(minutes=6)).isoformat()
    ahead = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    wrong = [
        stranger.reads(), theirs.reads(), reader.reads(at=old), reader.reads(at=ahead), reader.reads(name="另一家公司"),
        reader.reads(typ="JWT"), reader.reads(at="2026-01-01T00:00:00"), reader.reads(jti=""), reader.reads(name=7),
        reader.reads(id_number="x"), reader.reads()[:-8] + "AAAAAAAA", "eyJ.a.b", "e30.e30.e30", reader.reads(at=None),
    ]  # fmt: skip
    for token in wrong:
        with pytest.raises(PartyError) as refused:
            await open_with(hub, clerk, token)
        assert (refused.value.rule, refused.value.pointer) == ("reader_refused", "/parties/0/id_number")
    assert await kinds(hub) == []
    assert not any(looks_signed(each) for each in ("", "王小明|990101199003070011", "eyJ", "eyJ.a b.c"))
    assert ENTERPRISE["name"] not in repr(read_token(reader.reads()))
    with pytest.raises(DefinitionError):
        await readers.register(COMMAND, AMR, {"kty": "RSA"}, "x")
    with pytest.raises(ForbiddenError):
        await readers.register(clerk, AMR, stranger.signer.public.jwk, "x")
    moved = "UPDATE reader_keys SET owner_department_id = (SELECT id FROM departments WHERE code = :code)"
    await hub.database.write(lambda tx: tx.execute(text(moved), {"code": AMR}))
    with pytest.raises(IntegrityBrokenError):
        await open_with(hub, clerk, theirs.reads())


async def test_a_reader_writes_into_the_one_field_and_a_forged_token_is_refused_beside_it(desk: Desk, hub: Hub) -> None:
    reader = StandIn()
    await hub.counter.readers.register(COMMAND, AMR, reader.signer.public.jwk, "1号窗口")
    refused = await opened(desk, StandIn().reads())
    assert refused.status_code == 422
    assert "读卡结果未通过核验" in text_of(refused)
    page = await opened(desk, reader.reads())
    assert page.status_code == 200
    assert await kinds(hub) == [["card_read"]]
    assert not [url for url in desk.sent if ENTERPRISE["id_number"] in url or "eyJ" in url]


async def test_the_command_registers_a_reader_and_takes_it_out_of_use(place: Place) -> None:
    key = place.home / "reader.json"
    key.write_text(json.dumps(StandIn().signer.public.jwk), "utf-8")
    made = await yizheng(place, "system", "reader", str(key), "--department", AMR, "--json")
    assert (made.code, made.json()["reader"]) == (0, True)
    assert (await yizheng(place, "system", "reader", str(key), "--department", AMR)).code == 65, "registered once"
    assert (await yizheng(place, "system", "reader", "--end", made.json()["kid"])).code == 0
    assert (await yizheng(place, "system", "reader", "--end", made.json()["kid"])).code == 65
    assert (await yizheng(place, "system", "reader", str(key))).code == 64
    key.write_text("[]", "utf-8")
    assert (await yizheng(place, "system", "reader", str(key), "--department", AMR)).code == 65
