"""The desk of agents: questions for sources that nothing can reach wait here until their agents fetch them.

Whoever asks waits for the answer for as long as the question may take; whoever leaves takes the question along. An
agent that is not there is `agent_absent` at once. When an agent dies with a question in hand, another one, or itself
after its restart, is asked again if that is safe and there is time.
"""

import asyncio
from base64 import b64encode
from collections import Counter
from collections.abc import Awaitable, Mapping
from dataclasses import asdict
from typing import Any, Final

import structlog

from adapters.errors import FaultyAnswerError, SourceError, TimedOutError, UnreachableError
from adapters.port import Answer, Budget, Context, Value
from hub.access.actors import Actor
from hub.agent.wire import (
    MAX_WAIT_SECONDS,
    Party,
    Question,
    error_as_json,
    read_answer,
    sign_question,
)
from hub.clock import Clock, new_id
from hub.exchange.agents.access import Agent
from hub.exchange.agents.answers import answer_of, answer_told, most_bytes
from hub.exchange.agents.boxes import Boxes
from hub.exchange.agents.deliveries import DeliveryDesk
from hub.exchange.agents.errands import HEALTH, Errands
from hub.exchange.agents.signs import AgentHealth, AgentView, Beat, Signs
from hub.issuing.keys.desk import SigningDesk
from hub.storage.cache import Cache
from hub.storage.errors import MissingError
from hub.threads import off_loop
from signing.errors import SigningError
from signing.keys import Es256Key

SIGN_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 1.0
_HEALTH_BUDGET: Final = Budget(connect_seconds=2, read_seconds=5, total_seconds=5)
_log = structlog.get_logger(__name__)


