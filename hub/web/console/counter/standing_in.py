"""What a single line asks of the clerk: which of several it is; a scan that is sealed in place; the person's promise.

A line has a name of its own, by which no address holds more than a case's number: its place in the list moves when a
record names one more party while the clerk scans.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from hub.access.actors import Actor
from hub.deps import HubDep
from hub.edge.errors import BadRequestError, Fault
from hub.intake.counter.values import CounterCase, Line
from hub.intake.lower.copy_intents import Scan
from hub.intake.lower.errors import PaperRefusedError, PromiseStateError, StandInRefusedError
from hub.intake.lower.papers.checking import MOST_BYTES
from hub.intake.lower.promising import Confirmation
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.counter import words
from hub.web.console.counter.case import CASE, CaseNoPath
from hub.web.console.counter.search import COUNTER
from hub.web.console.forms import FieldError, form, upload
from hub.web.console.frame import redirect, render
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
SCAN: Final = CASE + "/scan/{place}"
PROMISE: Final = CASE + "/promise/{place}"
_FORM_BYTES: Final = MOST_BYTES + 65_536
BODY_LIMITS: Final = {rf"{COUNTER}/YZ[0-9A-Z]{{20}}/scan/[0-9a-f]{{16}}": _FORM_BYTES}
PlacePath = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
_METHODS: Final = frozenset({"signed_paper", "on_screen", "e_signature"})
_NO_FILE: Final = FieldError("file", "请选择扫描件（PDF、JPEG 或 PNG）", "Choose the scan: PDF, JPEG or PNG")
_NOT_SEEN: Final = FieldError("seen", "请先让当事人看完全文", "The person reads the whole text first")
_HOW: Final = FieldError("method", "请选择确认方式", "Choose how the person confirms")


@router.get(SCAN, response_class=HTMLResponse)
async def scan(request: Request, case_no: CaseNoPath, place: PlacePath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """Which paper, and its scan."""
    found, line = await _line(request, hub, actor, case_no, place)
    return _page(request, actor, "scan", found, line)


@router.post(SCAN, response_class=HTMLResponse)
async def seal(request: Request, case_no: CaseNoPath, place: PlacePath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Judge the file, seal it by clerk and office, and ask again: the line is met by it."""
    given = await upload(request, max_bytes=_FORM_BYTES)
    found, line = await _line(request, hub, actor, case_no, place)
    file = given.files.get("file")
    if file is None:
        return _page(request, actor, "scan", found, line, [_NO_FILE])
    caller = await hub.counter.caller(actor)
    paper = Scan(line.code, line.party, actor.id, file.content, original_seen=given.checked("original_seen"))
    try:
        await hub.lower.copies.seal(caller, case_no, paper, request=None)
    except PaperRefusedError as error:
        said = words.PAPERS.get(error.rule, words.NO_PAPER)
        return _page(request, actor, "scan", found, line, [FieldError("file", *said)])
    except StandInRefusedError:
        return _page(request, actor, "scan", found, line, [FieldError("", *words.NOT_NOW)])
    await hub.counter.ask(actor, case_no, view_of(request).language)
    return redirect(f"{COUNTER}/{case_no}", ("扫描件已加盖材料共享章", "The scan is sealed"))


@router.get(PROMISE, response_class=HTMLResponse)
async def promise(
    request: Request, case_no: CaseNoPath, place: PlacePath, hub: HubDep, actor: ConsoleDep
) -> HTMLResponse:
    """What a promise is. Nothing is offered before the person has chosen it."""
    found, line = await _line(request, hub, actor, case_no, place)
    return _page(request, actor, "promise", found, line, offered=None)


@router.post(PROMISE, response_class=HTMLResponse)
async def offer(request: Request, case_no: CaseNoPath, place: PlacePath, hub: HubDep, actor: ConsoleDep) -> Response:
    """The person has chosen it: the whole text, to be read before it is confirmed."""
    await form(request)
    found, line = await _line(request, hub, actor, case_no, place)
    caller = await hub.counter.caller(actor)
    purpose = await hub.counter.purpose(actor, case_no)
    try:
        told = await hub.lower.promises.offer(
            caller, case_no, line.code, line.party, chosen_by="holder", purpose=purpose
        )
    except StandInRefusedError:
        return _page(request, actor, "promise", found, line, [FieldError("", *words.NOT_NOW)], offered=None)
    return _page(request, actor, "promise", found, line, offered=told)


@router.post(PROMISE + "/confirm", response_class=HTMLResponse)
async def confirm(request: Request, case_no: CaseNoPath, place: PlacePath, hub: HubDep, actor: ConsoleDep) -> Response:
    """The person confirms the text that was shown; then the line is met by it, as what it is."""
    given = await form(request)
    found, line = await _line(request, hub, actor, case_no, place)
    caller = await hub.counter.caller(actor)
    offers = await hub.lower.promises.list(caller, case_no)
    told = next((item for item in offers if item["id"] == given.text("promise")), None)
    if told is None:
        raise MissingError("commitment")
    errors = [] if given.checked("seen") else [_NOT_SEEN]
    errors += [] if given.text("method") in _METHODS else [_HOW]
    if not errors:
        confirmation = Confirmation(given.text("text_sha256"), given.text("method"), actor.id)
        try:
            await hub.lower.promises.confirm(caller, case_no, told["id"], confirmation)
        except (StandInRefusedError, PromiseStateError):
            errors = [FieldError("", *words.NOT_NOW)]
    if errors:
        return _page(request, actor, "promise", found, line, errors, offered=told)
    await hub.counter.ask(actor, case_no, view_of(request).language)
    return redirect(f"{COUNTER}/{case_no}", ("承诺已确认，到期由平台核查", "The promise stands; the hub follows it up"))


@router.post(CASE + "/choose/{place}")
async def choose(request: Request, case_no: CaseNoPath, place: PlacePath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Which of several it is about; only what the question offered. Without a choice, what was chosen is taken back."""
    given = await form(request)
    _, line = await _line(request, hub, actor, case_no, place)
    if line.chosen and not given.text("choice"):
        await hub.counter.choose(actor, case_no, line, None, view_of(request).language)
        return redirect(f"{COUNTER}/{case_no}")
    if given.text("choice") not in {name for name, _ in line.choices}:
        raise BadRequestError(Fault("choice", "unknown"))
    await hub.counter.choose(actor, case_no, line, given.text("choice"), view_of(request).language)
    return redirect(f"{COUNTER}/{case_no}")


async def _line(request: Request, hub: Hub, actor: Actor, case_no: str, place: str) -> tuple[CounterCase, Line]:
    found = await hub.counter.look(actor, case_no, view_of(request).language)
    line = next((line for line in found.lines if line.place == place), None)
    if line is None:
        raise MissingError("line")
    return found, line


def _page(
    request: Request,
    actor: Actor,
    name: str,
    found: CounterCase,
    line: Line,
    errors: list[FieldError] | None = None,
    **values: Mapping[str, Any] | None,
) -> HTMLResponse:
    here = f"{COUNTER}/{found.case.case_no}"
    return render(
        request, f"console/counter/{name}.html", actor, status=422 if errors else 200, errors=errors or (), found=found,
        line=line, here=here, action=f"{here}/{name}/{line.place}", **values,
    )  # fmt: skip
