"""Errands 代问: without Redis only the process that serves meets the agents, so a command of the hub has it ask them.

The command signs its question as the hub does for an agent, but to the hub itself, and the serving process answers
under the same key: who does not hold the hub's keys can neither ask nor answer, though the way between the two is plain
HTTP on one machine. Where it serves stands in `serving.json` of the hub's folder.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx2

from adapters.errors import SourceError, UnreachableError
from adapters.port import Budget, Context, Value
from hub.agent.wire import (
    MAX_CONTENT_BYTES,
    Party,
    Question,
    error_as_json,
    read_answer,
    read_item,
    sign_answer,
    sign_question,
)
from hub.clock import Clock, new_id
from hub.issuing.keys.desk import SigningDesk
from signing.canonical import strict_loads
from signing.errors import ClaimError, SigningError

HEALTH: Final = "?"
"""The operation that asks how the agent is; no declared one can have this name."""
_FILE: Final = "serving.json"
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # where it listens, not where it is asked
_CONNECT_SECONDS: Final = 2.0
_GRACE_SECONDS: Final = 2.0


@contextmanager
def announced(home: Path, host: str, port: int) -> Iterator[None]:
    """Tell commands of this home where it is served, for the time of the block."""
    place = _EVERYWHERE.get(host, host)
    text = json.dumps({"url": f"http://{f'[{place}]' if ':' in place else place}:{port}"})
    (home / _FILE).write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        with suppress(OSError):
            if (home / _FILE).read_text(encoding="utf-8") == text:
                (home / _FILE).unlink()


class Errands:
    """Both ends: `ask` in a command, `read` and `answered` in the process that serves."""

    def __init__(self, home: Path, *, desk: SigningDesk, public_url: str, clock: Clock) -> None:
        self._home = home
        self._desk = desk
        self._party = Party(public_url, public_url)
        self._clock = clock
        self._read: dict[str, int] = {}

    async def ask(
        self, source: str, operation: str, params: Mapping[str, Value], budget: Budget, context: Context
    ) -> dict[str, Any]:
        """What an agent said, by way of the serving process: rows, or an error.

        Raises: UnreachableError(`hub_absent`): none serves from this home, or what answers there is not this hub.
        """
        signer = self._desk.hub("hub").signer
        question = Question(new_id(), source, operation, 1, params, budget, context)
        token = sign_question(question, signer=signer, party=self._party, now=self._clock())
        said = await self._sent(source, token, budget.total_seconds)
        try:
            content = str(said["content"]).encode()
            error = read_answer(
                str(said["token"]),
                content,
                subject=question.id,
                key=signer.public,
                party=self._party,
                now=self._clock(),
            )
            if error is not None:
                return {"error": error_as_json(error)}
            found: dict[str, Any] = strict_loads(content, max_bytes=MAX_CONTENT_BYTES, max_depth=budget.max_depth + 2)
        except (KeyError, SigningError):
            raise UnreachableError("hub_absent") from None
        return found

    def read(self, token: str, source: str) -> Question:
        """A command's question, once. Raises: SigningError."""
        now = self._clock()
        key = self._desk.hub("hub").signer.public
        question, jti, exp = read_item(token, keys=[key], party=self._party, source=source, now=now)
        if not isinstance(question, Question) or jti in self._read:
            raise ClaimError("repeated")
        current = int(now.timestamp())
        self._read = {known: until for known, until in self._read.items() if until >= current} | {jti: exp}
        return question

    def answered(self, question: Question, said: Mapping[str, Any], error: SourceError | None) -> dict[str, str]:
        """The answer to it, as it goes back."""
        content = b"" if error else json.dumps(said).encode()
        signer = self._desk.hub("hub").signer
        token = sign_answer(
            question.id, content, error, signer=signer, party=self._party, jti=new_id(), now=self._clock()
        )
        return {"token": token, "content": content.decode("ascii")}

    async def _sent(self, source: str, token: str, seconds: float) -> dict[str, Any]:
        timeout = httpx2.Timeout(seconds + _GRACE_SECONDS, connect=_CONNECT_SECONDS)
        try:
            url = json.loads((self._home / _FILE).read_text(encoding="utf-8"))["url"]
            # By its own name, which it always answers to, whatever address it listens on.
            headers = {"Host": urlsplit(self._party.issuer).netloc}
            async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=timeout) as client:
                answer = await client.post(f"/api/v1/agents/{source}/errands", json={"token": token}, headers=headers)
            said = answer.json() if answer.status_code == 200 else None
        except (OSError, ValueError, KeyError, TypeError, httpx2.HTTPError, httpx2.InvalidURL):
            raise UnreachableError("hub_absent") from None
        if not isinstance(said, dict):
            raise UnreachableError("hub_absent")
        return said
