"""Witnesses of the log: what lies before them, what they said, and handing it in. No account: the signature counts."""

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from sqlalchemy import Connection

from hub.clock import rfc3339
from hub.deps import HubDep, limit
from hub.edge.body import read_bytes, require_media_type
from hub.ledger.errors import NotSequencedError
from hub.ledger.witnessing.reading import Cosigned, Standing
from hub.storage.errors import MissingError

router = APIRouter(tags=["ledger"])
MAX_NOTE: Final = 16_384
PER_MINUTE: Final = 60
"""Of one address: a witness hands in one a minute."""
_NOTE: Final = {"requestBody": {"required": True, "content": {"text/plain": {"schema": {"type": "string"}}}}}


@router.get("/ledger/checkpoint/to-cosign", summary="The checkpoint that witnesses are asked to co-sign 待见证检查点")
async def to_cosign(hub: HubDep) -> PlainTextResponse:
    """One for all witnesses, and the next after a minute; before the first round it is the latest."""
    note = await hub.database.read(hub.witnessing.to_cosign) or await hub.ledger.checkpoint()
    if note is None:
        raise NotSequencedError("checkpoint")
    return PlainTextResponse(note)


@router.get("/ledger/checkpoint/cosigned", summary="The newest co-signed checkpoint 最新已见证检查点")
async def cosigned(hub: HubDep) -> PlainTextResponse:
    """With the line of each witness (C2SP tlog-cosignature). 404: nobody has co-signed yet."""
    found = await hub.database.read(hub.witnessing.cosigned)
    if found is None:
        raise MissingError("cosigned")
    return PlainTextResponse(found.note)


@router.post("/api/v1/ledger/cosignatures", summary="Hand in a co-signed checkpoint 提交见证", openapi_extra=_NOTE)
async def hand_in(request: Request, hub: HubDep) -> JSONResponse:
    """`text/plain`: the checkpoint of `to-cosign` with a line added. Only lines of registered witnesses count.

    A checkpoint that the log's key signed and that is not of this log is kept as evidence, whoever brings it: 409
    `ledger-forked`, and an alarm to the operators.
    """
    await limit(request, f"cosignatures:{request.client.host if request.client else ''}", PER_MINUTE)
    require_media_type(request, "text/plain")
    raw = await read_bytes(request, max_bytes=MAX_NOTE)
    taken = await hub.witnessing.take(raw.decode(errors="replace"))
    return JSONResponse({"taken": [{"witness": item.name, "time": item.time} for item in taken]})


@router.get("/api/v1/ledger/witnesses", summary="Who co-signs the log, and when they did last 账本见证方")
async def witnesses(hub: HubDep) -> JSONResponse:
    """Names, keys and institutions are public: compare a key with the one that the witness itself makes known."""

    def unit(tx: Connection) -> tuple[Standing, Cosigned | None]:
        return hub.witnessing.standing(tx), hub.witnessing.cosigned(tx)

    standing, found = await hub.database.read(unit)
    return JSONResponse(_as_json(standing, found))


def _as_json(standing: Standing, found: Cosigned | None) -> dict[str, Any]:
    """Additive only."""
    return {
        "wanted": standing.wanted,
        "within_seconds": int(standing.within.total_seconds()),
        "lately": standing.lately,
        "enough": standing.enough,
        "forks": standing.forks,
        "cosigned": {"size": found.size, "by": [item.name for item, _ in found.by]} if found else None,
        "witnesses": [
            {
                "name": item.name,
                "vkey": item.vkey,
                "body": item.body,
                "contact": item.contact,
                "called": bool(item.url),
                "last": rfc3339(at) if at else None,
            }
            for item, at in standing.last
        ],
    }
