"""One licence of another hub makes one licence here, whoever takes it over and for whomever, at the same moment too."""

import asyncio

import pytest

from certificates.errors import ActError
from hub.access.actors import COMMAND
from hub.issuing.files import read_document
from hub.issuing.transitions.acts import Act
from hub.runtime import Hub
from hub.verification.arriving import read_arrival
from tests.hub.test_transfer_attacked import DISTRICT, RELEASED
from tests.hub.test_transfer_in import ASKED, MOVING, identifier_of, neighbour
from tests.hub.test_trust_between_hubs import LICENCE, accepted, pack_of
from tests.support import AMR, valid_uscc

__all__ = ["neighbour"]
OTHERS = MOVING | {"uscc": valid_uscc("91990100MA0000099")}


async def take_over(hub: Hub, document: bytes, issuer: str, **more: object) -> str:
    """The reason why not, or nothing."""
    arrival = await read_arrival(hub.presentation, hub.vault, hub.types, "business_licence", document)
    asked = {name: value for name, value in ASKED.items() if name != "type"}
    act = Act.read(arrival.filled(asked | more))
    try:
        await hub.transitions.begin(COMMAND, "business_licence", act, issuer=issuer, arrival=arrival)
    except ActError as error:
        return error.rule
    return ""


@pytest.fixture
async def city(hub: Hub, neighbour: Hub) -> Hub:
    await accepted(hub, await pack_of(neighbour), LICENCE)
    await hub.registry.add_department(
        {"code": DISTRICT, "name": {"zh": "示例区市场监管局", "en": "District"}, "issues": ["business_licence"]}
    )
    return hub


async def test_of_two_authorities_at_the_same_moment_one_takes_it_over(city: Hub, neighbour: Hub) -> None:
    document = await read_document(neighbour, await identifier_of(neighbour))
    told = await asyncio.gather(*(take_over(city, document, issuer) for issuer in (AMR, DISTRICT)))
    assert sorted(told) == ["", "taken_over_already"]


async def test_a_page_is_taken_over_for_one_holder(city: Hub, neighbour: Hub) -> None:
    page = await read_document(neighbour, await identifier_of(neighbour), "pdf")
    told = await asyncio.gather(
        *(take_over(city, page, AMR, claims=claims, origin=RELEASED) for claims in (MOVING, OTHERS))
    )
    assert sorted(told) == ["", "taken_over_already"]
