"""Who looked: the whole of it, or what somebody wants to read of it; and the same as a file. One's own, and a
principal's.

What is wanted stands in the address: a department's code, a class, days. Nothing in it is about the person.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy import Connection

from catalog.store import list_departments
from hub.citizens.access_filter import CLASSES, EVERYTHING, FIRST_DAY, LAST_DAY, Wanted
from hub.citizens.accesses import PAGE
from hub.citizens.acting.values import Scope
from hub.citizens.paging import Pages
from hub.citizens.values import Holder, Whose
from hub.deps import HubDep
from hub.runtime import Hub
from hub.web.citizen.access_files import MOST, Form, count_file, file_of
from hub.web.citizen.access_told import LOOKS
from hub.web.citizen.acting import ACTING, ActingKey, acting_values
from hub.web.citizen.frame import redirect, render
from hub.web.citizen.looks import looks
from hub.web.citizen.visit import HolderDep
from hub.web.console.forms import FieldError
from hub.web.console.view import View, view_of

router = APIRouter()
ACCESSES: Final = "/me/accesses"
SIZES: Final = (PAGE, 100)
_DAY: Final = ("日期写作 2026-01-31", "A day is written 2026-01-31")
_Text = Annotated[str, Query(max_length=18)]
Cursor = Annotated[str, Query(max_length=1024)]
Asked = Mapping[str, str]


async def asked_for(
    look: _Text = "", department: _Text = "", since: _Text = "", until: _Text = "", size: _Text = ""
) -> Asked:
    """What stands in the address, as it was typed."""
    return {"look": look, "department": department, "since": since, "until": until, "size": size}


AskedDep = Annotated[Asked, Depends(asked_for)]


@router.get(ACCESSES, response_class=HTMLResponse)
async def accesses(
    request: Request, hub: HubDep, holder: HolderDep, asked: AskedDep, cursor: Cursor = ""
) -> HTMLResponse:
    """Every entry of the ledger about him, in plain words, or those that he wants to read."""
    values = await _page(request, hub, holder, asked, cursor, ACCESSES)
    return render(request, "me/accesses.html", holder, **values)


@router.get(ACCESSES + ".csv")
async def as_csv(request: Request, hub: HubDep, holder: HolderDep, asked: AskedDep) -> Response:
    """The same as a table."""
    return await _file(request, hub, holder, asked, "csv")


@router.get(ACCESSES + ".json")
async def as_json(request: Request, hub: HubDep, holder: HolderDep, asked: AskedDep) -> Response:
    """The same with the proof of each entry."""
    return await _file(request, hub, holder, asked, "json")


@router.get(ACTING + "/{key}/accesses", response_class=HTMLResponse)
async def of_principal(
    request: Request, key: ActingKey, hub: HubDep, holder: HolderDep, asked: AskedDep, cursor: Cursor = ""
) -> HTMLResponse:
    """Who looked at the principal's data, and who acted for him. The look is an entry of the principal's."""
    whose = await hub.citizens.others.acting.act(holder, key, Scope.ACCESSES, "accesses")
    values = await _page(request, hub, whose, asked, cursor, f"{ACTING}/{key}/accesses")
    return render(request, "me/acting_accesses.html", holder, **acting_values(whose), **values)


@router.get(ACTING + "/{key}/accesses.csv")
async def principals_csv(request: Request, key: ActingKey, hub: HubDep, holder: HolderDep, asked: AskedDep) -> Response:
    """The same as a table; fetching it is an entry, too."""
    return await _file(request, hub, holder, asked, "csv", key)


@router.get(ACTING + "/{key}/accesses.json")
async def principals_json(
    request: Request, key: ActingKey, hub: HubDep, holder: HolderDep, asked: AskedDep
) -> Response:
    """And with proofs."""
    return await _file(request, hub, holder, asked, "json", key)


def read_wanted(asked: Asked) -> tuple[Wanted, list[FieldError]]:
    """What is wanted, and which days are none: those are passed over, and said."""
    errors, days = [], {}
    for name in ("since", "until"):
        try:
            day = date.fromisoformat(asked[name]) if asked[name] else None
        except ValueError:
            errors.append(FieldError(name, *_DAY))
            continue
        if day is not None and not FIRST_DAY <= day <= LAST_DAY:
            errors.append(FieldError(name, *_DAY))
        else:
            days[name] = day
    look = asked["look"] if asked["look"] in CLASSES else ""
    return Wanted(look, asked["department"], days.get("since"), days.get("until")), errors


async def _page(request: Request, hub: Hub, whose: Whose, asked: Asked, cursor: str, base: str) -> dict[str, Any]:
    """What both templates show."""
    wanted, errors = read_wanted(asked)
    many = int(asked["size"]) if asked["size"] in map(str, SIZES) else PAGE
    pages = Pages(hub.catalogue.cursors, whose, "accesses")
    entries, behind = await hub.citizens.accesses.listed(whose, pages.after(cursor), wanted=wanted, size=many)
    said = {name: value for name, value in asked.items() if value}
    view, more = view_of(request), pages.next(behind)
    departments = await hub.database.read(lambda tx: _departments(tx, view))
    query = {name: value for name, value in said.items() if name != "size"}
    return {
        "status": 422 if errors else 200,
        "errors": errors,
        "looks": looks(entries),
        "more": f"{base}?{urlencode({**said, 'cursor': more})}" if more else "",
        "list_path": base,
        "files": {form: f"{base}.{form}?{urlencode(query)}".rstrip("?") for form in MOST},
        "most": MOST,
        "asked": {**asked, "size": str(many)},
        "filtered": wanted != EVERYTHING,
        "classes": [("", view.t("全部", "All")), *((key, view.t(*name)) for key, name in LOOKS.items())],
        "departments": [("", view.t("全部", "All")), *departments],
        "sizes": [(str(size), str(size)) for size in SIZES],
    }


async def _file(
    request: Request, hub: Hub, holder: Holder, asked: Asked, form: Form, key: str | None = None
) -> Response:
    """The file, one's own or, by `key`, a principal's; for a day that is none, the page that says so."""
    wanted, errors = read_wanted(asked)
    if errors:
        base = f"{ACTING}/{key}/accesses" if key else ACCESSES
        return redirect(f"{base}?{urlencode({name: value for name, value in asked.items() if value})}")
    await count_file(request, holder)
    acting = hub.citizens.others.acting
    whose: Whose = await acting.act(holder, key, Scope.ACCESSES, "accesses") if key else holder
    return await file_of(hub, whose, wanted, form, view_of(request).t)


def _departments(tx: Connection, view: View) -> list[tuple[str, str]]:
    return [(item.code, view.t(item.name_zh, item.name_en)) for item in list_departments(tx)]
