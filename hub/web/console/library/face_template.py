"""The editor of a face's own template: its Typst text beside the page that it makes, faults by line, its versions.

Nothing is kept before it is proposed. A picture needs an address of its own: the text that was set waits for it in the
cache, for whoever sent it, for ten minutes.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from certificates.errors import RenderingError, TemplateError, TemplateProblem
from certificates.rendering.face import Language
from certificates.rendering.templates import MAX_TEMPLATE_CHARACTERS
from certificates.rendering.typesetting import NO_FILES
from hub.access.actors import Actor, Role
from hub.access.errors import ForbiddenError
from hub.clock import new_id
from hub.deps import HubDep, UuidText
from hub.issuing.renditions.face_preview import EXCESSES, PreviewOrder
from hub.issuing.renditions.face_templates import SHIPPED, TEMPLATE
from hub.issuing.renditions.template_in_force import BACK
from hub.issuing.shelf import STAFF
from hub.registry.meanings import Words
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import redirect, render
from hub.web.console.library.one import names_of
from hub.web.console.library.types import TYPES, CodePath, may_change, picture
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
EDITOR: Final = TYPES + "/{code}/template"
LOOKS: Final[dict[str, Words]] = {
    "certificate": ("证照", "certificate"),
    "card": ("卡片", "card"),
    "letter": ("文书", "letter"),
}
_MAX_FORM: Final = 12 * MAX_TEMPLATE_CHARACTERS
_MINUTES: Final = 10
_PAGES: Final = 2
"""Pages that are shown, each of which takes setting them all; a face of more is looked at as a PDF."""
_NEEDED: Final = ("watermark", "marks", "checking")
"""Without them a copy looks like an original, and a page cannot be checked."""
_AROUND: Final = 2
"""Lines shown before and after one at fault."""
_SENT: Final = ("已提出，须由另一人确认后生效", "Proposed: it comes into force when somebody else confirms it")
_KNOWN: Final = {
    NO_FILES: "模板不能读取文件、软件包或网络",
    EXCESSES["too_slow"]: "排版超过十秒",
    EXCESSES["worker_died"]: "排版所用内存超过上限",
    EXCESSES["too_large"]: "排出的页数超过上限",
}
"""What the press itself says, in Chinese; what Typst says is English."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A text as it was set with sample values: the token of its pictures, how many pages it has, width and height of
    the pictures of the first, what it leaves out that no page should, what went wrong.
    """

    token: str = ""
    pages: int = 0
    pictures: Sequence[tuple[int, int]] = ()
    missing: Sequence[str] = ()
    problems: Sequence[TemplateProblem] = ()
    reason: str = ""


@router.get(EDITOR + "/{token}.{output}")
async def preview(
    code: CodePath,
    token: UuidText,
    output: Literal["png", "pdf"],
    hub: HubDep,
    actor: ConsoleDep,
    page: Annotated[int, Query(ge=1, le=_PAGES)] = 1,
) -> Response:
    """A page of a text that its reader has just had set, or its PDF."""
    kept = await hub.cache.get(f"template-preview:{token}")
    if not isinstance(kept, dict) or (kept.get("by"), kept.get("code")) != (actor.id, code):
        raise MissingError("preview")
    order = PreviewOrder(kept["source"], kept["language"], output, long_values=kept["long"])
    try:
        made = await hub.faces.preview.show(actor, code, order)
    except RenderingError as error:
        raise MissingError("preview") from error
    return picture(made.files[min(page, len(made.files)) - 1], output)


@router.get(EDITOR, response_class=HTMLResponse)
async def edit(
    request: Request,
    code: CodePath,
    hub: HubDep,
    actor: ConsoleDep,
    version: Annotated[int | None, Query(ge=SHIPPED, le=2**31 - 1)] = None,
) -> HTMLResponse:
    """Begin with the template in force, or with another version; SHIPPED is the one that ships."""
    actor.require(*STAFF, Role.OPERATOR)
    text = await hub.faces.templates.text(actor, code, version)
    return await _page(request, hub, actor, code, Form({"source": [text]}), begun=version)


@router.post(EDITOR, response_class=HTMLResponse)
async def take(request: Request, code: CodePath, hub: HubDep, actor: ConsoleDep) -> Response:
    """Set it, propose it, or propose going back to the face that ships."""
    actor.require(*STAFF, Role.OPERATOR)
    given = await form(request, max_bytes=_MAX_FORM)
    step = given.text("step")
    errors = await _refused(hub, actor, code, given, step)
    if step not in {"send", "back"} or errors:
        return await _page(request, hub, actor, code, given, errors=errors, checked=step == "check")
    why = "back_reason" if step == "back" else "reason"
    payload = {"type": code, "source": None if step == "back" else given.raw("source")}
    try:
        made = await hub.sharing.proposals.propose(actor, TEMPLATE, payload, given.text(why))
    except RenderingError as error:  # tried with longer values, too, than the page's
        return await _page(request, hub, actor, code, given, tried=_failed(error))
    except ForbiddenError:
        wrong = ("只有定义此类型的部门和平台运行人员可以提出", "Only its defining department proposes it")
        return await _page(request, hub, actor, code, given, errors=[FieldError(why, *wrong)])
    return redirect(f"{TYPES}/proposals/{made.id}", _SENT)


async def shown(hub: Hub, actor: Actor, code: str, order: PreviewOrder) -> Shown:
    """Set the template of `order`, which is for pictures. Raises: MissingError, ForbiddenError."""
    try:
        made = await hub.faces.preview.show(actor, code, order)
    except RenderingError as error:
        return _failed(error)
    token = new_id()
    told = {"source": order.template, "language": order.language, "long": order.long_values}
    kept = {"by": actor.id, "code": code, **told}
    await hub.cache.set(f"template-preview:{token}", kept, seconds=60 * _MINUTES)
    missing = [name for name in _NEEDED if f"{name}(" not in str(order.template)]
    if made.seal is None:
        missing.append("seal")
    return Shown(token, len(made.files), [_size_of(png) for png in made.files[:_PAGES]], missing)


def face_language(language: str) -> Language:
    """The language of a face for a reader of this one."""
    return "en" if language == "en" else "zh-CN"


def changed_lines(before: str, after: str) -> list[str]:
    """What a text changes in another, as `diff -u` writes it, without its head."""
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2))[2:]


async def _refused(hub: Hub, actor: Actor, code: str, given: Form, step: str) -> list[FieldError]:
    errors, source = [], given.raw("source")
    if step != "back" and not 0 < len(source) <= MAX_TEMPLATE_CHARACTERS:
        most = f"{MAX_TEMPLATE_CHARACTERS:,}"
        errors.append(
            FieldError("source", f"请写模板，最多 {most} 字", f"Write a template of at most {most} characters")
        )
    elif step == "send" and source == await hub.faces.templates.text(actor, code):
        errors.append(FieldError("source", "与现行版面相同", "It is the same as what is in force"))
    why = {"send": "reason", "back": "back_reason"}.get(step)
    if why and not 0 < len(given.text(why)) <= 500:
        errors.append(FieldError(why, "请写明理由，最多 500 字", "Say why, in at most 500 characters"))
    return errors


async def _page(
    request: Request,
    hub: Hub,
    actor: Actor,
    code: str,
    given: Form,
    *,
    errors: Sequence[FieldError] = (),
    begun: int | None = None,
    checked: bool = False,
    tried: Shown | None = None,
) -> HTMLResponse:
    history = await hub.faces.templates.history(actor, code)
    found = hub.types.find(code)
    if found is None:
        raise MissingError("certificate type")
    source = given.raw("source")
    language = face_language(given.text("language") or view_of(request).language)
    order = PreviewOrder(source, language, "png", long_values=given.text("long") == "yes")
    made = tried or Shown()
    if tried is None and 0 < len(source) <= MAX_TEMPLATE_CHARACTERS:
        made = await shown(hub, actor, code, order)
    faults = [*errors, *faults_of(made)]
    kind = found.type
    return render(
        request, "console/library_face_template.html", actor, status=422 if faults else 200, errors=faults, kind=kind,
        source=source, history=history, back=BACK, begun=begun, shown=made,
        excerpt=_excerpt(source, made.problems), checked=checked and not faults, order=order, looks=LOOKS,
        given=given, may_change=await may_change(hub, actor, kind.code), names=await names_of(hub, actor),
        types_path=TYPES, path_of=EDITOR.format(code=kind.code), ofd="ofd" in kind.supports.formats,
    )  # fmt: skip


def faults_of(made: Shown) -> list[FieldError]:
    """What the typesetter said, each with its line."""
    if made.reason:
        return [FieldError("source", f"未能排版：{made.reason}", f"It could not be set: {made.reason}")]
    found = []
    for problem in made.problems:
        at = ("", "") if problem.line is None else (
            f"第 {problem.line} 行第 {problem.column} 列：", f"line {problem.line}, column {problem.column}: ",
        )  # fmt: skip
        hint = ("", "") if problem.hint is None else (f"（提示：{problem.hint}）", f" (hint: {problem.hint})")
        zh = f"{at[0]}{_KNOWN.get(problem.message, problem.message)}{hint[0]}"
        found.append(FieldError("source", zh, f"{at[1]}{problem.message}{hint[1]}"))
    return found


def _excerpt(source: str, problems: Sequence[TemplateProblem]) -> list[tuple[int, str, bool]]:
    """Lines around the first that is at fault: number, text, whether it is the one."""
    at = next((problem.line for problem in problems if problem.line is not None), None)
    if at is None:
        return []
    lines = enumerate(source.splitlines(), start=1)
    return [(number, line, number == at) for number, line in lines if abs(number - at) <= _AROUND]


def _size_of(png: bytes) -> tuple[int, int]:
    """Its width and height, of the first chunk (PNG, 11.2.1): the page has room for it before it is there."""
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


def _failed(error: RenderingError) -> Shown:
    return Shown(problems=error.problems) if isinstance(error, TemplateError) else Shown(reason=error.reason)
