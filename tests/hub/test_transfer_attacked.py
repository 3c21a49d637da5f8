"""Taking over what may not be: with a code, without its holder, of a stopped type, twice."""

from datetime import timedelta
from pathlib import Path

import pytest

from certificates.errors import ActError
from certificates.offline_code import PREFIX
from hub.access.actors import COMMAND
from hub.issuing.files import identifiers_of, read_document
from hub.issuing.transitions.acts import Act
from hub.runtime import Hub
from hub.verification.arriving import read_arrival
from tests.faces.papers import codes_in, picture_of, png
from tests.hub.city import IDENTITY, PERSON, identity_claims
from tests.hub.test_transfer_in import ASKED, MOVING, Desk, desk, identifier_of, leave, neighbour
from tests.hub.test_trust_between_hubs import LICENCE, accepted, pack_of, root_of
from tests.support import ENTERPRISE, POLICE, issue, valid_uscc

__all__ = ["desk", "neighbour"]
pytestmark = pytest.mark.embedded
DISTRICT = valid_uscc("11990000MB0000077")
RELEASED = {"released": "邻市市监迁函〔2026〕1号"}


async def rule(desk: Desk, document: bytes) -> str:
    answer = await desk.ask(document, claims=MOVING, origin=RELEASED)
    assert answer.status_code == 422, answer.text
    return str(answer.json()["errors"][0]["rule"])


async def test_a_code_of_a_page_is_not_the_licence(neighbour: Hub, desk: Desk, tmp_path: Path) -> None:
    page = picture_of(await read_document(neighbour, await identifier_of(neighbour), "pdf"), tmp_path)
    code = next(text for text in codes_in(page) if text.startswith(PREFIX))
    assert await rule(desk, code.encode()) == "code_only"
    assert await rule(desk, png(page)) == "code_only"


async def test_who_withholds_the_holders_number_is_not_taken_for_the_holder(hub: Hub, neighbour: Hub) -> None:
    await issue(neighbour, identity_claims(), slug="identity_card", issuer=POLICE)
    (held,) = await identifiers_of(neighbour, "111", PERSON["id_number"])
    document = await read_document(neighbour, held["identifier"])
    await accepted(hub, await pack_of(neighbour), IDENTITY)
    bare = document.partition(b"~")[0] + b"~"
    with pytest.raises(ActError, match="holder_not_shown"):
        await read_arrival(hub.presentation, hub.vault, hub.types, "identity_card", bare)
    assert (await read_arrival(hub.presentation, hub.vault, hub.types, "identity_card", document)).holder


async def test_a_page_of_a_type_that_was_stopped_there_is_refused_like_its_text(
    hub: Hub, neighbour: Hub, desk: Desk
) -> None:
    there = await identifier_of(neighbour)
    text, page = await read_document(neighbour, there), await read_document(neighbour, there, "pdf")
    await neighbour.halts.halt(COMMAND, "business_licence", reason="印章被盗", legal_basis="test")
    later = neighbour.clock
    neighbour.verification._clock = lambda: later() + timedelta(seconds=2)
    pack = await pack_of(neighbour)
    await hub.peers.offer(COMMAND, pack, compared=[root_of(pack, hub)], types=[LICENCE])
    hub.verification._policy = None
    assert [await rule(desk, text), await rule(desk, page)] == ["type_halted", "type_halted"]


async def second_try(hub: Hub, document: bytes) -> str | None:
    """Another department takes over the same."""
    arrival = await read_arrival(hub.presentation, hub.vault, hub.types, "business_licence", document)
    act = Act.read(arrival.filled({name: value for name, value in ASKED.items() if name != "type"}))
    made = await hub.transitions.begin(COMMAND, "business_licence", act, issuer=DISTRICT, arrival=arrival)
    return made.identifier


@pytest.mark.parametrize("here", [True, False])
async def test_what_moved_to_one_authority_does_not_move_to_another_too(
    hub: Hub, neighbour: Hub, desk: Desk, *, here: bool
) -> None:
    await hub.registry.add_department(
        {"code": DISTRICT, "name": {"zh": "示例区市场监管局", "en": "District"}, "issues": ["business_licence"]}
    )
    left = await (identifier_of(hub, ENTERPRISE["id_number"]) if here else identifier_of(neighbour))
    document = await read_document(hub if here else neighbour, left)
    if here:
        await leave(hub, left, "transfer_out", "complete_transfer")
    made = await desk.ask(document)
    assert made.status_code == 201, made.text
    with pytest.raises(ActError, match="taken_over_already"):
        await second_try(hub, document)
    over = Act.read({"operation": "cancel", "reason_code": "holder_request", "reason": "误转入", "legal_basis": "test"})
    await hub.transitions.act(COMMAND, made.json()["identifier"], over)
    assert await second_try(hub, document)
