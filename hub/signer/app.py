"""The signer as a service: its public key, and signatures for whoever came with a certificate of the hub's."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from hub.clock import Clock, utc_now
from hub.signer.book import Book, State
from hub.signer.judging import Judged, Policy, RefusedError, judge
from hub.storage.keystore.remote import AT_ONCE, MAX_MESSAGE_BYTES
from signing.canonical import b64u, strict_loads
from signing.errors import SigningError
from signing.keys import Signer

_MOST_BYTES: Final = AT_ONCE * (2 * MAX_MESSAGE_BYTES + 1024)
_log = structlog.get_logger(__name__)


class SignerDesk:
    """Judges, writes down, signs. `approve_all`: nobody is asked."""

    def __init__(
        self, signer: Signer, book: Book, policy: Policy, *, approve_all: bool, clock: Clock = utc_now
    ) -> None:
        self._signer = signer
        self._book = book
        self._policy = policy
        self._approve_all = approve_all
        self._clock = clock

    def public(self) -> dict[str, Any]:
        """The public half."""
        return {"key": self._signer.public.jwk}

    def answer(self, asked: Sequence[Mapping[str, Any]], *, client: str) -> list[dict[str, Any]]:
        """Each object: signed, waiting or refused. A refusal by what it is stands in the log, and not in the book."""
        answers: list[dict[str, Any]] = []
        items: list[Judged] = []
        for one in asked:
            try:
                items.append(judge(one, self._policy))
            except RefusedError as error:
                name = str(one.get("id", ""))[:200]
                _log.warning("object_refused", id=name, why=error.code, client=client)
                answers.append({"id": name, "state": State.REFUSED.value, "reason": error.code})
        known = self._book.asked(items, client=client, approved=self._approve_all, now=self._clock())
        # By id and digest: two objects under one id are two questions, and only one of them may be approved.
        approved = {item.key: item.message for item in items if known[item.key][0] is State.APPROVED}
        fresh = {key: self._signer.sign(message) for key, message in approved.items()}
        known |= self._book.signed(fresh, now=self._clock())
        for item in items:
            state, signature = known[item.key]
            given = {"signature": b64u(signature)} if state is State.SIGNED else {}
            answers.append({"id": item.id, "state": state.value, **given})
        return answers


def signer_app(desk: SignerDesk) -> Starlette:
    """The routes. Whoever serves them asks every client for its certificate."""

    async def key(_: Request) -> JSONResponse:
        return JSONResponse(desk.public())

    async def signatures(request: Request) -> JSONResponse:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > _MOST_BYTES:
                return JSONResponse({"error": "too_large"}, status_code=413)
        try:
            objects = strict_loads(bytes(body), max_bytes=_MOST_BYTES)["objects"]
            some = [dict(item) for item in objects] if isinstance(objects, list) else []
        except (SigningError, KeyError, TypeError, ValueError):
            some = []
        if not 0 < len(some) <= AT_ONCE:
            return JSONResponse({"error": "malformed"}, status_code=422)
        client = request.client.host if request.client else ""
        found = await asyncio.to_thread(lambda: desk.answer(some, client=client))
        return JSONResponse({"signatures": found})

    return Starlette(routes=[Route("/v1/key", key), Route("/v1/signatures", signatures, methods=["POST"])])
