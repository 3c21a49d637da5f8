"""Uploading a register 上传登记簿: which type, the file, which column is which field, a dry look, start.

The file goes in sealed parts to the object store while it arrives. From there on it is a batch like one of a system.
"""

from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import PurePath
from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.store import list_departments
from certificates.definitions.certificate_type import CertificateType
from hub.access.actors import Actor, Role
from hub.clock import BEIJING
from hub.collection.batches.looking import LOOKED
from hub.collection.batches.order import PART_BYTES, BatchOrder, BatchView
from hub.collection.batches.store import BatchState
from hub.collection.batches.uploads import Look
from hub.collection.errors import RegisterError
from hub.collection.reading.reader import Format
from hub.deps import HubDep, UuidText
from hub.edge.errors import BadRequestError, BodyTooLargeError
from hub.registry.errors import StateError
from hub.registry.requests.errors import NoSecondPersonError
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.library import upload_mapping
from hub.web.console.library.forms import NO_SECOND
from hub.web.console.library.issue import issued_types
from hub.web.console.library.listing import LIST
from hub.web.console.library.upload_mapping import Chosen, faults
from hub.web.console.library.upload_words import EFFECTS, register_fault
from hub.web.console.owner.batches import LIST as BATCHES
from hub.web.console.streaming import Take, streamed
from hub.web.console.visit import ConsoleDep

router = APIRouter()
UPLOAD: Final = LIST + "/upload"
MAX_BYTES: Final = 256 * 1024 * 1024
_AROUND: Final = 65_536
BODY_LIMITS: Final = {UPLOAD: MAX_BYTES + _AROUND}
_FORMATS: Final = {
    ".csv": Format.CSV,
    ".jsonl": Format.JSON_LINES,
    ".ndjson": Format.JSON_LINES,
    ".xlsx": Format.XLSX,
}
_NO_FILE: Final = FieldError("file", "请选择文件", "Choose a file")
_KINDS: Final = FieldError("file", "只收 CSV、JSONL、XLSX 文件", "Only CSV, JSONL and XLSX files are taken")
_DAY: Final = FieldError("as_of", "请按 2026-01-31 的格式填写，不晚于今天", "Write a day as 2026-01-31, today at most")
_TYPE: Final = FieldError("type", "请选择证照类型", "Choose the type")
_SHEET: Final = FieldError("sheet", "只有 XLSX 文件有工作表", "Only XLSX files have sheets")
_FULL: Final = FieldError(
    "",
    "本部门未办结的批次已满，请先办结或撤回",
    "Your department has as many unfinished batches as there may be: finish or discard one first",
)


