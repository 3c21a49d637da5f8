"""The agent at work: polls the hub, answers, and goes on through every failure of hub, line and source.

It opens no port. It logs codes, names of operations and durations, never a parameter, a row or a secret.
"""

import asyncio
import random
from contextlib import suppress
from typing import Final

import structlog

from adapters.errors import SourceError
from hub.agent.answering import Answering
from hub.agent.config import AgentConfig, read_key
from hub.agent.errors import ConfigError, LinkError
from hub.agent.link import HubLink
from hub.agent.seen import Seen
from hub.agent.version import VERSION
from hub.agent.wire import MAX_WAIT_SECONDS, Delivery, Party, Question, read_item, sign_answer
from hub.agent.writing import Writing
from hub.clock import Clock, new_id, utc_now
from signing.errors import ClaimError, SigningError
from signing.keys import Signer, SoftwareSigner

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
_SIGN_SECONDS: Final = 2.0
_QUICK: Final = 0.5
_log = structlog.get_logger("yizheng.agent")
_any_fraction: Final = random.SystemRandom().random


class AgentProgram:
    """One running agent. Of one event loop."""

    def __init__(self, config: AgentConfig, *, clock: Clock = utc_now) -> None:
        """Opens everything that needs no network. Raises: ConfigError, LinkError."""
        self._config = config
        self._clock = clock
        self._code = config.source.code
        self._instance = new_id()
        self._signer = load_signer(config)
        self._answering = Answering(config, clock=clock)
        self._link = HubLink(config.hub, signer=self._signer, clock=clock)
        self._seen = Seen(config.state_folder)
        self._writing = Writing(config, seen=self._seen, clock=clock)
        self._from_hub = Party(config.hub.issuer, config.hub.client_id)
        self._to_hub = Party(config.hub.client_id, config.hub.issuer)
        self._stopping = asyncio.Event()
        self._polling = 0
        self._refused = 0

    def stop(self) -> None:
        """Take no more questions; `run` ends after those in hand."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until `stop`. Whatever fails is logged and tried again, ever more slowly up to half a minute."""
        _log.info("agent_started", source=self._code, kind=self._config.source.kind, version=VERSION)
        loops = [asyncio.create_task(self._loop()) for _ in range(self._config.concurrency)]
        sign = asyncio.create_task(self._give_signs())
        try:
            await self._stopping.wait()
            patience = self._config.source.limits.total_seconds + 2
            await asyncio.wait(loops, timeout=patience)
        finally:
            for task in (*loops, sign):
                task.cancel()
            await asyncio.gather(*loops, sign, return_exceptions=True)
            with suppress(LinkError):
                await self._link.poll(self._code, self._body(take=False, leaving=True))
            await self._link.close()
            await self._answering.close()
            self._seen.close()
            _log.info("agent_stopped", source=self._code)

    async def _loop(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                began = asyncio.get_running_loop().time()
                item = await self._next()
                failures = 0
                if item is not None:
                    await self._handle(item)
                elif asyncio.get_running_loop().time() - began < _QUICK:
                    await self._pause(0)  # something between here and the hub does not wait
            except LinkError as error:
                failures += 1
                _log.warning("hub_not_reached", code=error.code, what=error.what, who=error.who, failures=failures)
                await self._pause(failures)
            except Exception as error:  # noqa: BLE001  # whatever it was, the next question is another one
                failures += 1
                _log.error("agent_failed", error=type(error).__name__)
                await self._pause(failures)

    async def _next(self) -> str | None:
        """Poll, unless the agent is told to stop meanwhile."""
        polling = asyncio.create_task(self._link.poll(self._code, self._body()))
        stopping = asyncio.create_task(self._stopping.wait())
        self._polling += 1
        try:
            await asyncio.wait({polling, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return await polling if polling.done() else None
        finally:
            self._polling -= 1
            for task in (polling, stopping):
                task.cancel()
            await asyncio.gather(polling, stopping, return_exceptions=True)

    async def _handle(self, token: str) -> None:
        try:
            item, jti, exp = await self._read(token)
            if not self._seen.first(jti, exp, now=self._clock()):
                raise ClaimError("repeated")
        except SigningError as error:
            # Nobody is told why: only the hub itself may learn anything from this agent, and that is a number.
            self._refused += 1
            _log.error("question_refused", alarm=True, source=self._code, reason=error.reason)
            return
        if isinstance(item, Question):
            await self._question(item)
        else:
            await self._delivery(item)

    async def _read(self, token: str) -> tuple[Question | Delivery, str, int]:
        try:
            return self._checked(token, await self._link.keys())
        except ClaimError as error:
            if error.reason != "kid":
                raise
        self._link.forget_keys()
        return self._checked(token, await self._link.keys())

    def _checked(self, token: str, keys: tuple) -> tuple[Question | Delivery, str, int]:  # type: ignore[type-arg]
        return read_item(token, keys=keys, party=self._from_hub, source=self._code, now=self._clock())

    async def _question(self, question: Question) -> None:
        began = asyncio.get_running_loop().time()
        error: SourceError | None = None
        content = b""
        try:
            content = await self._answering.answer(question)
        except SourceError as failed:
            error = failed
        took = asyncio.get_running_loop().time() - began
        accepted = await self._say(question.id, content, error)
        _log.info(
            "question_answered",
            operation=question.operation,
            question=question.id,
            outcome=error.code if error else "ok",
            milliseconds=round(took * 1000),
            accepted=accepted,
        )

    async def _delivery(self, delivery: Delivery) -> None:
        error: SourceError | None = None
        try:
            await self._writing.write(delivery)
        except SourceError as failed:
            error = failed
        accepted = await self._say(delivery.id, b"", error, kind="deliveries")
        outcome = error.code if error else "ok"
        level = _log.warning if error else _log.info
        level(
            "delivery_written" if error is None else "delivery_failed",
            operation=delivery.operation,
            delivery=delivery.id,
            outcome=outcome,
            accepted=accepted,
        )

    async def _say(self, subject: str, content: bytes, error: SourceError | None, *, kind: str = "answers") -> bool:
        """Sign and bring; a line that breaks in this moment is tried again twice."""
        token = sign_answer(
            subject, content, error, signer=self._signer, party=self._to_hub, jti=new_id(), now=self._clock()
        )
        for pause in (0.2, 1.0):
            try:
                return await self._link.answer(self._code, kind, subject, token, content.decode("ascii"))
            except LinkError as failed:
                if failed.final:
                    raise
            await asyncio.sleep(pause)
        return await self._link.answer(self._code, kind, subject, token, content.decode("ascii"))

    async def _give_signs(self) -> None:
        """While every hand is busy no poll tells the hub that this agent lives."""
        while True:
            await asyncio.sleep(_SIGN_SECONDS)
            if self._polling == 0:
                with suppress(LinkError):
                    await self._link.poll(self._code, self._body(take=False))

    async def _pause(self, failures: int) -> None:
        seconds = min(_FIRST_PAUSE * 2 ** min(failures, 10), _LONGEST_PAUSE) * (0.5 + _any_fraction() / 2)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    def _body(self, *, take: bool = True, leaving: bool = False) -> dict[str, object]:
        wait = MAX_WAIT_SECONDS if take else 0.0
        return {
            "instance": self._instance,
            "version": VERSION,
            "wait_seconds": wait,
            "take": take,
            "leaving": leaving,
            "refused": self._refused,
        }


def load_signer(config: AgentConfig) -> Signer:
    """The agent's key. Raises: ConfigError."""
    try:
        return SoftwareSigner.from_pem(read_key(config.hub.key_file))
    except SigningError:
        raise ConfigError(f"{config.hub.key_file} holds no P-256 private key in PEM") from None
