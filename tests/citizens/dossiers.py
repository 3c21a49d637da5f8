"""Somebody who is signed in and holds licences of several kinds."""

import httpx2

from hub.runtime import Hub
from tests.citizens.conftest import session, signed_in
from tests.hub.city import (
    CIVIL,
    ESTATE,
    PERMITS,
    PERSON,
    City,
    grow,
    marriage_claims,
    permit_claims,
    title_claims,
)
from tests.support import PUBLIC_URL, Place, issue

HERE = {"Origin": PUBLIC_URL}
PERMIT_CODE = f"{PERMITS}001"


async def arrive(client: httpx2.AsyncClient, hub: Hub, person: dict[str, str] = PERSON) -> dict[str, str]:
    """Sign the browser in; answers what changing something wants."""
    client.cookies.set("yz_holder", await session(hub, person=person))
    who = (await client.get("/api/v1/me")).json()
    return HERE | {"X-CSRF-Token": who["csrf_token"]}


async def furnished(place: Place, hub: Hub, client: httpx2.AsyncClient) -> City:
    """Somebody with four kinds of licence, and one of two homes."""
    city = await grow(place, hub, client)
    await issue(hub, marriage_claims(), slug="marriage_certificate", issuer=CIVIL)
    await issue(hub, title_claims("T-1"), title_claims("T-2"), slug="real_estate_title", issuer=ESTATE)
    await issue(hub, permit_claims(), slug="residence_permit", issuer=PERMITS)
    return city


async def of_kind(hub: Hub, slug: str, person: dict[str, str] = PERSON) -> str:
    """The identifier of the first licence of a kind."""
    code, after = hub.types.find(slug), None
    assert code is not None
    subject = (await signed_in(hub, person=person)).id
    while True:
        shelf = await hub.dossier.cards.page(subject, after=after)
        for card in shelf.cards:
            if card.type_code == code.type.code:
                return card.identifier
        assert shelf.behind is not None
        after = shelf.behind
