"""Bulk on the console: seen by both sides, released by the form, and by nobody else."""

from hub.access.actors import Role
from tests.access.people import add, visitor
from tests.exchange.bulking import begin, bulk_grant, fetch, firm, work
from tests.exchange.conftest import Town
from tests.support import AMR, POLICE


async def test_the_console_shows_both_sides_and_releases(town: Town) -> None:
    await town.hub.registry.add_grant(bulk_grant())
    run = await begin(town)
    await add(town.hub, "consumer", Role.CONSUMER_ENGINEER, department=AMR)
    await add(town.hub, "approver", Role.OWNER_APPROVER, department=AMR)
    await add(town.hub, "stranger", Role.OWNER_APPROVER, Role.CONSUMER_ENGINEER, department=POLICE)
    async with visitor(town.place, town.hub) as consumer, visitor(town.place, town.hub) as owner:
        await consumer.sign_in("consumer")
        await owner.sign_in("approver")
        mine, theirs = f"/console/consumer/bulk/{run}", f"/console/owner/bulk/{run}"
        assert "X-Done" not in (await consumer.client.get(mine + "/progress")).headers
        await work(town)
        done = await consumer.client.get(mine + "/progress")
        assert (done.headers["X-Done"], "3 / 3" in done.text) == ("1", True)
        assert run in (await consumer.client.get("/console/consumer/bulk")).text
        assert run in (await owner.client.get("/console/owner/bulk")).text
        assert "/console/owner/bulk" in (await owner.client.get("/console")).text
        page = await owner.client.get(theirs)
        assert firm(0)["name"] not in page.text
        refused = await owner.post(theirs + "/refuse", {"reason": ""})
        assert refused.status_code == 422
        released = await owner.post(theirs + "/release", {"reason": "专项检查"})
        assert released.status_code == 303, released.text
        told = (await consumer.client.get(mine)).text
        assert "专项检查" in told
        assert f"/api/v1/bulk/{run}/file" in told
        again = await owner.post(theirs + "/release", {"reason": ""})
        assert again.status_code == 422
    async with visitor(town.place, town.hub) as stranger:
        await stranger.sign_in("stranger")
        for path in (mine, theirs):
            assert (await stranger.client.get(path)).status_code == 404
    assert (await fetch(town, run)).status_code == 200
