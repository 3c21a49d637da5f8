"""Who looked, for programs: the list, filtered as on the page, and the same as a file. Own, and a principal's."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response

from hub.api.me import Cursor
from hub.api.me_acting import ActingKey
from hub.citizens.access_filter import FIRST_DAY, LAST_DAY, Wanted
from hub.citizens.acting.values import Scope
from hub.citizens.paging import Pages
from hub.citizens.values import Whose
from hub.deps import HubDep, LanguageDep, UuidText
from hub.runtime import Hub
from hub.web.citizen.access_files import Form, count_file, file_of
from hub.web.citizen.access_told import access_json, telling
from hub.web.citizen.visit import HolderDep

router = APIRouter(prefix="/api/v1/me", tags=["me"])
Day = Annotated[date | None, Query(ge=FIRST_DAY, le=LAST_DAY)]
Size = Annotated[int | None, Query(ge=1, le=100)]


async def wanted(
    look: Annotated[Literal["look", "nothing", "own", "change"] | None, Query(alias="class")] = None,
    department: Annotated[str | None, Query(pattern=r"^[0-9A-Z]{18}$")] = None,
    since: Day = None,
    until: Day = None,
) -> Wanted:
    """Of a class, a department (its code), and days of Beijing, both included."""
    return Wanted(look or "", department or "", since, until)


WantedDep = Annotated[Wanted, Depends(wanted)]


@router.get("/accesses", summary="Who looked 谁看过")
async def accesses(
    holder: HolderDep,
    hub: HubDep,
    language: LanguageDep,
    wanted: WantedDep,
    cursor: Cursor = None,
    size: Size = None,
) -> JSONResponse:
    """Every entry of the ledger about him, the newest first: or of a class, a department, and days, both included. Of
    one department a page may be short, or empty, while `next` leads on.
    """
    return await _listed(hub, holder, language, wanted, cursor, size)


@router.get("/accesses/file", summary="Who looked, as a file 下载谁看过")
async def file(
    request: Request, holder: HolderDep, hub: HubDep, language: LanguageDep, wanted: WantedDep,
    form: Annotated[Form, Query(alias="format")] = "json",
) -> Response:  # fmt: skip
    """`csv`: the newest 20 000. `json`: the newest 1000, each with its proof, which `yizheng ledger check` checks."""
    await count_file(request, holder)
    return await file_of(hub, holder, wanted, form, telling(language))


@router.get("/accesses/{entry_id}", summary="One of them 单条记录")
async def access(entry_id: UuidText, holder: HolderDep, hub: HubDep, language: LanguageDep) -> JSONResponse:
    """One about somebody else is 404. Its proof: `GET /api/v1/ledger/entries/{id}/proof`."""
    return JSONResponse(access_json(await hub.citizens.accesses.one(holder, entry_id), telling(language)))


@router.get("/acting/{key}/accesses", summary="Who looked at the principal's data 谁看过被代办人")
async def of_principal(
    key: ActingKey,
    holder: HolderDep,
    hub: HubDep,
    language: LanguageDep,
    wanted: WantedDep,
    cursor: Cursor = None,
    size: Size = None,
) -> JSONResponse:
    """Every entry about the principal, what his representatives did among them; filtered as one's own."""
    whose = await hub.citizens.others.acting.act(holder, key, Scope.ACCESSES, "accesses")
    return await _listed(hub, whose, language, wanted, cursor, size)


@router.get("/acting/{key}/accesses/file", summary="The same as a file 下载谁看过被代办人")
async def file_of_principal(
    request: Request, key: ActingKey, holder: HolderDep, hub: HubDep, language: LanguageDep, wanted: WantedDep,
    form: Annotated[Form, Query(alias="format")] = "json",
) -> Response:  # fmt: skip
    """As one's own. Fetching it is an entry about the principal."""
    await count_file(request, holder)
    whose = await hub.citizens.others.acting.act(holder, key, Scope.ACCESSES, "accesses")
    return await file_of(hub, whose, wanted, form, telling(language))


async def _listed(
    hub: Hub, whose: Whose, language: str, wanted: Wanted, cursor: str | None, size: int | None
) -> JSONResponse:
    pages, t = Pages(hub.catalogue.cursors, whose, "accesses"), telling(language)
    found, behind = await hub.citizens.accesses.listed(whose, pages.after(cursor), wanted=wanted, size=size)
    return JSONResponse({"accesses": [access_json(item, t) for item in found], "next": pages.next(behind)})
