"""The catalogue 目录: search and entries in full. For authenticated systems; drafts of others do not exist."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, Field

from catalog.grants import CaseKind
from catalog.matters.describing import described
from catalog.store import list_matters as stored_matters
from catalog.store import systems_of
from hub.access.service import Caller
from hub.api.cases import Facts
from hub.clock import rfc3339
from hub.deps import CallerDep, HubDep, LanguageDep
from hub.edge.body import Body, read_json
from hub.registry.catalogue.views import Held
from hub.registry.matters.service import Asked, Product
from hub.registry.search.documents import EntryKind
from hub.registry.search.service import MAX_LIMIT, Ask, Hit, Page
from hub.registry.viewers import Viewer
from hub.runtime import Hub
from hub.storage.errors import MissingError

router = APIRouter(prefix="/api/v1", tags=["catalogue"])


def _existing(day: str) -> str:
    date.fromisoformat(day)
    return day


CodeText = Annotated[str, Field(pattern=r"^[0-9A-Za-z_.-]{1,64}$")]
Words = Annotated[
    str, Query(max_length=200, description="中文、英文、拼音、首字母、代码 Chinese, English, pinyin, codes")
]
Values = Annotated[str, Query(max_length=1000, description="多个取值以逗号分隔 Several values with commas between")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Roles = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=32)], ...], Field(max_length=20)]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_existing)]
Cursor = Annotated[str | None, Query(max_length=1024, description="As `next` of the page before")]


class GuideBody(Body):
    """For whom, and in which situation. Without `parties` nobody has said who takes part."""

    kind: Literal["guide", "script", "checklist"] = "guide"
    facts: Facts = Field(default_factory=dict)
    parties: Roles | None = None
    case_kind: Literal["application", "ex_officio"] = "application"
    filed_on: Day | None = None
    situation: CodeText | None = None


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


@router.get("/departments", summary="Departments 部门")
async def list_departments(hub: HubDep, caller: CallerDep) -> JSONResponse:
    """Closed ones too, each with its successor."""
    return JSONResponse({"departments": await hub.catalogue.reader.departments(Viewer.system(caller))})


@router.get("/departments/{code}", summary="One department 部门详情")
async def get_department(code: CodeText, hub: HubDep, caller: CallerDep) -> JSONResponse:
    """By its unified social credit code."""
    return JSONResponse(await hub.catalogue.reader.department(Viewer.system(caller), code))


@router.get("/matters", summary="Matters and their requirements 政务服务事项")
async def list_matters(hub: HubDep, caller: CallerDep) -> JSONResponse:
    """What each matter asks to see proven, about whom."""
    del caller
    matters = [described(matter) for matter in await hub.database.read(stored_matters)]
    return JSONResponse({"matters": matters})


@router.get("/matters/{code}", summary="One matter 事项详情")
async def get_matter(code: CodeText, hub: HubDep, caller: CallerDep) -> JSONResponse:
    """Its roles and what it asks to see proven."""
    return JSONResponse(await hub.catalogue.reader.matter(Viewer.system(caller), code))


@router.post("/matters/{code}/guide", summary="Guide 办事指南", openapi_extra={"x-body": "GuideBody"})
async def guide_matter(
    code: CodeText, request: Request, caller: CallerDep, hub: HubDep, language: LanguageDep
) -> JSONResponse:
    """`guide`: what the applicant needs, what is not to be brought and why, which questions are open. `script`: what
    the clerk asks and says. `checklist`: what the approver checks, when and on which law. Nobody's data is read.
    """
    del caller
    body, _ = await read_json(request, GuideBody, max_bytes=hub.settings.max_body_bytes)
    day = date.fromisoformat(body.filed_on) if body.filed_on else None
    parties = None if body.parties is None else frozenset(body.parties)
    asked = Asked(Product(body.kind), body.facts, parties, CaseKind(body.case_kind), day, body.situation)
    return JSONResponse((await hub.registry.matters.explain(code, asked, language)).as_json())


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
