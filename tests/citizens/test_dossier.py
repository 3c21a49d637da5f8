"""A dossier: licences by stage of life, at a price that does not grow with them."""

import re
from datetime import date

import httpx2
import pytest

from certificates.definitions.loading import catalogue_text, load_type
from certificates.definitions.parts import Stage
from certificates.lifecycle.states import Operation
from hub.citizens.dossier.cards import PAGE, Standing, Wanted
from hub.citizens.dossier.stages import STAGES, STAGES_OF_BODY, age_of, usual
from hub.runtime import Hub
from hub.web.letters import rare
from tests.citizens.conftest import signed_in
from tests.citizens.dossiers import HERE, arrive, furnished, of_kind
from tests.hub.city import (
    ESTATE,
    PERSON,
    statements,
    title_claims,
)
from tests.support import Place, issue

STATEMENTS = 5
"""Four, and on PostgreSQL the one that begins."""


@pytest.mark.embedded
def test_a_stage_of_life_is_data_of_the_type_and_has_a_sane_default() -> None:
    assert set(STAGES) == set(Stage)
    assert load_type(catalogue_text("marriage_certificate")).stage is Stage.FAMILY
    unsaid = catalogue_text("business_licence").replace("stage: founding\n", "")
    assert load_type(unsaid).stage is Stage.PERMITS
    assert load_type(unsaid.replace("kind: certificate", "kind: appraisal")).stage is Stage.QUALIFICATION
    assert load_type(catalogue_text("identity_card").replace("stage: identity\n", "")).stage is Stage.OTHER


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("stage", "age", "likely"),
    [
        (Stage.SCHOOL, 8, True),
        (Stage.WORK, 8, False),
        (Stage.RETIREMENT, 49, False),
        (Stage.RETIREMENT, 50, True),
        (Stage.IDENTITY, 8, True),
        (Stage.AFTER, 90, False),
        (Stage.WORK, None, True),
    ],
)
def test_nobody_is_told_that_he_lacks_what_people_of_his_age_do_not_have(
    stage: Stage, age: int | None, *, likely: bool
) -> None:
    assert usual(stage, age) is likely


@pytest.mark.embedded
def test_years_of_age_turn_on_the_birthday() -> None:
    number = PERSON["id_number"]  # 1988-03-05
    assert [age_of("111", number, date(2026, 3, day)) for day in (4, 5)] == [37, 38]
    assert age_of("414", "E12345678", date(2026, 3, 4)) is None


async def test_cards_stand_by_stage_of_life_and_a_page_costs_the_same_whatever_there_is(place: Place, hub: Hub) -> None:
    async with place.client(hub) as client:
        await furnished(place, hub, client)
        subject = (await signed_in(hub)).id
        async with statements(hub) as few:
            small = await hub.dossier.cards.page(subject)
        assert [(stage, len(cards)) for stage, cards in small.sections] == [
            (Stage.IDENTITY, 1),
            (Stage.FAMILY, 1),
            (Stage.HOUSING, 2),
            (Stage.OTHER, 1),
        ]
        assert small.behind is None
        newest, other = small.sections[2][1]
        await hub.status.change(newest.identifier, Operation.REVOKE, reason="test", legal_basis="test")
        homes = await hub.dossier.cards.page(subject, wanted=Wanted(Stage.HOUSING))
        assert [card.identifier for card in homes.cards] == [other.identifier, newest.identifier]
        many = [title_claims(f"M-{number:03}") for number in range(3 * PAGE)]
        await issue(hub, *many, slug="real_estate_title", issuer=ESTATE)
        seen: list[str] = []
        after = None
        while True:
            async with statements(hub) as each:
                shelf = await hub.dossier.cards.page(subject, after=after)
            assert len(each) == len(few)
            assert len(shelf.cards) <= PAGE
            seen += [card.identifier for card in shelf.cards]
            after = shelf.behind
            if after is None:
                break
        assert len(seen) == len(set(seen)) == shelf.total == 5 + 3 * PAGE
        homes = await hub.dossier.cards.page(subject, wanted=Wanted(Stage.HOUSING))
        assert {card.stage for card in homes.cards} == {Stage.HOUSING}
        assert homes.counts == shelf.counts

        token = await arrive(client, hub)
        first = await client.get("/me/licences")
        headings = re.findall(r'<h2 class="stage"[^>]*>([^<]+)<', first.text)
        assert headings == [STAGES[stage][0] for stage in (Stage.IDENTITY, Stage.FAMILY, Stage.HOUSING)]
        onward = re.findall(r'href="(/me/licences\?cursor=[^"]+)"', first.text)
        assert (await client.get(onward[0])).status_code == 200
        assert (await client.get(onward[0].replace("?", "?stage=housing&"))).status_code == 422
        assert (await client.get("/me/licences?stage=nonsense")).status_code == 422
        assert PERSON["id_number"] not in first.text
        await found_by_words(client, hub, token)
        await shown_from_its_card(client, hub, token)


