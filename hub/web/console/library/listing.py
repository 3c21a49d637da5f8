"""Licences: a list by type, state and day; one by its identifier; those of a holder, whose number stands in no URL."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection
from starlette.responses import Response

from catalog.errors import IdentifierError
from catalog.identifiers import ID_TYPES, check, normalise_id
from certificates.lifecycle.history import moment_of
from hub.access.actors import Actor, Role
from hub.collection.report import spreadsheet_safe
from hub.deps import HubDep
from hub.issuing.plan import lookup_hash
from hub.issuing.shelf import EXPIRING, STAFF, Found, Shelf, held_by, look_along
from hub.registry.meanings import Words
from hub.runtime import Hub
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import render
from hub.web.console.library.words import STATUSES
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
LIST: Final = "/console/licences"
_IdText = Annotated[str, Query(max_length=36, pattern=r"^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?$")]
_Short = Annotated[str, Query(max_length=128)]
_COLUMNS: Final[tuple[Words, ...]] = (
    ("证照标识", "Identifier"),
    ("证照", "Licence"),
    ("状态", "State"),
    ("颁发日期", "Issued"),
    ("有效期至", "Valid until"),
)
_HOLDER: Final[tuple[Words, ...]] = (("持证主体", "Holder"), ("证件类型", "Kind of document"))
_DAY: Final[Words] = ("请按 2026-01-31 的格式填写", "Write a day as 2026-01-31")
_NUMBER: Final[dict[str, Words]] = {
    "length": ("号码位数不对", "The number has the wrong length"),
    "character": ("号码含有不允许的字符", "The number has a character that it cannot have"),
    "date": ("号码中的日期不存在", "The date within the number is none"),
    "check_digit": ("校验位不对，请核对是否输错", "The check character is wrong: is it mistyped?"),
    "type": ("请选择证件类型", "Choose the kind of document"),
}


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the address asks for, as it was written and as it is looked for, and what is wrong with it."""

    words: dict[str, str]
    shelf: Shelf
    errors: list[FieldError]

    def query(self, after: str) -> str:
        """The same list as a query, from a place on."""
        return urlencode({name: value for name, value in (self.words | {"after": after}).items() if value})


def _asked(type_code: str, status: str, first: str, last: str, identifier: str, after: str) -> _Asked:
    errors: list[FieldError] = []
    shelf = Shelf(
        identifier=identifier.strip(),
        type_code=type_code,
        status=status,
        first=_day("first", first, errors),
        last=_day("last", last, errors),
        after=after or None,
    )
    words = {"type": type_code, "status": status, "first": first, "last": last, "identifier": shelf.identifier}
    return _Asked(words, shelf, errors)


@router.get(LIST, response_class=HTMLResponse)
async def licences(
    request: Request,
    hub: HubDep,
    actor: ConsoleDep,
    type: _Short = "",  # noqa: A002  # its name in the address
    status: _Short = "",
    first: _Short = "",
    last: _Short = "",
    identifier: _Short = "",
    after: _IdText = "",
) -> HTMLResponse:
    """The newest first, twenty-five a page. An identifier leads to that version and to nothing else."""
    asked = _asked(type, status, first, last, identifier, after)
    found = await _found(hub, actor, asked)
    return render(
        request, "console/library_list.html", actor, status=422 if asked.errors else 200, errors=asked.errors,
        found=found, asked=asked.words, narrowed=any(asked.words.values()), more=asked.query(found.after or ""),
        csv=f"{LIST}.csv?{asked.query(asked.shelf.after or '')}", **await _frame(hub, actor),
    )  # fmt: skip


