"""Sources 数据源, for programs of a department's engineers. Called with a staff token `yzs_…`; secrets only go in."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from hub.deps import HubDep, StaffDep
from hub.edge.body import Body, read_json

router = APIRouter(prefix="/api/v1/sources", tags=["sources"])
CodeText = Annotated[str, Field(pattern=r"^[0-9a-z_-]{3,64}$")]
SecretName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]
Reason = Annotated[str, Field(min_length=1, max_length=400)]


class SourceBody(Body):
    """A source as its YAML says it; `row_version` of a change is the one that was read."""

    definition: dict[str, Any]
    row_version: Annotated[int, Field(ge=1)] | None = None


class SecretBody(Body):
    """The value of a secret. Nobody can read it back."""

    value: Annotated[str, Field(min_length=1, max_length=16_384, repr=False)]


class ReasonBody(Body):
    """Why; kept on the ledger."""

    reason: Reason


@router.get("", summary="One's own sources 本部门数据源")
async def list_sources(hub: HubDep, actor: StaffDep) -> Response:
    """With state, last probe, and names and dates of secrets."""
    return JSONResponse({"sources": [item.as_json() for item in await hub.sources.list(actor)]})


@router.post("", status_code=201, summary="Register a source 登记数据源", openapi_extra={"x-body": "SourceBody"})
async def add(request: Request, hub: HubDep, actor: StaffDep) -> Response:
    """Nothing is reached yet. A code that is taken is a 409, so that a repeat makes no second one."""
    body, _ = await read_json(request, SourceBody, max_bytes=hub.settings.max_body_bytes)
    code = await hub.sources.add(actor, body.definition)
    shown = await hub.sources.show(actor, code)
    return JSONResponse(shown.as_json(), status_code=201, headers={"Location": f"/api/v1/sources/{code}"})


@router.get("/{code}", summary="One source 数据源详情")
async def show(code: CodeText, hub: HubDep, actor: StaffDep) -> Response:
    """Another department's is a 404."""
    return JSONResponse((await hub.sources.show(actor, code)).as_json())


@router.patch("/{code}", summary="Replace the definition 修改数据源", openapi_extra={"x-body": "SourceBody"})
async def change(request: Request, code: CodeText, hub: HubDep, actor: StaffDep) -> Response:
    """Department, code and kind stay. A `row_version` that is no longer the newest is a 409."""
    body, _ = await read_json(request, SourceBody, max_bytes=hub.settings.max_body_bytes)
    await hub.sources.change(actor, body.definition | {"code": code}, row_version=body.row_version)
    return JSONResponse((await hub.sources.show(actor, code)).as_json())


@router.put("/{code}/secrets/{name}", summary="Set a secret 设置密钥", openapi_extra={"x-body": "SecretBody"})
async def put_secret(request: Request, code: CodeText, name: SecretName, hub: HubDep, actor: StaffDep) -> Response:
    """Encrypted at once, used by the adapter alone."""
    body, _ = await read_json(request, SecretBody, max_bytes=hub.settings.max_body_bytes)
    await hub.sources.put_secret(actor, code, name, body.value)
    return Response(status_code=204)


@router.delete("/{code}/secrets/{name}", summary="Delete a secret 删除密钥")
async def remove_secret(code: CodeText, name: SecretName, hub: HubDep, actor: StaffDep) -> Response:
    """One that is not set is a 404."""
    await hub.sources.remove_secret(actor, code, name)
    return Response(status_code=204)


@router.post("/{code}/probe", summary="Reach it now 探测")
async def probe(code: CodeText, hub: HubDep, actor: StaffDep) -> Response:
    """200 with `ok` or the code of the failure."""
    return JSONResponse((await hub.sources.probe(actor, code)).as_json())


@router.post("/{code}/disable", summary="Stop asking it 停用", openapi_extra={"x-body": "ReasonBody"})
async def disable(request: Request, code: CodeText, hub: HubDep, actor: StaffDep) -> Response:
    """At once; its interfaces answer `source_unavailable`."""
    body, _ = await read_json(request, ReasonBody, max_bytes=hub.settings.max_body_bytes)
    await hub.sources.disable(actor, code, reason=body.reason)
    return JSONResponse((await hub.sources.show(actor, code)).as_json())


@router.post("/{code}/enable", summary="Ask it again 启用")
async def enable(code: CodeText, hub: HubDep, actor: StaffDep) -> Response:
    """Twice is a 409."""
    await hub.sources.enable(actor, code)
    return JSONResponse((await hub.sources.show(actor, code)).as_json())


BODIES: Final = (SourceBody, SecretBody, ReasonBody)
