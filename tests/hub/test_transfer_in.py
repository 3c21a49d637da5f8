"""A licence of another city is taken over: shown as SD-JWT or page, verified by the accepted hub's trust list."""

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from certificates.errors import ActError
from certificates.lifecycle.states import Operation
from hub.access.actors import COMMAND
from hub.issuing.files import identifiers_of, read_document
from hub.issuing.transitions.acts import Act
from hub.runtime import Hub
from tests.hub.acting import strict_type
from tests.hub.command import yizheng
from tests.hub.test_trust_between_hubs import LICENCE, accepted, pack_of, root_of
from tests.support import AMR, ENTERPRISE, Place, enterprise_claims, issue, make_template, valid_uscc

pytestmark = pytest.mark.embedded
FIRM = valid_uscc("91990100MA0000003")
MOVING = enterprise_claims(uscc=FIRM, name="示例市迁址食品有限公司")
ASKED = {
    "type": "business_licence",
    "operation": "transfer_in",
    "reason_code": "moved",
    "reason": "迁入登记 示例-2026-7",
    "legal_basis": "《中华人民共和国市场主体登记管理条例》",
}


@pytest.fixture
async def neighbour(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hub]:
    """Another city's hub, which issued a licence to a firm that moves."""
    place = Place(tmp_path_factory.mktemp("neighbour") / "home", None)
    await make_template(place)
    async with place.open() as hub:
        await issue(hub, MOVING)
        yield hub


async def identifier_of(hub: Hub, number: str = FIRM) -> str:
    (held,) = await identifiers_of(hub, "001", number)
    return str(held["identifier"])


async def leave(hub: Hub, identifier: str, *operations: str) -> None:
    for operation in operations:
        act = Act.read({"operation": operation, "reason_code": "moved", "reason": "迁移", "legal_basis": "test"})
        await hub.transitions.act(COMMAND, identifier, act)


class Desk:
    """A system of the authority that takes over."""

    def __init__(self, client: httpx2.AsyncClient, headers: dict[str, str]) -> None:
        self._client, self._headers = client, headers

    async def ask(self, document: bytes, **more: Any) -> httpx2.Response:
        text = document.decode() if document.startswith(b"eyJ") else base64.b64encode(document).decode()
        origin = {"document": text, **more.pop("origin", {})}
        return await self._client.post(
            "/api/v1/certificates", json=ASKED | {"origin": origin} | more, headers=self._headers
        )


@pytest.fixture
async def desk(place: Place, hub: Hub, client: httpx2.AsyncClient, neighbour: Hub) -> Desk:
    await accepted(hub, await pack_of(neighbour), LICENCE)
    return Desk(client, await place.headers(client))


async def test_a_licence_is_taken_over_with_what_it_says_and_where_it_comes_from(
    hub: Hub, neighbour: Hub, desk: Desk
) -> None:
    there = await identifier_of(neighbour)
    document = await read_document(neighbour, there)
    other = await desk.ask(document, claims={"uscc": ENTERPRISE["id_number"]})
    assert (other.status_code, other.json()["errors"][0]["rule"]) == (422, "another_holder")
    made = await desk.ask(document, claims={"address": "示例市迁入区示例路1号"}, origin={"authority": "邻市市场监管局"})
    assert made.status_code == 201, made.text
    shown = made.json()
    origin = shown["history"][0]["origin"]
    assert shown["predecessor"] == origin["identifier"] == there
    assert (origin["status"], origin["format"], origin["authority"]) == ("valid", "sd-jwt", "邻市市场监管局")
    assert origin["hub"].startswith("http")
    assert len(origin["digest"]) == 64
    token = await read_document(hub, shown["identifier"])
    verdict = await hub.verification.verify(token, audience=None)
    assert verdict.claims["name"] == MOVING["name"]
    assert verdict.claims["address"] == "示例市迁入区示例路1号"
    again = await desk.ask(document)
    assert (again.status_code, again.json()["errors"][0]["rule"]) == (422, "certificate_exists")


async def test_what_has_left_there_comes_in_by_a_letter_and_what_was_never_there_not_at_all(
    hub: Hub, neighbour: Hub, desk: Desk
) -> None:
    there = await identifier_of(neighbour)
    document, page = await read_document(neighbour, there), await read_document(neighbour, there, "pdf")
    broken = document.replace(b".", b".A", 1)
    for bad, rule in ((broken, "origin/document"), (b"eyJ~", "origin/document"), (b"%PDF-1.4 nothing", "origin")):
        refused = await desk.ask(bad)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"].startswith(f"/{rule}")
    # A page carries neither its dates nor its status, nor claims as data.
    assert (await desk.ask(page, claims=MOVING)).json()["errors"][0]["pointer"] == "/origin/released"
    await leave(neighbour, there, "transfer_out", "complete_transfer")
    later = neighbour.clock
    neighbour.verification._clock = lambda: later() + timedelta(seconds=2)
    pack = await pack_of(neighbour)
    await hub.peers.offer(COMMAND, pack, compared=[root_of(pack, hub)], types=[LICENCE])
    hub.verification._policy = None
    bare = await desk.ask(document)
    assert bare.json()["errors"] == [{"pointer": "/origin/released", "rule": "required"}]
    made = await desk.ask(page, claims=MOVING, origin={"released": "邻市市监迁函〔2026〕1号"})
    assert made.status_code == 201, made.text
    origin = made.json()["history"][0]["origin"]
    assert (origin["format"], origin["released"]) == ("pdf", "邻市市监迁函〔2026〕1号")


async def test_nobody_says_himself_that_a_document_was_verified(hub: Hub, desk: Desk, neighbour: Hub) -> None:
    act = Act.read(
        {name: value for name, value in ASKED.items() if name != "type"}
        | {"claims": MOVING, "origin": {"identifier": "x" * 12, "number": "1", "status": "valid"}}
    )
    with pytest.raises(ActError, match="origin"):
        await hub.transitions.begin(COMMAND, "business_licence", act, issuer=AMR)
    said = await desk.ask(b"eyJ~", origin={"status": "valid"})
    assert said.status_code == 422
    assert said.json()["errors"][0]["pointer"] == "/origin"


async def test_a_second_person_sees_where_it_comes_from_before_he_confirms(
    place: Place, hub: Hub, neighbour: Hub, desk: Desk, tmp_path: Path
) -> None:
    await strict_type(hub)
    document = await read_document(neighbour, await identifier_of(neighbour))
    waits = await desk.ask(document)
    assert waits.status_code == 202, waits.text
    assert waits.json()["content"]["origin"]["signed_by"]
    file = tmp_path / "licence"
    file.write_bytes(document + b"\n")
    options = ("--type", "business_licence", "--issuer", AMR, "--reason", "迁入", "--legal-basis", "test", "--json")
    done = await yizheng(place, "certificate", "transfer-in", str(file), *options)
    assert done.code == 0, done.err
    assert done.json()["operation"] == "transfer_in"


async def test_within_one_hub_the_former_one_must_have_left(hub: Hub, desk: Desk) -> None:
    here = await identifier_of(hub, ENTERPRISE["id_number"])
    document = await read_document(hub, here)
    early = await desk.ask(document)
    assert early.json()["errors"] == [{"pointer": "/predecessor", "rule": "not_transferred_out"}]
    await leave(hub, here, "transfer_out", "complete_transfer")
    made = await desk.ask(document)
    assert made.status_code == 201, made.text
    assert made.json()["predecessor"] == here
    assert Operation(made.json()["history"][0]["operation"]) is Operation.TRANSFER_IN
