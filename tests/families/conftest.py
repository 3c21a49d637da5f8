"""A restaurant may be opened: the matters, their grants and the life event that joins them."""

import httpx2
import pytest

from hub.access.actors import COMMAND
from hub.runtime import Hub
from tests.families.town import FIELD, FOOD_BUREAU, FOOD_LICENCE, YESTERDAY, Town, event, matter
from tests.support import POLICE, TYPES, Place, grant_definition, matter_definition, requirement


@pytest.fixture
async def town(place: Place, hub: Hub, client: httpx2.AsyncClient) -> Town:
    code = await hub.registry.add_type((TYPES / f"{FOOD_LICENCE}.yaml").read_text(encoding="utf-8"))
    await hub.registry.add_department(
        {"code": FOOD_BUREAU, "name": {"zh": "食品局", "en": "Food"}, "issues": [FOOD_LICENCE]}
    )
    licence = [[{"type": "11990000MB0000002Q001", "fields": ["name", "uscc", "address"]}]]
    identity = [[{"type": "11990000MB0000003U001", "fields": ["name"]}]]
    food = [[{"type": code, "fields": ["licence_no"]}]]
    await hub.registry.add_matter(matter_definition() | {"results": [{"type": code}], "form": [FIELD]})
    await hub.registry.add_matter(
        matter(
            "SIGN",
            POLICE,
            "applicant",
            requirement("food", "食品经营许可证", "applicant", food) | {"none_clears": False},
            form=[FIELD],
        )
    )
    await hub.registry.add_matter(
        matter(
            "TAX",
            POLICE,
            "payer",
            requirement("licence", "营业执照", "payer", licence),
            requirement("who", "经办人身份证", "agent", identity),
            form=[FIELD | {"party": "payer"}],
            in_force_from=YESTERDAY.isoformat(),
        )
    )
    await hub.registry.add_grant(grant_definition(hub, matters=["TAX"]))
    await hub.registry.add_grant(grant_definition(hub, matters=["SIGN"], type=FOOD_LICENCE, owner=FOOD_BUREAU,
                                                  fields=["licence_no"]))  # fmt: skip
    await hub.life_events.add(COMMAND, event())
    return Town(hub, client, await place.headers(client), code)