class _Receiving:
    """One file on its way into a batch."""

    def __init__(self, hub: Hub, actor: Actor) -> None:
        self._hub = hub
        self._actor = actor
        self._buffer = bytearray()
        self._parts = 0
        self.batch = ""
        self.errors: list[FieldError] = []

    async def open(self, given: Form, name: str) -> Take | None:
        """Make the batch. Where the form is wrong nothing is taken."""
        order = await self._order(given, name)
        if order is None:
            return None
        try:
            self.batch = (await self._hub.collection.batches.create(self._actor, order)).batch.id
        except StateError:
            self.errors.append(_FULL)
            return None
        return self._take

    async def miss(self, given: Form) -> None:
        """No file came: that, and whatever else is wrong."""
        if not self.errors:
            await self._order(given, "")

    async def end(self) -> BatchView:
        """The last part, and the columns. Raises: RegisterError."""
        await self._send(bytes(self._buffer))
        return await self._hub.collection.uploads.read(self._actor, self.batch)

    async def drop(self) -> None:
        """Whoever sent it left in the middle."""
        if self.batch:
            await self._hub.collection.uploads.discard(self._actor, self.batch)

    async def _take(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= PART_BYTES:
            await self._send(bytes(self._buffer[:PART_BYTES]))
            del self._buffer[:PART_BYTES]

    async def _send(self, part: bytes) -> None:
        if part:
            self._parts += 1
            await self._hub.collection.batches.put_part(self._actor, self.batch, self._parts, part)

    async def _order(self, given: Form, name: str) -> BatchOrder | None:
        found = {item.type.code: item for item in await issued_types(self._hub, self._actor)}
        kind, form_of = given.text("type"), _FORMATS.get(PurePath(name).suffix.lower())
        as_of, sheet = _as_of(given.text("as_of"), self._hub.clock()), given.text("sheet")[:64] or None
        in_sheet = sheet is None or form_of is Format.XLSX or not name
        told = (_TYPE, _DAY, _SHEET, _KINDS if name else _NO_FILE)
        right = (kind in found, as_of is not None, in_sheet, form_of is not None)
        self.errors += [error for error, is_so in zip(told, right, strict=True) if not is_so]
        if self.errors or as_of is None or form_of is None:
            return None
        departments = await self._hub.database.read(list_departments)
        issuer = next(item.code for item in departments if item.id == self._actor.department_id)
        return BatchOrder(type=kind, issuer=issuer, as_of=as_of, format=form_of, sheet=sheet)


@router.get(UPLOAD, response_class=HTMLResponse)
async def begin(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The form of a file."""
    return await _first_page(request, hub, actor, Form({}))


@router.post(UPLOAD, response_class=HTMLResponse)
async def send(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """Take the file, read its header, and go on with the mapping."""
    await issued_types(hub, actor)  # who may comes before what is sent
    receiving = _Receiving(hub, actor)
    try:
        given = await streamed(request, receiving.open, max_bytes=MAX_BYTES + _AROUND)
    except (BadRequestError, BodyTooLargeError):
        await receiving.drop()
        raise
    if not receiving.batch:
        await receiving.miss(given)
        return await _first_page(request, hub, actor, given, receiving.errors)
    try:
        await receiving.end()
    except RegisterError as error:
        return await _first_page(request, hub, actor, given, [register_fault(error)])
    return redirect(f"{UPLOAD}/{receiving.batch}")


@router.get(UPLOAD + "/{batch}", response_class=HTMLResponse)
async def mapping(request: Request, batch: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Which column is which field, and what would become of the first rows."""
    view = await hub.collection.batches.view(actor, batch)
    if view.batch.state is not BatchState.OPEN:
        return redirect(f"{BATCHES}/{batch}")
    return await _mapping_page(request, hub, actor, view)


@router.post(UPLOAD + "/{batch}", response_class=HTMLResponse)
async def go_on(request: Request, batch: UuidText, hub: HubDep, actor: ConsoleDep) -> Response:
    """Keep the mapping and look again, or start; or throw the file away."""
    given = await form(request)
    view = await hub.collection.batches.view(actor, batch)
    if given.text("step") == "discard":
        await hub.collection.uploads.discard(actor, batch)
        return redirect(BATCHES, ("已撤回，文件已删除", "Discarded; the file is deleted"))
    chosen = upload_mapping.given(given, _kind(hub, view), _columns(view))
    if chosen.errors:
        return await _mapping_page(request, hub, actor, view, chosen, chosen.errors)
    view = await hub.collection.uploads.choose(actor, batch, chosen.columns, chosen.status)
    if given.text("step") != "start":
        return await _mapping_page(request, hub, actor, view)
    try:
        view = await hub.collection.batches.start(actor, batch)
    except NoSecondPersonError:
        return await _mapping_page(request, hub, actor, view, errors=[NO_SECOND])
    waits = view.batch.state is BatchState.UNCONFIRMED
    said = ("已提交复核", "A second person is asked") if waits else ("已开始归集", "It begins")
    return redirect(f"{BATCHES}/{batch}", said)


@router.get(UPLOAD + "/{batch}/rows", response_class=HTMLResponse)
async def rows(request: Request, batch: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The dry look alone, for whoever confirms it; that he looked goes on the ledger."""
    view = await hub.collection.batch_desk.view(actor, batch)
    looked = await hub.collection.uploads.look(actor, batch)
    return render(
        request, "console/library_upload_rows.html", actor, view=view, kind=_kind(hub, view), look=looked,
        effects=EFFECTS, back=f"{BATCHES}/{batch}", looked=LOOKED,
    )  # fmt: skip


async def _first_page(
    request: Request, hub: Hub, actor: Actor, given: Form, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    found = await issued_types(hub, actor)
    today = hub.clock().astimezone(BEIJING).date().isoformat()
    return render(
        request, "console/library_upload.html", actor, status=422 if errors else 200, errors=errors, found=found,
        given=given, today=today, path_of=UPLOAD, back=BATCHES, most=MAX_BYTES // 1024**2,
    )  # fmt: skip


async def _mapping_page(
    request: Request,
    hub: Hub,
    actor: Actor,
    view: BatchView,
    sent: Chosen | None = None,
    errors: Sequence[FieldError] = (),
) -> HTMLResponse:
    kind, columns = _kind(hub, view), _columns(view)
    chosen = sent or upload_mapping.stored(view.batch.ordered["mapping"])
    look: Look | None = None
    if not errors and not (missing := faults(kind, columns, chosen.columns)):
        look = await hub.collection.uploads.look(actor, view.batch.id)
    elif not errors:
        errors = missing
    return render(
        request, "console/library_upload_map.html", actor, status=422 if sent is not None else 200, errors=errors,
        view=view, kind=kind, columns=columns, chosen=chosen, look=look, effects=EFFECTS, back=UPLOAD,
        path_of=f"{UPLOAD}/{view.batch.id}", looked=LOOKED,
        two=kind.maker_checker or Role.OWNER_APPROVER not in actor.roles,
    )  # fmt: skip


def _columns(view: BatchView) -> list[str]:
    columns = view.batch.ordered.get("columns")
    if columns is None:  # sent by API
        raise MissingError("columns")
    return list(columns)


def _kind(hub: Hub, view: BatchView) -> CertificateType:
    issued = hub.types.find(view.batch.ordered["type"])
    if issued is None:
        raise MissingError("certificate type")
    return issued.type


def _as_of(text: str, now: datetime) -> datetime | None:
    """The end of that day; of today, this moment."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    today = now.astimezone(BEIJING).date()
    if day > today:
        return None
    return now if day == today else datetime.combine(day, time(23, 59, 59), BEIJING)
