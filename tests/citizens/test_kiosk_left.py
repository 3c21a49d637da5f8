"""Whoever has left a terminal between a page and what it sends has said nothing there; what he did say names it."""

import re
from pathlib import Path

import pytest

from hub.citizens.kiosk.devices import Kiosk
from hub.citizens.kiosk.standing import Visit
from hub.citizens.objections.values import Kind, Said
from hub.runtime import Hub
from tests.citizens.conftest import signed_in
from tests.citizens.others import NEIGHBOUR, asked, resident
from tests.citizens.test_kiosk import standing
from tests.citizens.test_own_collection import _feed, _register
from tests.citizens.test_superior import refused
from tests.hub.city import HOME, IDENTITY, PERMITS, PERSON, grow, ledger
from tests.support import POLICE, Place, open_case

pytestmark = pytest.mark.embedded


async def test_nothing_is_said_by_who_has_left_meanwhile(
    place: Place, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = hub.kiosk.visits.find

    async def found_and_left(kiosk: Kiosk, secret: str) -> Visit:
        visit = await find(kiosk, secret)
        await hub.kiosk.visits.end(kiosk)
        return visit

    async with place.client(hub) as client, standing(place, hub) as terminal:
        city = await grow(place, hub, client)
        await city.ask("identity")
        holder = await signed_in(hub)
        await resident(hub, NEIGHBOUR)
        delegation = await hub.citizens.others.delegating.give(holder, asked(hub))
        refusal = await refused(hub)
        said = Said(kind=Kind.MISSING, text="缺一份", type_code=IDENTITY, department=POLICE)
        objection = await hub.citizens.objections.raise_(holder, said)
        rated = await open_case(client, city.headers, matter=HOME, parties=[{"role": "applicant", **PERSON}])
        assert (await client.post(f"/api/v1/cases/{rated}/close", headers=city.headers)).status_code == 200
        await _feed(hub, _register(tmp_path / "register"), "permits")
        await terminal.card()
        (identifier,) = re.findall(r'name="identifier" value="([^"]+)"', (await terminal.get("/mine")).text)
        (look,) = [one.id for one in await ledger(hub) if one.kind == "disclosure" and one.subject_id == holder.id]
        (code,) = re.findall(r'value="([^"]+)"[^>]*>居住证<', (await terminal.get("/missing")).text)
        acts = {
            "/object": {"identifier": identifier, "sent": "1", "about": "licence"},
            "/missing": {"type": code, "department": PERMITS},
            "/doubt": {"entry": look, "sure": "1"},
            "/objections/withdraw": {"objection": objection},
            "/objections/review": {"objection": refusal, "sure": "1"},
            "/delegations": {"delegation": delegation, "sure": "1"},
            "/collect": {},
            "/ratings": {"case_no": rated, "sent": "1", "stars": "5", "brought": "0"},
        }
        before = await ledger(hub)
        for path, fields in acts.items():
            await terminal.card()
            (token,) = set(re.findall(r'name="csrf" value="([^"]+)"', (await terminal.get("/mine")).text))
            with monkeypatch.context() as patched:
                patched.setattr(hub.kiosk.visits, "find", found_and_left)
                late = await terminal.post(path, csrf=token, **fields)
            assert (late.status_code, late.headers.get("location")) == (303, "/kiosk"), path
        written = {one.kind for one in await ledger(hub, since=before)}
        assert written <= {"kiosk.visit", "kiosk.left"}

        await terminal.card()
        for path, fields in acts.items():
            assert (await terminal.sent(path, **fields)).headers["location"] != "/kiosk", path
        written_now = [one for one in await ledger(hub, since=before) if not one.kind.startswith("kiosk.")]
        kinds = ["objection.raised"] * 3 + ["objection.withdrawn", "objection.raised"]
        told = [one for one in written_now if one.kind in set(kinds)]
        assert [(one.kind, one.detail["kiosk"]) for one in told] == [(kind, terminal.id) for kind in kinds]
        assert {"delegation.withdrawn_at_kiosk", "collection.own", "case.rated"} <= {one.kind for one in written_now}
        mine = (await hub.citizens.objections.listed(holder)).items
        assert sorted(one.channel for one in mine) == ["self"] * 2 + ["terminal"] * 4
