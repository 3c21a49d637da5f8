"""A question goes to a real agent process beside a real database, and comes back signed by both."""

from tests.agent.conftest import Scene
from tests.agent.running import started, wait_for_answer
from tests.support import ENTERPRISE


async def test_a_query_is_answered_through_the_agent(scene: Scene) -> None:
    with started(scene.agent):
        found = await wait_for_answer(scene.query)
    assert found["outcome"] == "satisfied", (found, scene.agent.log)
    assert found["records"][0]["name"] == ENTERPRISE["name"]
