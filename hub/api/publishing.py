"""Publishing interfaces 接口发布, for programs of the owning department. Called with a staff token `yzs_…`."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, Field

from hub.api.sources import CodeText, Reason, ReasonBody
from hub.deps import HubDep, StaffDep
from hub.edge.body import Body, read_json
from hub.registry.interface_history import Holder

router = APIRouter(prefix="/api/v1", tags=["publishing"])
VersionQuery = Annotated[int | None, Query(ge=1, description="Default: the newest 缺省为最新版本")]


class InterfaceBody(Body):
    """An interface as its YAML says it."""

    definition: dict[str, Any]


class TrialBody(Body):
    """Parameters of a live test: numbers of invented or test records."""

    params: Annotated[dict[str, Any], Field(repr=False)]


class ListingBody(Body):
    """An operation without parameters that lists rows of the source."""

    operation: dict[str, Any]


class PublishBody(Body):
    """`confirmed`: why to publish although required fields fail in the sample."""

    confirmed: Reason | None = None


class DeprecateBody(Body):
    """When a live version stops answering, and why."""

    ends_at: Annotated[AwareDatetime, Field(strict=False)]
    reason: Reason


@router.post(
    "/interfaces", status_code=201, summary="Write a draft 编制接口", openapi_extra={"x-body": "InterfaceBody"}
)
async def draft(request: Request, hub: HubDep, actor: StaffDep) -> Response:
    """The next version, or the newest draft again: a repeat changes nothing."""
    body, _ = await read_json(request, InterfaceBody, max_bytes=hub.settings.max_body_bytes)
    made = await hub.interfaces.draft(actor, body.definition)
    location = {"Location": f"/api/v1/interfaces/{made.code}/draft?version={made.version}"}
    return JSONResponse(made.as_json(), status_code=201, headers=location)


@router.get("/interfaces/{code}/draft", summary="A version as its owner sees it 本部门接口版本")
async def show(code: CodeText, hub: HubDep, actor: StaffDep, version: VersionQuery = None) -> Response:
    """Definition, history, trials, quarantine, who has grants."""
    return JSONResponse((await hub.interfaces.show(actor, code, version)).as_json())


@router.get("/interfaces/{code}/export", summary="The YAML document 导出定义")
async def export(code: CodeText, hub: HubDep, actor: StaffDep, version: VersionQuery = None) -> Response:
    """What is imported gives the same version again."""
    text = await hub.interfaces.export(actor, code, version)
    return Response(text, media_type="application/yaml; charset=utf-8")


@router.post("/interfaces/{code}/check", summary="What is missing 检查")
async def check(code: CodeText, hub: HubDep, actor: StaffDep, version: VersionQuery = None) -> Response:
    """200 with every fault and its place; the source is not asked."""
    lacks = await hub.interfaces.check(actor, code, version)
    return JSONResponse({"errors": [{"pointer": lack.pointer, "rule": lack.rule} for lack in lacks]})


@router.post("/interfaces/{code}/trials", summary="A live test 调试", openapi_extra={"x-body": "TrialBody"})
async def try_out(
    request: Request, code: CodeText, hub: HubDep, actor: StaffDep, version: VersionQuery = None
) -> Response:
    """Asks the source once; values come back masked. On the ledger without parameters."""
    body, _ = await read_json(request, TrialBody, max_bytes=hub.settings.max_body_bytes)
    return JSONResponse((await hub.trials.try_out(actor, code, version, params=body.params)).as_json())


@router.post("/interfaces/{code}/quality", summary="Data quality 数据质量", openapi_extra={"x-body": "ListingBody"})
async def quality(
    request: Request, code: CodeText, hub: HubDep, actor: StaffDep, version: VersionQuery = None
) -> Response:
    """A dry run on rows that the source lists: counts and row numbers, for the owner alone."""
    body, _ = await read_json(request, ListingBody, max_bytes=hub.settings.max_body_bytes)
    return JSONResponse((await hub.trials.listed(actor, code, version, operation=body.operation)).as_json())


@router.post("/interfaces/{code}/submit", summary="Offer for approval 提交审批")
async def submit(code: CodeText, hub: HubDep, actor: StaffDep, version: VersionQuery = None) -> Response:
    """Draft → test; what is missing is named all at once (409)."""
    return JSONResponse((await hub.interfaces.to_test(actor, code, version)).as_json())


@router.post("/interfaces/{code}/publish", summary="Take it live 发布", openapi_extra={"x-body": "PublishBody"})
async def publish(
    request: Request, code: CodeText, hub: HubDep, actor: StaffDep, version: VersionQuery = None
) -> Response:
    """By an approver who is not among its authors."""
    body, _ = await read_json(request, PublishBody, max_bytes=hub.settings.max_body_bytes)
    return JSONResponse((await hub.interfaces.take_live(actor, code, version, confirmed=body.confirmed)).as_json())


@router.post(
    "/interfaces/{code}/deprecate", summary="Announce the end 预告停用", openapi_extra={"x-body": "DeprecateBody"}
)
async def deprecate(
    request: Request, code: CodeText, hub: HubDep, actor: StaffDep, version: VersionQuery = None
) -> Response:
    """Answers who has grants and must be told."""
    body, _ = await read_json(request, DeprecateBody, max_bytes=hub.settings.max_body_bytes)
    ends_at: datetime = body.ends_at
    return _holders(await hub.interfaces.deprecate(actor, code, version, ends_at=ends_at, reason=body.reason))


@router.post("/interfaces/{code}/withdraw", summary="End it for good 撤回", openapi_extra={"x-body": "ReasonBody"})
async def withdraw(
    request: Request, code: CodeText, hub: HubDep, actor: StaffDep, version: VersionQuery = None
) -> Response:
    """At once."""
    body, _ = await read_json(request, ReasonBody, max_bytes=hub.settings.max_body_bytes)
    return _holders(await hub.interfaces.withdraw(actor, code, version, reason=body.reason))


@router.post("/interfaces/{code}/reinstate", summary="Take back the end 恢复")
async def reinstate(code: CodeText, hub: HubDep, actor: StaffDep, version: VersionQuery = None) -> Response:
    """Deprecated → live."""
    return JSONResponse((await hub.interfaces.reinstate(actor, code, version)).as_json())


@router.post("/interfaces/{code}/lift", summary="End a quarantine 解除隔离")
async def lift(code: CodeText, hub: HubDep, actor: StaffDep, version: VersionQuery = None) -> Response:
    """After a live test has passed since it began."""
    await hub.trials.lift(actor, code, version)
    return Response(status_code=204)


def _holders(holders: tuple[Holder, ...]) -> Response:
    return JSONResponse({"holders": [holder.as_json() for holder in holders]})


BODIES: Final = (InterfaceBody, TrialBody, ListingBody, PublishBody, DeprecateBody)
