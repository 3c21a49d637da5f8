"""The editor of a type: its YAML with the common changes as inputs, checked with line numbers, shown as a face.

Nothing is kept before it is proposed. A picture needs an address of its own: the text that was checked waits for it in
the cache, for whoever sent it, for ten minutes.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from certificates.definitions.checks import TypeProblem, problems_of
from certificates.definitions.loading import catalogue, catalogue_text, load_type
from certificates.definitions.schema import MAX_DEFINITION_CHARACTERS, read_definition
from certificates.definitions.versions import differences
from certificates.errors import RenderingError, TypeChangeError
from hub.access.actors import Actor, Role
from hub.access.errors import ForbiddenError
from hub.clock import new_id
from hub.deps import HubDep, UuidText
from hub.issuing.renditions.face_preview import PreviewOrder
from hub.issuing.shelf import STAFF
from hub.issuing.types.errors import SlugTakenError, TypeFaultsError
from hub.registry.sharing import TYPE
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.library.type_fields import ADDED, FACES, PERIODS, WAS, inputs_of, written
from hub.web.console.library.type_words import line_of, place_words, shown_value
from hub.web.console.library.types import TYPES, CodePath, picture
from hub.web.console.library.words import DISCLOSURES, FORMATS
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
_MAX_FORM: Final = 4 * MAX_DEFINITION_CHARACTERS * 3
_MINUTES: Final = 10
_SENT: Final = ("已提出，须由另一人确认后生效", "Proposed: it comes into force when somebody else confirms it")


@router.get(TYPES + "/preview/{token}.{output}")
async def preview(
    token: UuidText, output: Literal["png", "pdf"], request: Request, hub: HubDep, actor: ConsoleDep
) -> Response:
    """The face of a text that its writer has just had checked."""
    kept = await hub.cache.get(f"type-preview:{token}")
    if not isinstance(kept, dict) or kept.get("by") != actor.id:
        raise MissingError("preview")
    order = PreviewOrder(None, "en" if view_of(request).language == "en" else "zh-CN", output, long_values=False)
    try:
        made = await hub.faces.preview.show_type(actor, load_type(kept["definition"]), order)
    except RenderingError as error:
        raise MissingError("preview") from error
    return picture(made.files[0], output)


@router.get(TYPES + "/new", response_class=HTMLResponse)
async def new(
    request: Request, hub: HubDep, actor: ConsoleDep, like: Annotated[str, Query(max_length=64)] = ""
) -> HTMLResponse:
    """Begin with one of the types that ship."""
    actor.require(*STAFF, Role.OPERATOR)
    if like not in catalogue():
        offered = [(slug, load_type(catalogue_text(slug)).name) for slug in catalogue()]
        return render(request, "console/library_type_new.html", actor, offered=offered, path_of=TYPES)
    return await _page(request, hub, actor, "", catalogue_text(like))


@router.post(TYPES + "/new", response_class=HTMLResponse)
async def take_new(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """Check it, or propose it."""
    return await _taken(request, hub, actor, "")


@router.get(TYPES + "/{code}/edit", response_class=HTMLResponse)
async def edit(request: Request, code: CodePath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """The newest version's text."""
    actor.require(*STAFF, Role.OPERATOR)
    return await _page(request, hub, actor, code, await hub.registry.typing.text_of(code))


@router.post(TYPES + "/{code}/edit", response_class=HTMLResponse)
async def take(request: Request, code: CodePath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Check the next version, or propose it."""
    return await _taken(request, hub, actor, code)


async def _taken(request: Request, hub: Hub, actor: Actor, code: str) -> Response:
    actor.require(*STAFF, Role.OPERATOR)
    given = await form(request, max_bytes=_MAX_FORM)
    text, errors = written(given.raw("definition"), given)
    problems = problems_of(text)
    errors += [_fault(text, problem) for problem in problems if problem.fault]
    if not errors and code:
        errors += await _obstacles(hub, code, text)
    if given.text("step") == "send" and not errors:
        if not 0 < len(given.text("reason")) <= 500:
            errors.append(FieldError("reason", "请写明修改理由，最多 500 字", "Say why, in at most 500 characters"))
        else:
            try:
                made = await hub.sharing.proposals.propose(actor, TYPE, {"definition": text}, given.text("reason"))
            except (TypeFaultsError, SlugTakenError):
                errors.append(FieldError("definition", "简称已为别的类型所用", "Another type has this short name"))
            except ForbiddenError:
                wrong = ("只有定义此类型的部门和平台运行人员可以提出", "Only its defining department proposes it")
                errors.append(FieldError("definition", *wrong))
            else:
                return redirect(f"{TYPES}/proposals/{made.id}", _SENT)
    advice = [problem for problem in problems if not problem.fault]
    return await _page(request, hub, actor, code, text, given=given, errors=errors, advice=advice, checked=True)


async def _page(
    request: Request,
    hub: Hub,
    actor: Actor,
    code: str,
    text: str,
    *,
    given: Form | None = None,
    errors: Sequence[FieldError] = (),
    advice: Sequence[TypeProblem] = (),
    checked: bool = False,
) -> HTMLResponse:
    good = not any(problem.fault for problem in problems_of(text))
    token = ""
    if good:
        token = new_id()
        kept = {"by": actor.id, "definition": text}
        await hub.cache.set(f"type-preview:{token}", kept, seconds=60 * _MINUTES)
    values = inputs_of(text)
    added = {name: given.text(name) if given is not None and errors else "" for name in ADDED}
    return render(
        request, "console/library_type_edit.html", actor, status=422 if errors else 200, errors=errors, code=code,
        text=text, values=values, added=added, was=WAS, token=token, advice=advice, checked=checked,
        changes=await _changes(hub, code, text) if good and code else [], places=place_words, shown=shown_value,
        reason=given.text("reason") if given is not None else "", formats=FORMATS, disclosures=DISCLOSURES,
        faces=FACES, periods=PERIODS, path_of=f"{TYPES}/{code}/edit" if code else f"{TYPES}/new", types_path=TYPES,
        titles=_titles(text) if good else {},
    )  # fmt: skip


async def _obstacles(hub: Hub, code: str, text: str) -> list[FieldError]:
    try:
        await hub.registry.typing.check_next(code, text)
    except TypeChangeError as error:
        found = []
        for item in error.obstacles:
            zh, en = place_words(item.where)
            words = item.as_json()
            found.append(FieldError("definition", f"{zh}：{words['zh']}", f"{en}: {words['en']}"))
        return found
    return []


async def _changes(hub: Hub, code: str, text: str) -> list[dict[str, Any]]:
    before = read_definition(await hub.registry.typing.text_of(code))
    return [item.as_json() for item in differences(before, read_definition(text))]


def _titles(text: str) -> dict[str, tuple[str, str]]:
    return {name: (claim.title.zh, claim.title.en) for name, claim in load_type(text).claims.items()}


def _fault(text: str, problem: TypeProblem) -> FieldError:
    line = line_of(text, problem.where)
    zh, en = place_words(problem.where) if problem.where else ("全文", "the whole")
    at = (f"第 {line} 行，", f"line {line}, ") if line else ("", "")
    return FieldError("definition", f"{at[0]}{zh}：{problem.text.zh}", f"{at[1]}{en}: {problem.text.en}")