class AgentDesk:
    """Carries questions to agents and answers back. Of one event loop; `boxes` and `cache` join several processes."""

    def __init__(
        self,
        *,
        cache: Cache,
        boxes: Boxes,
        desk: SigningDesk,
        deliveries: DeliveryDesk,
        public_url: str,
        clock: Clock,
        errands: Errands | None = None,
    ) -> None:
        """`errands`: the way to the process that serves, where nothing else joins this one to it."""
        self.deliveries = deliveries
        self.errands = errands
        self._signs = Signs(cache, clock=clock)
        self._asking: Counter[str] = Counter()
        self._serves = errands is None
        self._cache = cache
        self._boxes = boxes
        self._desk = desk
        self._public_url = public_url
        self._clock = clock

    def attend(self) -> None:
        """From now on agents dial this process: it asks no other."""
        self._serves = True

    async def dispatch(
        self, asked: Mapping[str, Any], params: Mapping[str, Value], budget: Budget, context: Context
    ) -> Answer:
        """Ask the agent of a source; the `Dispatch` of `adapters.port`. Raises: SourceError."""
        if self._serves or self.errands is None:
            return await self.dispatch_here(asked, params, budget, context)
        said = await self.errands.ask(asked["source"], asked["operation"], params, budget, context)
        return answer_of(said, budget)

    async def dispatch_here(
        self, asked: Mapping[str, Any], params: Mapping[str, Value], budget: Budget, context: Context
    ) -> Answer:
        """As `dispatch`, of an agent that dials this process or one that shares its boxes. Raises: SourceError."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + budget.total_seconds
        attempt = 0
        self._asking[asked["source"]] += 1
        try:
            while (left := deadline - loop.time()) > 0:
                attempt += 1
                body = {
                    **asked,
                    "params": dict(params),
                    "budget": asdict(budget) | {"total_seconds": left},
                    "context": asdict(context),
                    "attempt": attempt,
                }
                answer = await self._attempt(body, deadline)
                if answer is not None:
                    return await answer_told(answer, budget)
            raise TimedOutError("total")
        finally:
            self._asking[asked["source"]] -= 1

    async def poll(self, agent: Agent, beat: Beat, gone: Awaitable[None]) -> str | None:
        """The next question for this agent, signed; None when there was none in time or the caller left (`gone`)."""
        self.attend()
        loop = asyncio.get_running_loop()
        end = loop.time() + min(beat.wait_seconds, MAX_WAIT_SECONDS)
        leaving = asyncio.ensure_future(gone)
        try:
            # A poll whose caller has gone is no sign of life.
            while not leaving.done():
                await self._signs.of_life(agent.source, beat)
                left = max(end - loop.time(), 0.0)
                if not beat.take:
                    return None
                if agent.writes and (token := await self.deliveries.next(agent)) is not None:
                    return token
                item = await self._take(f"q:{agent.source}", min(SIGN_SECONDS, left), leaving)
                if item is not None and leaving.done():
                    await self._boxes.put(f"q:{agent.source}", item, seconds=MAX_WAIT_SECONDS)
                elif item is not None and (token := await self._hand_over(item, agent, beat)) is not None:
                    return token
                if left <= 0:
                    return None
            return None
        finally:
            leaving.cancel()

    async def expected(self, agent: Agent, question_id: str) -> int | None:
        """How many bytes this agent's answer to the question may have; None when nobody waits for it any more."""
        body = await self._cache.get(f"agent:question:{question_id}")
        if body is None or body["agent"] != agent.client_id or body["source"] != agent.source:
            return None
        return most_bytes(Budget(**body["budget"]))

    async def answer(self, agent: Agent, question_id: str, token: str, content: bytes) -> bool:
        """Take an agent's answer; False when nobody waits for it any more.

        Raises: SigningError for what is not this agent's signed word on this question.
        """
        if await self.expected(agent, question_id) is None:
            return False
        key, party, now = Es256Key.from_jwk(agent.key_jwk), Party(agent.client_id, self._public_url), self._clock()
        try:
            error = await off_loop(
                len(content), lambda: read_answer(token, content, subject=question_id, key=key, party=party, now=now)
            )
        except SigningError as refused:
            _log.error("agent_answer_refused", alarm=True, source=agent.source, reason=refused.reason)
            await self._signs.of_refusal(agent.source)
            raise
        # Read by whoever asked, once; in Base64 it passes through the cache's own JSON without being looked at.
        said = {"error": error_as_json(error)} if error else {"content": b64encode(content).decode()}
        await self._tell(question_id, said)
        return True

    async def answer_too_large(self, agent: Agent, question_id: str) -> None:
        """What this agent sent was cut: whoever asked need not wait for the rest."""
        if await self.expected(agent, question_id) is not None:
            await self._tell(question_id, {"error": error_as_json(FaultyAnswerError("too_large"))})

    async def _tell(self, question_id: str, said: dict[str, Any]) -> None:
        await self._cache.set(f"agent:answer:{question_id}", said, seconds=30)
        await self._boxes.put(f"a:{question_id}", question_id, seconds=30)

    async def health(self, source: str) -> AgentHealth:
        """How the agent of a source is, as the process knows that it dials."""
        if self._serves or self.errands is None:
            return await self._signs.health(source, in_flight=self._asking[source])
        try:
            said = await self.errands.ask(source, HEALTH, {}, _HEALTH_BUDGET, Context())
            return AgentHealth.of_json(said["rows"][0])
        except (SourceError, KeyError, IndexError, TypeError, ValueError):
            return AgentHealth(known=False)

    async def view(self, actor: Actor, source: str) -> AgentView:
        """How it is, and what it has to write back. Raises: MissingError, ForbiddenError."""
        waiting, dead = await self.deliveries.line(actor, source)
        return AgentView(await self.health(source), waiting, dead)

    async def errand(self, source: str, agent: str, token: str) -> dict[str, str]:
        """Ask for a command of this hub, and sign what it is told. Raises: SigningError, MissingError."""
        if self.errands is None:
            raise MissingError("errand")
        question = self.errands.read(token, source)
        said: dict[str, Any] = {}
        error: SourceError | None = None
        try:
            if question.operation == HEALTH:
                health = await self._signs.health(source, in_flight=self._asking[source])
                said = {"rows": [health.as_json()], "as_of": None}
            else:
                asked = {"source": source, "agent": agent, "operation": question.operation, "safe": False}
                found = await self.dispatch_here(asked, question.params, question.budget, question.context)
                rows = [dict(row) for row in found.rows]
                said = {"rows": rows, "as_of": found.as_of.isoformat() if found.as_of else None}
        except SourceError as failed:
            error = failed
        return self.errands.answered(question, said, error)

    async def close(self) -> None:
        """Give back what is held open."""
        await self._boxes.close()

    async def _attempt(self, body: dict[str, Any], deadline: float) -> dict[str, Any] | None:
        """One question to one agent; None when the agent that took it died and asking again is right."""
        source, question_id = body["source"], new_id()
        if not await self._signs.present(source):
            raise UnreachableError("agent_absent")
        loop = asyncio.get_running_loop()
        left = deadline - loop.time()
        try:
            await self._cache.set(f"agent:question:{question_id}", body, seconds=left + 1)
            await self._boxes.put(f"q:{source}", question_id, seconds=left + 1)
            while (left := deadline - loop.time()) > 0:
                if await self._boxes.take(f"a:{question_id}", seconds=min(_LOOK_SECONDS, left)) is not None:
                    said = await self._cache.get(f"agent:answer:{question_id}")
                    return said if isinstance(said, dict) else None
                taken = await self._cache.get(f"agent:taken:{question_id}")
                if taken is None and not await self._signs.present(source):
                    raise UnreachableError("agent_absent")
                if taken is None:
                    # The store may have lost it; one that comes twice is handed over once.
                    await self._boxes.put(f"q:{source}", question_id, seconds=left + 1)
                elif not await self._signs.alive(source, taken):
                    if body["safe"] and await self._signs.present(source):
                        return None
                    raise UnreachableError("agent_absent")
            raise TimedOutError("total")
        finally:
            for kind in ("question", "taken", "answer"):
                await asyncio.shield(self._cache.delete(f"agent:{kind}:{question_id}"))

    async def _take(self, box: str, seconds: float, leaving: asyncio.Future[None]) -> str | None:
        taking = asyncio.ensure_future(self._boxes.take(box, seconds=seconds))
        both: set[asyncio.Future[Any]] = {taking, leaving}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not taking.done():
                taking.cancel()
                await asyncio.wait({taking})
        return None if taking.cancelled() else taking.result()

    async def _hand_over(self, question_id: str, agent: Agent, beat: Beat) -> str | None:
        body = await self._cache.get(f"agent:question:{question_id}")
        if body is None or body["agent"] != agent.client_id:
            return None  # whoever asked has left
        if await self._cache.get(f"agent:taken:{question_id}") is not None:
            return None
        budget = Budget(**body["budget"])
        await self._cache.set(f"agent:taken:{question_id}", beat.instance, seconds=budget.total_seconds + 1)
        question = Question(
            id=question_id,
            source=agent.source,
            operation=body["operation"],
            attempt=body["attempt"],
            params=body["params"],
            budget=budget,
            context=Context(**body["context"]),
        )
        return sign_question(
            question,
            signer=self._desk.hub("hub").signer,
            party=Party(self._public_url, agent.client_id),
            now=self._clock(),
        )
