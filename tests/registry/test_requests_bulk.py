"""Bulk in requests for access: asked for with a maximum, given, narrowed or taken away, each cut with its reason."""

from typing import Any

import pytest

from catalog.grants import GrantState
from hub.registry.requests.decision import read_approval
from hub.registry.requests.errors import IncompleteError
from tests.registry.asking import Desk, Hands, filing
from tests.registry.test_requests_answers import grant_of

CAMPAIGN: dict[str, Any] = {"kind": "ex_officio", "officers": ["op-1"], "bulk": True, "bulk_subjects": 500}


async def test_bulk_is_asked_for_and_the_owner_may_narrow_it_or_take_it_away(desk: Desk, hands: Hands) -> None:
    requests = desk.hub.sharing.requests
    for decided, most in ((({"bulk_subjects": 50}), 50), ({"bulk": False}, None), ({}, 500)):
        filed = await requests.file(desk.asker, filing(hands, **CAMPAIGN))
        assert filed.request.filing.bulk_subjects == 500
        cut = dict.fromkeys(decided, "试点先行")
        approval = read_approval(decided | {"reasons": cut})
        granted = await requests.approve(desk.owner, filed.request.id, approval)
        assert (await grant_of(desk, granted)).terms.bulk_subjects == most
        assert granted.request.decision["cuts"] == cut
        await desk.hub.registry.grants.change_by(
            desk.owner, str(granted.request.grant_id), GrantState.WITHDRAWN, "试点结束"
        )


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"kind": "application", "officers": []}, "/bulk bulk_unfit"),
        ({"bulk_subjects": None}, "/bulk_subjects bulk_subjects_missing"),
        ({"bulk": False}, "/bulk malformed"),
    ],
)
@pytest.mark.sampled
async def test_what_is_wrong_with_asking_for_bulk_is_named(
    desk: Desk, hands: Hands, changes: dict[str, Any], fault: str
) -> None:
    faults = await desk.hub.sharing.requests.check(desk.asker, filing(hands, **CAMPAIGN | changes))
    assert fault in [f"{item.pointer} {item.code}" for item in faults]


async def test_an_owner_gives_no_more_than_was_asked_and_no_cut_without_its_reason(desk: Desk, hands: Hands) -> None:
    requests = desk.hub.sharing.requests
    filed = await requests.file(desk.asker, filing(hands, **CAMPAIGN))
    for given, pointer in (({"bulk_subjects": 501}, "/bulk_subjects"), ({"bulk": False}, "/reasons/bulk")):
        with pytest.raises(IncompleteError) as caught:
            await requests.approve(desk.owner, filed.request.id, read_approval(given))
        assert pointer in [fault.pointer for fault in caught.value.faults]