@router.get(LIST + ".csv")
async def as_csv(
    request: Request,
    hub: HubDep,
    actor: ConsoleDep,
    type: _Short = "",  # noqa: A002  # its name in the address
    status: _Short = "",
    first: _Short = "",
    last: _Short = "",
    identifier: _Short = "",
    after: _IdText = "",
) -> Response:
    """Exactly the rows of that page, for a spreadsheet; personal numbers are masked as there. That they were taken away
    is on the ledger first.
    """
    asked = _asked(type, status, first, last, identifier, after)

    def take(tx: Connection) -> Found:
        now = hub.clock()
        found = look_along(tx, hub.vault, actor, asked.shelf, now=now)
        words = {name: value for name, value in asked.words.items() if value}
        hub.staff.accounts.record(tx, "certificate.list", actor, {"asked": words, "found": len(found.items)}, now)
        return found

    found = await _found(hub, actor, asked) if asked.errors else await hub.database.write(take)
    frame, t = await _frame(hub, actor), view_of(request).t
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    holders = frame["may_see_holders"]
    head = [*_COLUMNS[:2], *(_HOLDER if holders else ()), *_COLUMNS[2:]]
    writer.writerow([t(*words) for words in head])
    for item in found.items:
        kind = ID_TYPES.get(item.id_type)
        holder = (item.number, t(kind.zh, kind.en) if kind else "") if holders else ()
        zh, en, _ = STATUSES.get(item.status, (item.status, item.status, ""))
        named = t(*frame["names"].get(item.type_code, (item.type_code, item.type_code)))
        cells = (item.identifier, named, *holder, t(zh, en), item.issued_on, item.valid_until or "")
        writer.writerow(map(spreadsheet_safe, cells))
    headers = {"Content-Disposition": 'attachment; filename="licences.csv"'}
    # With the mark, spreadsheets read it as UTF-8.
    return Response("\ufeff" + text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get(LIST + "/holder", response_class=HTMLResponse)
async def holder_form(request: Request, actor: ConsoleDep) -> HTMLResponse:
    """Whose licences are looked for, and why."""
    return _holder_page(request, actor, Form({}))


@router.post(LIST + "/holder", response_class=HTMLResponse)
async def of_holder(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What the holder has from this department. The page is the answer to the form: nothing of it is in an address."""
    actor.require(*STAFF)
    given = await form(request)
    errors: list[FieldError] = []
    kind = given.text("id_type")
    number = _number(kind, given.text("number"), errors)
    reason = given.text("reason")
    if not 0 < len(reason) <= 500:
        errors.append(FieldError("reason", "请写明查询事由，最多 500 字", "Say why, in at most 500 characters"))
    as_of = _moment(given.text("as_of"), errors)
    if errors:
        return _holder_page(request, actor, given, errors)
    hashes = [lookup_hash(hub.vault, kind, number)]
    found = await hub.database.write(
        lambda tx: held_by(tx, hub.vault, actor, hashes, reason, now=hub.clock(), as_of=as_of)
    )
    frame = await _frame(hub, actor)
    return render(request, "console/library_holder.html", actor, given=given, kinds=_kinds(), found=found, **frame)


async def _found(hub: Hub, actor: Actor, asked: _Asked) -> Found:
    """What is there; nothing, for whoever may look, where the question is wrong."""
    if asked.errors:
        actor.require(*STAFF, Role.OPERATOR, Role.AUDITOR)
        return Found([], None)
    return await hub.database.read(lambda tx: look_along(tx, hub.vault, actor, asked.shelf, now=hub.clock()))


async def _frame(hub: Hub, actor: Actor) -> dict[str, Any]:
    """Names of types, and what may be done from here."""
    names: dict[str, Words] = {}
    for code in hub.types.codes():
        known = hub.types.find(code)
        names[code] = (known.type.name.zh, known.type.name.en) if known else (code, code)
    return {
        "list_path": LIST,
        "statuses": STATUSES,
        "expiring": EXPIRING,
        "names": names,
        "id_kinds": ID_TYPES,
        "may_see_holders": actor.department_id is not None and bool(actor.roles.intersection(STAFF)),
        "may_issue": actor.department_id is not None and bool(actor.roles.intersection(STAFF)),
    }


def _holder_page(request: Request, actor: Actor, given: Form, errors: Sequence[FieldError] = ()) -> HTMLResponse:
    actor.require(*STAFF)
    status = 422 if errors else 200
    return render(
        request, "console/library_holder.html", actor, status=status, errors=errors, given=given, kinds=_kinds(),
        found=None, list_path=LIST,
    )  # fmt: skip


def _kinds() -> list[tuple[str, Words]]:
    return [(kind.code, (kind.zh, kind.en)) for kind in ID_TYPES.values()]


def _number(kind: str, text: str, errors: list[FieldError]) -> str:
    """The number in its canonical spelling; what is wrong with it is said beside its field."""
    if kind not in ID_TYPES:
        errors.append(FieldError("id_type", *_NUMBER["type"]))
        return ""
    number = normalise_id(kind, text).value
    try:
        check(kind, number)
    except IdentifierError as error:
        errors.append(FieldError("number", *_NUMBER[error.reason]))
    return number


def _moment(text: str, errors: list[FieldError]) -> datetime | None:
    try:
        return moment_of(text) if text else None
    except ValueError:
        errors.append(FieldError("as_of", *_DAY))
        return None


def _day(name: str, text: str, errors: list[FieldError]) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        errors.append(FieldError(name, *_DAY))
        return None
