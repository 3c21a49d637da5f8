"""Signing keys 签名密钥: what there is, and what each signed. Made and rotated at the machine: docs/keys.md."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import AwareDatetime, Field

from hub.deps import HubDep, StaffDep
from hub.issuing.touched import Touch

router = APIRouter(prefix="/api/v1", tags=["keys"])
KidText = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


@router.get("/keys", summary="Signing keys 签名密钥")
async def list_keys(hub: HubDep, actor: StaffDep) -> Response:
    """For operators and auditors: what each is for, who certified it, until when."""
    return JSONResponse({"keys": [item.as_json() for item in await hub.keyring.keys.list(actor)]})


@router.get("/keys/{kid}", summary="One signing key 查看密钥")
async def show_key(kid: KidText, hub: HubDep, actor: StaffDep) -> Response:
    """With the progress of revoking what it signed, if it is compromised."""
    found = await hub.keyring.keys.show(actor, kid)
    return JSONResponse(found.as_json() | {"revoking": await hub.keyring.emergency.progress(actor, kid)})


@router.get("/keys/{kid}/touched", summary="Everything a key signed 该密钥签发的全部证照")
async def touched(kid: KidText, hub: HubDep, actor: StaffDep, since: AwareDatetime | None = None) -> Response:
    """JSON lines, oldest first; exact, and streamed. The look is on the ledger."""
    await hub.keyring.keys.show(actor, kid)
    found = await hub.touched.stream(actor, Touch(key=kid))

    async def lines() -> AsyncIterator[bytes]:
        async for item in found:
            if since is None or datetime.fromisoformat(item["made_at"]) >= since:
                yield json.dumps(item, ensure_ascii=False).encode() + b"\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")
