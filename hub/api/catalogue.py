"""The catalogue 目录: search and entries in full. For authenticated systems; drafts of others do not exist."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import Field

from catalog.store import systems_of
from hub.access.service import Caller
from hub.clock import rfc3339
from hub.deps import CallerDep, HubDep
from hub.registry.catalogue_views import Held
from hub.registry.search import MAX_LIMIT, Ask, Hit, Page
from hub.registry.search_documents import EntryKind
from hub.registry.viewers import Viewer
from hub.runtime import Hub
from hub.storage.errors import MissingError

router = APIRouter(prefix="/api/v1", tags=["catalogue"])
CodeText = Annotated[str, Field(pattern=r"^[0-9A-Za-z_.-]{1,64}$")]
Words = Annotated[
    str, Query(max_length=200, description="中文、英文、拼音、首字母、代码 Chinese, English, pinyin, codes")
]
Values = Annotated[str, Query(max_length=1000, description="多个取值以逗号分隔 Several values with commas between")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=1024, description="As `next` of the page before")]


@router.get("/catalogue", summary="Search 搜索目录")
async def search(
    hub: HubDep,
    caller: CallerDep,
    q: Words = "",
    kind: Values = "",
    department: Values = "",
    theme: Values = "",
    sharing: Values = "",
    update_cycle: Values = "",
    state: Values = "",
    limit: Limit = 20,
    cursor: Cursor = None,
) -> JSONResponse:
    """Certificate types, interfaces, matters and departments, best first, with counts for every filter.

    A filter with several values means any of them. Without `q` everything is listed. `near`: nothing answers the
    query, these come closest; then `POST /api/v1/demands` says what is wanted to whoever most likely has it.
    """
    filters = {
        "kind": kind, "department": department, "theme": theme, "sharing": sharing, "update_cycle": update_cycle,
        "state": state,
    }  # fmt: skip
    chosen = {name: tuple(values.split(",")) for name, values in filters.items() if values}
    return await _answer(hub, caller, Ask(q, chosen, limit, cursor))


@router.get("/interfaces", summary="Interfaces 数据接口")
async def list_interfaces(
    hub: HubDep, caller: CallerDep, q: Words = "", limit: Limit = 20, cursor: Cursor = None
) -> JSONResponse:
    """Published ones, and the own department's that are being written."""
    return await _answer(hub, caller, Ask(q, {"kind": (EntryKind.INTERFACE.value,)}, limit, cursor))


@router.get("/interfaces/{code}", summary="One interface 数据接口详情")
async def get_interface(
    code: CodeText, hub: HubDep, caller: CallerDep, version: Annotated[int | None, Query(ge=1)] = None
) -> JSONResponse:
    """Core metadata, terms of every field with reasons, parameters, versions, notices, and what is granted to you."""
    return JSONResponse(await hub.catalogue.reader.interface(Viewer.system(caller), code, version=version))


@router.get("/certificate-types/{code}", summary="One certificate type 证照类型详情")
async def get_type(code: CodeText, hub: HubDep, caller: CallerDep) -> JSONResponse:
    """By code or short name."""
    return JSONResponse(await hub.catalogue.reader.certificate_type(Viewer.system(caller), code))


@router.get("/departments", summary="Departments 部门")
async def list_departments(hub: HubDep, caller: CallerDep) -> JSONResponse:
    """Closed ones too, each with its successor."""
    return JSONResponse({"departments": await hub.catalogue.reader.departments(Viewer.system(caller))})


@router.get("/departments/{code}", summary="One department 部门详情")
async def get_department(code: CodeText, hub: HubDep, caller: CallerDep) -> JSONResponse:
    """By its unified social credit code."""
    return JSONResponse(await hub.catalogue.reader.department(Viewer.system(caller), code))


@router.get("/matters/{code}", summary="One matter 事项详情")
async def get_matter(code: CodeText, hub: HubDep, caller: CallerDep) -> JSONResponse:
    """Its roles and what it asks to see proven."""
    return JSONResponse(await hub.catalogue.reader.matter(Viewer.system(caller), code))


@router.get("/systems", summary="One's own systems 本部门应用系统")
async def list_systems(hub: HubDep, caller: CallerDep) -> JSONResponse:
    """The systems of the caller's department."""
    return JSONResponse({"systems": await _systems(hub, caller)})


@router.get("/systems/{client_id}", summary="One of one's own systems 本部门应用系统详情")
async def get_system(client_id: CodeText, hub: HubDep, caller: CallerDep) -> JSONResponse:
    """Somebody else's is a 404."""
    found = next((item for item in await _systems(hub, caller) if item["client_id"] == client_id), None)
    if found is None:
        raise MissingError("system")
    return JSONResponse(found)


async def _answer(hub: Hub, caller: Caller, ask: Ask) -> JSONResponse:
    viewer = Viewer.system(caller)
    page = await hub.catalogue.search.search(viewer, ask)
    return JSONResponse(shown_page(page, await hub.catalogue.reader.granted(viewer)))


async def _systems(hub: Hub, caller: Caller) -> list[dict[str, Any]]:
    return await hub.database.read(lambda tx: systems_of(tx, caller.department_id))


def shown_page(page: Page, granted: Any = None) -> dict[str, Any]:
    """A page of a search as JSON."""
    return {
        "total": page.total,
        "near": page.near,
        "entries": [
            _shown_hit(hit, (granted or {}).get((hit.document.kind.value, hit.document.code), [])) for hit in page.hits
        ],
        "facets": {name: dict(counts) for name, counts in page.facets.items()},
        "next": page.cursor,
    }


def _shown_hit(hit: Hit, granted: list[Held]) -> dict[str, Any]:
    document = hit.document
    return {
        "kind": document.kind.value,
        "code": document.code,
        "title": dict(document.title),
        "marked": {language: list(pieces) for language, pieces in hit.title.items()},
        "summary": dict(document.summary),
        "department": {"code": document.facets.get("department"), "name": dict(document.department)},
        "theme": document.facets.get("theme"),
        "sharing": document.facets.get("sharing"),
        "update_cycle": document.facets.get("update_cycle"),
        "state": document.facets["state"],
        "version": document.version,
        "published_at": rfc3339(document.published_at) if document.published_at else None,
        "ends_at": rfc3339(document.ends_at) if document.ends_at else None,
        "granted": [item.as_json() for item in granted],
    }
