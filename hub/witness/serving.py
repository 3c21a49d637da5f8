"""`add-checkpoint` over HTTP: a program of one route, for a log that calls its witnesses."""

import asyncio
from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.witness.asking import MAX_BODY, Answer, add_checkpoint
from hub.witness.witness import Witness
from signing.log.checkpoint import NoteVerifier


def application(witness: Witness, logs: Mapping[str, NoteVerifier]) -> Starlette:
    """The program, for these logs by their origin."""

    async def add(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY:
                return _response(Answer(413, "too large\n"))
        return _response(await asyncio.to_thread(add_checkpoint, witness, logs, body))

    return Starlette(routes=[Route("/add-checkpoint", add, methods=["POST"])])


def _response(answer: Answer) -> Response:
    return Response(answer.text, status_code=answer.status, headers={"Content-Type": answer.media_type})
