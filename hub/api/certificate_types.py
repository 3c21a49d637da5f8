"""Certificate types 证照类型: found, read in full, changed by two persons. Systems read; staff propose."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Field

from certificates.definitions.checks import problems_of
from hub.access.actors import Actor
from hub.api.either import EitherDep
from hub.deps import HubDep, StaffDep
from hub.edge.body import Body, read_json
from hub.issuing.types.registry import TypeInForce
from hub.issuing.types.service import check_description
from hub.registry.cursors import Cursors
from hub.registry.sharing import TYPE, TYPE_END
from hub.registry.viewers import Viewer
from hub.runtime import Hub

router = APIRouter(prefix="/api/v1", tags=["certificate types"])
CodeText = Annotated[str, Field(pattern=r"^[0-9A-Za-z_]{1,64}$")]
Words = Annotated[str, Query(max_length=100, description="代码、简称或名称的一部分 Part of a code or name")]
Limit = Annotated[int, Query(ge=1, le=500)]
Cursor = Annotated[str | None, Query(max_length=1024, description="As `next` of the page before")]
VersionQuery = Annotated[int | None, Query(ge=1, description="Default: the newest 缺省为最新版本")]
_KINDS: Final = r"^(certificate|proof|approval|appraisal|result)?$"


class TypeBody(Body):
    """A description as its YAML says it, and why."""

    definition: Annotated[str, Field(min_length=1, max_length=64 * 1024)]
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class TypeTextBody(Body):
    """A description to be checked."""

    definition: Annotated[str, Field(min_length=1, max_length=64 * 1024)]


class TypeEndBody(Body):
    """Why nothing more is issued."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]
    legal_basis: Annotated[str, Field(min_length=1, max_length=500)]


BODIES = (TypeBody, TypeTextBody, TypeEndBody)


@router.get("/certificate-types", summary="Certificate types in force 证照类型")
async def list_types(
    hub: HubDep,
    reader: EitherDep,
    q: Words = "",
    kind: Annotated[str, Query(pattern=_KINDS)] = "",
    limit: Limit = 500,
    cursor: Cursor = None,
) -> JSONResponse:
    """Codes, titles and claims, by code. `q` finds part of a code, short name or name."""
    del reader
    cursors = Cursors(hub.vault.row_mac(b"derive\x1fcursor of types"))
    scope = ["certificate-types", q, kind]
    after = str(cursors.open(cursor, scope=scope)[0]) if cursor else ""
    wanted = q.strip().casefold()
    found = [
        item
        for code, item in sorted(hub.types.current().items())
        if code > after and kind in {"", item.type.kind.value} and wanted in _words_of(item)
    ]
    page = found[:limit]
    more = cursors.seal([page[-1].type.code], scope=scope) if len(found) > limit else None
    return JSONResponse({"certificate_types": [_brief(item) for item in page], "next": more})


@router.get("/certificate-types/{code}", summary="One certificate type 证照类型详情")
async def get_type(code: CodeText, hub: HubDep, reader: EitherDep) -> JSONResponse:
    """By code or short name: metadata, claim schema, every version with what it changed."""
    viewer = Viewer.of(reader) if isinstance(reader, Actor) else Viewer.system(reader)
    found = await hub.registry.typing.shown(code)
    listed = {} if found["state"] == "retired" else await hub.catalogue.reader.certificate_type(viewer, found["code"])
    listed.pop("state", None)
    return JSONResponse(found | listed)


@router.get("/certificate-types/{code}/definition", summary="The YAML document 证照类型定义")
async def get_definition(code: CodeText, hub: HubDep, reader: EitherDep, version: VersionQuery = None) -> Response:
    """As it was written; to be changed and proposed again."""
    del reader
    text = await hub.registry.typing.text_of(code, version)
    return Response(text, media_type="application/yaml; charset=utf-8")


@router.post("/certificate-types/check", summary="Check one 检查定义", openapi_extra={"x-body": "TypeTextBody"})
async def check(request: Request, hub: HubDep, actor: StaffDep) -> Response:
    """200 with every fault and its place, and advice; nothing is kept."""
    del actor
    body, _ = await read_json(request, TypeTextBody, max_bytes=hub.settings.max_body_bytes)
    return JSONResponse({"errors": [problem.as_json() for problem in problems_of(body.definition)]})


@router.post(
    "/certificate-types", status_code=201, summary="Propose a type 新增证照类型", openapi_extra={"x-body": "TypeBody"}
)
async def propose(request: Request, hub: HubDep, actor: StaffDep) -> Response:
    """A proposal: it comes into force when a second person confirms it."""
    body, _ = await read_json(request, TypeBody, max_bytes=hub.settings.max_body_bytes)
    check_description(body.definition)
    return await _proposed(hub, actor, TYPE, {"definition": body.definition}, body.reason)


@router.patch(
    "/certificate-types/{code}", status_code=201, summary="Propose a version 修订", openapi_extra={"x-body": "TypeBody"}
)
async def revise(request: Request, code: CodeText, hub: HubDep, actor: StaffDep) -> Response:
    """The next version, whole. 409 names everything that would make it a type of its own."""
    body, _ = await read_json(request, TypeBody, max_bytes=hub.settings.max_body_bytes)
    await hub.registry.typing.check_next(code, body.definition)
    return await _proposed(hub, actor, TYPE, {"definition": body.definition}, body.reason)


@router.post(
    "/certificate-types/{code}/retire",
    status_code=201,
    summary="Propose its end 停止颁发",
    openapi_extra={"x-body": "TypeEndBody"},
)
async def retire(request: Request, code: CodeText, hub: HubDep, actor: StaffDep) -> Response:
    """Nothing more is issued when a second person confirms it; licences stay what they are."""
    body, _ = await read_json(request, TypeEndBody, max_bytes=hub.settings.max_body_bytes)
    known = await hub.registry.typing.shown(code)
    told = {"code": known["code"], "reason": body.reason, "legal_basis": body.legal_basis}
    return await _proposed(hub, actor, TYPE_END, told, body.reason)


@router.get("/certificate-type-proposals", summary="What waits for the own department 待复核的类型变更")
async def waiting(hub: HubDep, actor: StaffDep) -> Response:
    """For engineers and approvers of the defining department; confirmed at `/proposals/{id}/confirm`."""
    found = await hub.sharing.proposals.waiting_on(actor)
    return JSONResponse({"proposals": [item.as_json() for item in found]})


async def _proposed(hub: Hub, actor: Actor, action: str, payload: dict[str, Any], reason: str) -> Response:
    made = await hub.sharing.proposals.propose(actor, action, payload, reason)
    return JSONResponse(made.as_json(), status_code=201)


def _words_of(item: TypeInForce) -> str:
    name = item.type.name
    return f"{item.type.code} {item.type.slug} {name.zh} {name.en}".casefold()


def _brief(item: TypeInForce) -> dict[str, Any]:
    return {
        "code": item.type.code,
        "version": item.version,
        "slug": item.type.slug,
        "name": {"zh": item.type.name.zh, "en": item.type.name.en},
        "kind": item.type.kind.value,
        "custody": item.type.custody.value,
        "defining_authority": {"name": item.type.defining_authority.name, "uscc": item.type.defining_authority.uscc},
        "claims": {name: {"zh": claim.title.zh, "en": claim.title.en} for name, claim in item.type.claims.items()},
    }
