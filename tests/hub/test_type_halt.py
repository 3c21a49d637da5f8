"""The switch of a type: thrown by one, lifted by two; meanwhile nothing is issued, disclosed or vouched for."""

import httpx2
import pytest
from sqlalchemy import text

from certificates.errors import TypeHaltedError
from hub.access.actors import Role
from hub.access.errors import ForbiddenError
from hub.issuing.files import identifiers_of, read_document
from hub.registry.errors import StateError
from hub.registry.requests.errors import SamePersonError
from hub.registry.sharing import TYPE_LIFT
from hub.runtime import Hub
from hub.storage.errors import IntegrityBrokenError
from tests.hub.acting import amr, officer
from tests.hub.city import ledger
from tests.support import AMR, ENTERPRISE, POLICE, Place, enterprise_claims, issue, open_case, pull, valid_uscc

CODE = f"{AMR}001"
WHY = {"reason": "模板有误", "legal_basis": "电子证照管理办法"}


async def first(hub: Hub) -> str:
    found = await identifiers_of(hub, ENTERPRISE["id_type"], ENTERPRISE["id_number"])
    return str(found[0]["identifier"])


async def reason(hub: Hub, token: bytes) -> tuple[str, str]:
    verdict = await hub.verification.verify(token, audience=None)
    return str(verdict.result), verdict.reason


async def test_a_stopped_type_is_neither_issued_nor_disclosed_nor_vouched_for_until_two_lift_it(
    place: Place, hub: Hub, client: httpx2.AsyncClient
) -> None:
    mine = await amr(hub)
    operator, second = (officer(name, Role.OPERATOR, department=mine) for name in ("one", "two"))
    headers = await place.headers(client)
    case_no = await open_case(client, headers)
    token = await read_document(hub, await first(hub))
    await hub.halts.halt(operator, "business_licence", **WHY)
    with pytest.raises(TypeHaltedError):
        await read_document(hub, await first(hub))
    async with place.open() as elsewhere:  # another process, that has loaded nothing since
        with pytest.raises(TypeHaltedError):
            await issue(elsewhere, enterprise_claims(uscc=valid_uscc("91990100MA0000007")))
        assert await reason(elsewhere, token) == ("indeterminate", "type_halted")
    answer = await pull(client, headers, case_no, requirements=["licence"])
    item = answer.json()["requirements"][0]
    assert (item["outcome"], item["why"]["code"]) == ("source_unavailable", "type_halted")
    assert ENTERPRISE["name"] not in answer.text
    with pytest.raises(StateError):
        await hub.halts.halt(operator, CODE, **WHY)
    asked = await hub.sharing.proposals.propose(operator, TYPE_LIFT, {"code": CODE, "reason": "已更正"}, "已更正")
    with pytest.raises(SamePersonError):
        await hub.sharing.proposals.confirm(operator, asked.id)
    assert await reason(hub, token) == ("indeterminate", "type_halted")
    await hub.sharing.proposals.confirm(second, asked.id)
    assert await reason(hub, token) == ("passed", "ok")
    assert (await pull(client, headers, await open_case(client, headers), requirements=["licence"])).json()[
        "requirements"
    ][0]["outcome"] == "satisfied"
    seen = await hub.halts.view(operator, CODE)
    assert (seen.halted, len(seen.history)) == (False, 1)
    assert seen.history[0].lifted_by["id"] == "two"
    kinds = [entry.kind for entry in await ledger(hub)]
    assert kinds.count("certificate.type.halted") == kinds.count("certificate.type.resumed") == 1


@pytest.mark.embedded
async def test_an_intent_of_a_stopped_type_is_not_signed_at_the_next_start(hub: Hub) -> None:
    query = text("UPDATE certificate_versions SET state = 'intended'")
    await hub.database.write(lambda tx: tx.execute(query))
    await hub.halts.halt(officer("o", Role.OPERATOR, department=await amr(hub)), CODE, **WHY)
    assert await hub.issuing.finish() == 0
    states = text("SELECT state FROM certificate_versions")
    assert await hub.database.read(lambda tx: tx.execute(states).scalar()) == "intended"


@pytest.mark.embedded
async def test_who_may_stop_a_type(hub: Hub) -> None:
    mine, theirs = await amr(hub), await amr(hub, POLICE)
    for actor in (
        officer("engineer", Role.OWNER_ENGINEER, department=mine),
        officer("other", department=theirs),
        officer("auditor", Role.AUDITOR, department=theirs),
    ):
        with pytest.raises(ForbiddenError):
            await hub.halts.halt(actor, CODE, **WHY)
    assert (await hub.halts.halt(officer("boss", department=mine), CODE, **WHY)).halted


@pytest.mark.embedded
async def test_a_stop_written_by_sql_is_noticed(hub: Hub) -> None:
    operator = officer("o", Role.OPERATOR, department=await amr(hub))
    await hub.halts.halt(operator, CODE, **WHY)
    await hub.database.write(lambda tx: tx.execute(text("UPDATE certificate_type_halts SET lifted_at = halted_at")))
    with pytest.raises(IntegrityBrokenError):
        await hub.halts.view(operator, CODE)