@pytest.mark.embedded
async def test_a_companys_dossier_has_its_own_order_and_words(place: Place, hub: Hub) -> None:
    """The same licences: a body is founded first, and what it owns is no home."""
    assert set(STAGES_OF_BODY) == set(Stage)
    assert STAGES_OF_BODY[Stage.HOUSING] != STAGES[Stage.HOUSING]
    async with place.client(hub) as client:
        await furnished(place, hub, client)
        subject = (await signed_in(hub)).id
        shelf = await hub.dossier.cards.page(subject, order=STAGES_OF_BODY)
        order = [stage for stage, _ in shelf.sections]
        assert order == list(shelf.counts)
        assert order.index(Stage.HOUSING) < order.index(Stage.IDENTITY)
        assert next(iter(STAGES_OF_BODY)) is Stage.FOUNDING


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("示例市，Example 2026·", []),
        ("赵㛃", ["U+36C3"]),
        ("𠅤某㛃𠅤", ["U+20164", "U+36C3"]),
        ("\ue000", ["U+E000"]),
    ],
)
def test_letters_that_a_device_may_not_have_are_named(text: str, places: list[str]) -> None:
    assert [place for _, place in rare(text)] == places


async def found_by_words(client: httpx2.AsyncClient, hub: Hub, token: dict[str, str]) -> None:
    """By words of the kind's name in either language and how it stands, page after page, in no address."""
    subject = (await signed_in(hub)).id
    homes = 2 + 3 * PAGE
    for words, standing, many in (
        ("不动产", None, homes),
        ("TITLE estate", None, homes),
        ("不动产", Standing.STANDS, homes - 1),
        ("", Standing.OVER, 1),
        ("结婚", Standing.OVER, 0),
        ("没有的证", None, 0),
    ):
        async with statements(hub) as asked:
            shelf = await hub.dossier.cards.page(subject, wanted=Wanted(words=words, standing=standing))
        assert shelf.found == many, (words, standing)
        assert len(shelf.cards) == min(many, PAGE)
        assert len(asked) <= STATEMENTS
    form = {"csrf": token["X-CSRF-Token"], "words": "不动产", "standing": "over"}
    over = await client.post("/me/licences/find", data=form, headers=HERE)
    assert "找到 1 份" in over.text
    assert over.text.count("<article>") == 1
    none = await client.post("/me/licences/find", data=form | {"words": "没有的证"}, headers=HERE)
    assert "没有这样的证照" in none.text
    seen = set()
    form["standing"], form["cursor"] = "", ""
    while True:
        page = await client.post("/me/licences/find", data=form, headers=HERE)
        seen |= set(re.findall(r'<h3><a href="/me/licences/([^"]+)"', page.text))
        onward = re.findall(r'name="cursor" value="([^"]+)"', page.text)
        if not onward:
            break
        form["cursor"] = onward[0]
    assert len(seen) == homes
    assert (await client.post("/me/licences/find", data=form | {"csrf": "x"}, headers=HERE)).status_code == 403
    assert (await client.post("/me/licences/find", data=form | {"standing": "x"}, headers=HERE)).status_code == 422
    assert (await client.get("/me/licences/find")).headers["location"] == "/me/licences"
    api, cursor, listed = "/api/v1/me/certificates/find", None, []
    while True:
        asked = {"words": "不动产", "stage": "housing"} | ({"cursor": cursor} if cursor else {})
        answer = (await client.post(api, json=asked, headers=token)).json()
        listed += [item["identifier"] for item in answer["certificates"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert (set(listed), len(listed), answer["found"]) == (seen, homes, homes)
    assert (await client.post(api, json={"standing": "x"}, headers=token)).status_code == 422
    assert (await client.post(api, json={}, headers=HERE)).status_code == 403


async def shown_from_its_card(client: httpx2.AsyncClient, hub: Hub, token: dict[str, str]) -> None:
    """A licence that is not on the first page of those that can be shown."""
    early = await of_kind(hub, "identity_card")
    claim = f'value="{early}/name"'
    assert claim not in (await client.get("/me/showings")).text
    assert claim in (await client.get("/me/showings", params={"licence": early})).text
    form = {"csrf": token["X-CSRF-Token"], "claim": f"{early}/name", "purpose": "长" * 500}
    again = await client.post("/me/showings", data=form, headers=HERE)
    assert again.status_code == 422
    assert f"{claim} checked" in again.text, "what was ticked stays"
