"""Dry runs: of a form that is being filled in, and of a version. The data-quality report, private to the owner."""

import asyncio
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.errors import DefinitionError
from hub.access.actors import Actor
from hub.collection.errors import CollectionError
from hub.deps import HubDep, UuidText
from hub.registry import meanings
from hub.registry.errors import NotReadyError
from hub.registry.interface_drafting import Version
from hub.registry.sample_rows import sample_rows
from hub.runtime import Hub
from hub.web.console.forms import FieldError, Form, form, upload
from hub.web.console.frame import redirect, render
from hub.web.console.owner import words
from hub.web.console.owner.interfaces import lacking, params_of
from hub.web.console.owner.publish import BASE, LIST, draft_of, step_page
from hub.web.console.visit import ConsoleDep

router = APIRouter()
MAX_SAMPLE: Final = 8 * 1024 * 1024
_FORM_AROUND: Final = 65_536
BODY_LIMITS: Final = {
    rf"{BASE}/[^/]+/quality/file": MAX_SAMPLE + _FORM_AROUND,
    rf"{LIST}/[^/]+/[^/]+/quality/file": MAX_SAMPLE + _FORM_AROUND,
}
"""Real registers are longer than any other body that the hub takes; the rest of the form comes on top."""
_WHERE: Final = re.compile(r"\bwhere\b", re.IGNORECASE)


@router.post(BASE + "/{draft_id}/quality/file", response_class=HTMLResponse)
async def form_file(request: Request, draft_id: UuidText, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """A dry run of the form over a file."""
    await draft_of(hub, actor, draft_id, "quality")  # whose it is comes before what is sent
    given = await upload(request, max_bytes=MAX_SAMPLE + _FORM_AROUND)
    return await _of_form(request, hub, actor, draft_id, "file", given)


@router.post(BASE + "/{draft_id}/quality/{way}", response_class=HTMLResponse)
async def form_run(request: Request, draft_id: UuidText, way: str, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """A dry run of the form: one question, or the rows that the source lists."""
    given = await form(request)
    return await _of_form(request, hub, actor, draft_id, way, given)


@router.get(LIST + "/{code}/{version}/quality", response_class=HTMLResponse)
async def report_page(request: Request, code: str, version: int, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The last report of a version, and the ways to a new one."""
    return await _version_page(request, hub, actor, Version(code, version))


@router.post(LIST + "/{code}/{version}/quality/file", response_class=HTMLResponse)
async def version_file(request: Request, code: str, version: int, hub: HubDep, actor: ConsoleDep) -> Response:
    """A dry run of a version over a file."""
    await hub.trials.report(actor, code, version)  # whose it is comes before what is sent
    given = await upload(request, max_bytes=MAX_SAMPLE + _FORM_AROUND)
    return await _of_version(request, hub, actor, Version(code, version), "file", given)


@router.post(LIST + "/{code}/{version}/quality/list", response_class=HTMLResponse)
async def version_list(request: Request, code: str, version: int, hub: HubDep, actor: ConsoleDep) -> Response:
    """A dry run of a version over the rows that its source lists."""
    given = await form(request)
    return await _of_version(request, hub, actor, Version(code, version), "list", given)


async def _of_form(request: Request, hub: Hub, actor: Actor, draft_id: str, way: str, given: Form) -> HTMLResponse:
    draft = await draft_of(hub, actor, draft_id, "quality")
    definition = draft.content["definition"]
    extra: dict[str, Any] = {"listing": given.raw("listing")}
    errors: list[FieldError] = []
    try:
        # The dry run is of a version in the catalogue: what is tried is what will be published.
        written = await hub.interfaces.draft(actor, definition)
        if way == "try":
            view = await hub.interfaces.show(actor, written.code, written.version)
            params = params_of(view, given)
            extra["result"] = await hub.trials.try_out(actor, written.code, written.version, params=params)
        else:
            await _run(hub, actor, written, way, given)
            extra["report"] = await hub.trials.report(actor, written.code, written.version)
    except NotReadyError as error:
        errors = lacking(error, "value")
    except DefinitionError as error:
        fault = words.told(error)
        errors = [FieldError(_beside(way), fault.zh, fault.en)]
    except CollectionError:
        errors = [FieldError("file", "文件无法读取", "The file cannot be read")]
    extra.setdefault("result", None)
    return await step_page(request, hub, actor, draft, "quality", errors, extra)


async def _of_version(request: Request, hub: Hub, actor: Actor, version: Version, way: str, given: Form) -> Response:
    try:
        await _run(hub, actor, version, way, given)
    except NotReadyError as error:
        return await _version_page(request, hub, actor, version, lacking(error, ""), given.raw("listing"))
    except DefinitionError as error:
        fault = words.told(error)
        errors = [FieldError(_beside(way), fault.zh, fault.en)]
        return await _version_page(request, hub, actor, version, errors, given.raw("listing"))
    except CollectionError:
        errors = [FieldError("file", "文件无法读取", "The file cannot be read")]
        return await _version_page(request, hub, actor, version, errors)
    return redirect(f"{LIST}/{version.code}/{version.version}/quality", ("报告已生成", "The report is ready"))


async def _run(hub: Hub, actor: Actor, version: Version, way: str, given: Form) -> None:
    if way == "file":
        file = given.files.get("file")
        if file is None:
            raise DefinitionError("file: missing")
        rows = await asyncio.to_thread(_rows, file.name, file.content)
        await hub.trials.quality(actor, version.code, version.version, rows=rows)
        return
    text = given.text("listing")
    if not text:
        raise DefinitionError("listing: missing")
    operation = {"statement": text} if given.text("kind") == "sql" else _operation(text)
    await hub.trials.listed(actor, version.code, version.version, operation=operation)


def _rows(name: str, content: bytes) -> list[Any]:
    """Rows of an uploaded file. Readers want a file with an ending; it is private and gone at once."""
    suffix = Path(name).suffix.lower()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"sample{suffix if suffix in {'.csv', '.xlsx', '.jsonl', '.ndjson'} else '.other'}"
        path.write_bytes(content)
        return sample_rows(path)


def _operation(text: str) -> dict[str, Any]:
    try:
        operation = yaml.safe_load(text)
    except yaml.YAMLError:
        operation = None
    if not isinstance(operation, dict):
        raise DefinitionError("listing: type")
    return operation


def _beside(way: str) -> str:
    return {"file": "file", "list": "listing"}.get(way, "")


def listing_of(definition: dict[str, Any]) -> str:
    """A listing to begin with: the statement without its condition."""
    statement = str(definition.get("operation", {}).get("statement", ""))
    return f"{_WHERE.split(statement)[0].strip()} LIMIT 100" if statement else ""


async def _version_page(
    request: Request,
    hub: Hub,
    actor: Actor,
    version: Version,
    errors: Sequence[FieldError] = (),
    listing: str = "",
) -> HTMLResponse:
    view = await hub.interfaces.show(actor, version.code, version.version)
    report = await hub.trials.report(actor, version.code, version.version)
    path = f"{LIST}/{version.code}/{version.version}"
    return render(
        request, "console/owner/quality.html", actor, status=422 if errors else 200, errors=errors, view=view,
        report=report, path_of=path, listing=listing or listing_of(view.declared), words=words, result=None,
        kind="sql" if "statement" in view.declared.get("operation", {}) else "", definition=view.declared,
        meanings=meanings,
    )  # fmt: skip
