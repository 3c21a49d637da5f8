"""Certificate types: the list, one with its claims, versions and face, and its description to take away."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from certificates.definitions.loading import load_type
from certificates.definitions.parts import ValidityRule
from hub.access.actors import Actor, Role
from hub.deps import HubDep
from hub.issuing.renditions.face_preview import PreviewOrder
from hub.issuing.shelf import CITY, STAFF
from hub.issuing.types.registry import TypeInForce
from hub.registry.meanings import Words
from hub.registry.proposal import Proposal
from hub.runtime import Hub
from hub.web.console.frame import render
from hub.web.console.library.listing import LIST
from hub.web.console.library.one import names_of
from hub.web.console.library.type_words import CUSTODY, OWNED, place_words, shown_value
from hub.web.console.library.words import DISCLOSURES, FORMATS, KINDS
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
TYPES: Final = "/console/types"
CodePath = Annotated[str, Path(pattern=r"^[0-9A-Za-z_]{1,64}$")]
_Words = Annotated[str, Query(max_length=100)]


@router.get(TYPES, response_class=HTMLResponse)
async def types(request: Request, hub: HubDep, actor: ConsoleDep, q: _Words = "", kind: _Words = "") -> HTMLResponse:
    """Types in force, by name; what waits for the own department stands above them."""
    actor.require(*STAFF, *CITY)
    wanted = q.strip().casefold()
    current = hub.types.current().values()
    found = [item for item in current if kind in {"", item.type.kind.value} and wanted in _words_of(item)]
    found.sort(key=lambda item: (item.type.name.zh, item.type.code))
    return render(
        request, "console/library_types.html", actor, found=found, kinds=KINDS, q=q, kind=kind, path_of=TYPES,
        waiting=await waiting_for(hub, actor), actions=OWNED, names=await names_of(hub, actor),
        may_add=bool(actor.roles.intersection({*STAFF, Role.OPERATOR})),
    )  # fmt: skip


@router.get(TYPES + "/{code}", response_class=HTMLResponse)
async def one(request: Request, code: CodePath, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """A type: its claims, its rules, its face with sample values, every version with what it changed."""
    actor.require(*STAFF, *CITY)
    found = await hub.registry.typing.shown(code)
    kind = load_type(await hub.registry.typing.text_of(code))
    in_force = found["state"] == "in_force"
    return render(
        request, "console/library_type.html", actor, found=found, kind=kind, in_force=in_force, path_of=TYPES,
        kinds=KINDS, formats=FORMATS, disclosures=DISCLOSURES, custody=CUSTODY, validity=validity_words(kind.validity),
        halt=await hub.halts.view(actor, kind.code) if in_force else None, names=await names_of(hub, actor),
        may_change=await may_change(hub, actor, kind.code), places=place_words, shown=shown_value, licences=LIST,
        may_halt=in_force and await may_halt(hub, actor, kind.code), may_see_face=in_force and can_preview(actor),
    )  # fmt: skip


@router.get(TYPES + "/{code}/face.{output}")
async def face(
    code: CodePath,
    output: Literal["png", "pdf"],
    request: Request,
    hub: HubDep,
    actor: ConsoleDep,
    long: Annotated[bool, Query()] = False,  # noqa: FBT002  # of the address
) -> Response:
    """The face with sample values, as a picture of its first page or a PDF."""
    order = PreviewOrder(None, "en" if view_of(request).language == "en" else "zh-CN", output, long)
    made = await hub.faces.preview.show(actor, code, order)
    return picture(made.files[0], output)


@router.get(TYPES + "/{code}/definition.yaml")
async def definition(
    code: CodePath, hub: HubDep, actor: ConsoleDep, version: Annotated[int | None, Query(ge=1)] = None
) -> Response:
    """As it was written."""
    actor.require(*STAFF, *CITY)
    text = await hub.registry.typing.text_of(code, version)
    headers = {"Content-Disposition": f'attachment; filename="{code}.yaml"'}
    return Response(text, media_type="application/yaml; charset=utf-8", headers=headers)


def picture(content: bytes, output: str) -> Response:
    """A preview: never kept, and no licence."""
    media_type = "image/png" if output == "png" else "application/pdf"
    return Response(content, media_type=media_type)


def can_preview(actor: Actor) -> bool:
    """Whether the faces' preview is for him."""
    return bool(actor.roles.intersection({*STAFF, Role.OPERATOR}))


async def may_change(hub: Hub, actor: Actor, code: str) -> bool:
    """Whether he may propose versions of types of this code; the proposal asks again."""
    if Role.OPERATOR in actor.roles:
        return True
    owner = await hub.database.read(lambda tx: hub.registry.typing.owner_of(tx, code))
    return bool(actor.roles.intersection(STAFF)) and owner is not None and owner == actor.department_id


async def may_halt(hub: Hub, actor: Actor, code: str) -> bool:
    """Whether he may stop the type; `HaltService` asks again."""
    allowed = actor.roles & {Role.OPERATOR, Role.OWNER_APPROVER}
    return bool(allowed) and await may_change(hub, actor, code)


async def waiting_for(hub: Hub, actor: Actor) -> list[Proposal]:
    """Open proposals about types that he may decide or see."""
    if actor.roles.intersection(CITY):
        listed = await hub.sharing.proposals.list(actor, only_open=True)
    else:
        listed = list(await hub.sharing.proposals.waiting_on(actor))
    return [item for item in listed if item.action in OWNED]


def validity_words(rule: ValidityRule) -> Words:
    """How long it is valid."""
    if rule.claim is not None:
        return f"至字段 {rule.claim} 所写之日", f"until the day in {rule.claim}"
    for number, zh, en in ((rule.years, "年", "years"), (rule.months, "个月", "months"), (rule.days, "天", "days")):
        if number is not None:
            if rule.start is None:
                return f"{number} {zh}", f"{number} {en}"
            return f"自字段 {rule.start} 所写之日起 {number} {zh}", f"{number} {en} from the day in {rule.start}"
    return "长期", "no end"


def _words_of(item: TypeInForce) -> str:
    kind: Any = item.type
    return f"{kind.code} {kind.slug} {kind.name.zh} {kind.name.en} {kind.defining_authority.name}".casefold()
