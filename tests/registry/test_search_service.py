"""The search over a real database: what is seen by whom, counts, pages, and how soon a change shows."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from catalog.errors import DefinitionError
from catalog.store import find_department
from catalog.tables import InterfaceRow, table
from hub.access.actors import COMMAND, Actor, Role
from hub.registry.search.service import Ask
from hub.registry.viewers import Viewer
from hub.runtime import Hub
from tests.registry.published import definition, put
from tests.support import AMR, POLICE


async def viewer(hub: Hub, code: str) -> Viewer:
    department = await hub.database.read(lambda tx: find_department(tx, code))
    assert department is not None
    return Viewer(department.id)


async def codes(hub: Hub, who: Viewer, query: str = "", **ask: object) -> list[str]:
    page = await hub.catalogue.search.search(who, Ask(query, **ask))  # type: ignore[arg-type]
    return [hit.document.code for hit in page.hits]


async def test_every_kind_of_entry_is_found(hub: Hub) -> None:
    await put(hub)
    police = await viewer(hub, POLICE)
    assert (await codes(hub, police, "营业执照"))[0] == "11990000MB0000002Q001"
    assert (await codes(hub, police, "yyzz"))[0] == "11990000MB0000002Q001"
    assert (await codes(hub, police, "business_licence"))[0] == "11990000MB0000002Q001"
    assert (await codes(hub, police, "餐饮"))[0] in {"food_permits", "FOOD"}
    assert (await codes(hub, police, "公安局"))[0] == POLICE
    assert (await codes(hub, police, POLICE))[0] == POLICE
    assert "FOOD" in await codes(hub, police, "食品")


async def test_a_draft_is_seen_by_its_department_and_the_operator_alone(hub: Hub) -> None:
    await put(hub, definition("secret_draft", title={"zh": "冷链追溯信息", "en": "Cold chain"}), state="draft")
    assert await codes(hub, await viewer(hub, AMR), "冷链追溯") == ["secret_draft"]
    assert await codes(hub, Viewer.of(COMMAND), "冷链追溯") == ["secret_draft"]
    stranger = await viewer(hub, POLICE)
    page = await hub.catalogue.search.search(stranger, Ask("冷链追溯"))
    assert page.total == 0
    assert page.hits == ()
    everything = await hub.catalogue.search.search(stranger, Ask(limit=100))
    assert "secret_draft" not in [hit.document.code for hit in everything.hits]
    assert "draft" not in everything.facets["state"]
    # The words of a hidden title correct nobody's typing either.
    assert (await hub.catalogue.search.search(stranger, Ask("cold chian"))).total == 0


async def test_the_next_version_does_not_hide_the_one_that_answers(hub: Hub) -> None:
    await put(hub)
    await put(
        hub, definition(title={"zh": "食品经营许可信息（新）", "en": "Food permits, new"}), state="test", version=2
    )
    mine = await hub.catalogue.search.search(await viewer(hub, AMR), Ask("food_permits", {"kind": ("interface",)}))
    assert {(hit.document.version, hit.document.facets["state"]) for hit in mine.hits} == {(1, "live"), (2, "test")}
    theirs = await hub.catalogue.search.search(await viewer(hub, POLICE), Ask("food_permits", {"kind": ("interface",)}))
    assert [(hit.document.version, hit.document.facets["state"]) for hit in theirs.hits] == [(1, "live")]


async def test_a_version_that_has_ended_is_not_found(hub: Hub) -> None:
    await put(hub, state="deprecated", ends_at=datetime.now(UTC) - timedelta(minutes=1))
    await put(hub, definition("still_there"), state="deprecated", ends_at=datetime.now(UTC) + timedelta(days=9))
    found = await codes(hub, await viewer(hub, POLICE), "食品经营许可信息")
    assert "still_there" in found
    assert "food_permits" not in found


async def test_a_change_shows_in_the_next_search(hub: Hub) -> None:
    who = await viewer(hub, POLICE)
    assert "food_permits" not in await codes(hub, who, "食品经营许可信息")
    await put(hub)
    assert "food_permits" in await codes(hub, who, "食品经营许可信息")
    await hub.registry.add_department({"code": "11990000MB0000004Y", "name": {"zh": "民政局", "en": "Civil affairs"}})
    hub.catalogue.search.notice()
    assert (await codes(hub, who, "民政局"))[0] == "11990000MB0000004Y"


async def test_a_change_by_another_process_shows_without_being_told(hub: Hub) -> None:
    hub.catalogue.search._settle_seconds = 0.0
    who = await viewer(hub, POLICE)
    assert await codes(hub, who, "民政局") == []
    await hub.registry.add_department({"code": "11990000MB0000004Y", "name": {"zh": "民政局", "en": "Civil affairs"}})
    assert (await codes(hub, who, "民政局"))[0] == "11990000MB0000004Y"


async def test_facets_count_what_other_filters_leave(hub: Hub) -> None:
    await put(hub)
    await put(hub, definition("food_permits_open", terms={"sharing": "unconditional"}, update_cycle="yearly"))
    who = await viewer(hub, POLICE)
    page = await hub.catalogue.search.search(who, Ask(filters={"kind": ("interface",), "sharing": ("unconditional",)}))
    assert [hit.document.code for hit in page.hits] == ["food_permits_open"]
    assert page.facets["sharing"] == {"conditional": 1, "unconditional": 1}
    assert page.facets["kind"] == {"interface": 1}
    assert page.facets["update_cycle"] == {"yearly": 1}
    assert page.facets["theme"] == {"基础信息资源/法人": 1}
    both = await hub.catalogue.search.search(who, Ask(filters={"sharing": ("unconditional", "conditional")}))
    assert both.total == 4


async def test_pages_join_to_the_whole_list(hub: Hub) -> None:
    for number in range(23):
        await put(hub, definition(f"food_permits_{number:02}"))
    who = await viewer(hub, POLICE)
    for query in ("", "食品经营"):
        whole = await codes(hub, who, query, limit=100)
        pages: list[str] = []
        cursor = None
        while True:
            page = await hub.catalogue.search.search(who, Ask(query, limit=5, cursor=cursor))
            pages += [hit.document.code for hit in page.hits]
            cursor = page.cursor
            if cursor is None:
                break
        assert pages == whole
        assert len(set(pages)) == len(pages) >= 23


async def test_a_cursor_is_good_for_its_own_list_only(hub: Hub) -> None:
    for number in range(3):
        await put(hub, definition(f"food_permits_{number:02}"))
    search, who = hub.catalogue.search, await viewer(hub, POLICE)
    cursor = (await search.search(who, Ask("食品经营", limit=1))).cursor
    assert cursor is not None
    for ask in (
        Ask("食品", limit=1, cursor=cursor),
        Ask("食品经营", {"kind": ("interface",)}, cursor=cursor),
        Ask("食品经营", cursor=cursor[:-2] + ("AA" if not cursor.endswith("AA") else "BB")),
        Ask("食品经营", cursor="!"),
        Ask("食品经营", cursor="A" * 5000),
    ):
        with pytest.raises(DefinitionError):
            await search.search(who, ask)
    with pytest.raises(DefinitionError):
        await search.search(await viewer(hub, AMR), Ask("食品经营", cursor=cursor))


async def test_hits_are_marked(hub: Hub) -> None:
    await put(hub)
    who = await viewer(hub, POLICE)
    page = await hub.catalogue.search.search(who, Ask("食品许可"))
    hit = next(hit for hit in page.hits if hit.document.code == "food_permits")
    assert "".join(str(piece["text"]) for piece in hit.title["zh"]) == "食品经营许可信息"
    assert any(piece["hit"] and "食品" in str(piece["text"]) for piece in hit.title["zh"])


async def test_nothing_found_is_told_from_near(hub: Hub) -> None:
    await put(hub)
    who = await viewer(hub, POLICE)
    nothing = await hub.catalogue.search.search(who, Ask("月球采矿"))
    assert (nothing.total, nothing.near) == (0, False)
    near = await hub.catalogue.search.search(who, Ask("食品 月球 采矿船"))
    assert near.near


@pytest.mark.parametrize("ask", [Ask(limit=0), Ask(limit=101), Ask(filters={"owner": ("x",)})])
@pytest.mark.sampled
async def test_a_search_that_cannot_be_is_refused(hub: Hub, ask: Ask) -> None:
    with pytest.raises(DefinitionError):
        await hub.catalogue.search.search(Viewer(None), ask)


async def test_a_broken_definition_hides_no_other(hub: Hub) -> None:
    row_id = await put(hub, definition("broken_one"))
    rows = table(InterfaceRow)
    broken = update(rows).where(rows.c.id == row_id).values(definition=definition("broken_one", fields={}))
    await hub.database.write(lambda tx: tx.execute(broken) and None)
    await put(hub)
    assert await codes(hub, await viewer(hub, POLICE), "食品经营许可信息", limit=1) == ["food_permits"]


async def test_staff_without_a_department_see_what_is_published(hub: Hub) -> None:
    nobody = Actor("staff", "s", "s", None, frozenset({Role.CONSUMER_ENGINEER}))
    await put(hub, state="draft")
    assert "food_permits" not in await codes(hub, Viewer.of(nobody), "食品经营许可信息")
