"""One licence: what it is, what was done to it, what stood on a day; its contents and files for a reason."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.store import find_department
from certificates.claims import Disclosure
from certificates.definitions.certificate_type import CertificateType
from certificates.lifecycle.history import moment_of
from certificates.lifecycle.rules import REASON_WORDS, RULES, By, Reason
from certificates.lifecycle.states import MAKING, TRANSITIONS, Operation, Status
from certificates.profile import CIVIL_ZONE
from certificates.stores.certificates import find_version
from certificates.stores.version import VersionRecord
from hub.access.actors import Actor, Role
from hub.deps import HubDep
from hub.issuing.held_then import standing
from hub.issuing.renditions.errors import FormatError, NotInForceError
from hub.issuing.renditions.files import FORMATS, SD_JWT
from hub.issuing.shelf import STAFF, holder_of
from hub.issuing.transitions.reading import CertificateHistory
from hub.registry.meanings import Words
from hub.runtime import Hub
from hub.storage.errors import MissingError
from hub.web.console.forms import FieldError, Form, form
from hub.web.console.frame import render
from hub.web.console.library.listing import LIST
from hub.web.console.library.words import EFFECTS, FINAL, OPERATIONS, ORIGIN_WORDS, STATUSES
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep
from signing.disclosures import reveal
from signing.sd_jwt import parse

router = APIRouter()
ONE: Final = LIST + "/id/{identifier}"
IdentifierPath = Annotated[str, Path(pattern=r"^[0-9A-Za-z.*-]{10,128}$")]
_AsOf = Annotated[str, Query(max_length=40)]
_FILES: Final = (("pdf", "PDF"), ("ofd", "OFD"), ("sd-jwt", "SD-JWT"), ("json", "JSON"))
SHOWN_SECONDS: Final = 60
_WHY: Final = FieldError("reason", "请写明查看事由，最多 500 字", "Say why, in at most 500 characters")


@router.get(ONE, response_class=HTMLResponse)
async def licence(
    request: Request, identifier: IdentifierPath, hub: HubDep, actor: ConsoleDep, as_of: _AsOf = ""
) -> HTMLResponse:
    """Metadata and history; nothing of what it says about its holder."""
    return await _page(request, hub, actor, identifier, as_of=as_of.strip())


@router.post(ONE + "/look", response_class=HTMLResponse)
async def look(request: Request, identifier: IdentifierPath, hub: HubDep, actor: ConsoleDep) -> Response:
    """What it says, or a file of it, for a reason that goes on the ledger before anything leaves."""
    actor.require(*STAFF)
    given = await form(request)
    wanted, reason = given.text("wanted"), given.text("reason")
    if not 0 < len(reason) <= 500:
        return await _page(request, hub, actor, identifier, given=given, errors=[_WHY])
    if wanted == "contents":
        claims = await contents_of(hub, actor, identifier, reason)
        return await _page(request, hub, actor, identifier, given=given, contents=claims)
    if wanted not in FORMATS:
        wrong = FieldError("wanted", "请选择要看的内容", "Choose what to see")
        return await _page(request, hub, actor, identifier, given=given, errors=[wrong])
    try:
        found = await hub.faces.files.give(
            identifier,
            wanted,
            language=view_of(request).language,
            by=actor.as_json() | {"reason": reason},
            allowed=lambda version: mine(actor, version),
        )
    except NotInForceError:
        wrong = FieldError(
            "wanted",
            "证照现非有效，不出具版面；可下载 SD-JWT 或 JSON",
            "It is not valid now: no page of it is given out; SD-JWT and JSON are",
        )
        return await _page(request, hub, actor, identifier, given=given, errors=[wrong])
    except FormatError:
        wrong = FieldError(
            "wanted", "此类证照或本平台不提供该格式", "This type, or this hub, does not offer the format"
        )
        return await _page(request, hub, actor, identifier, given=given, errors=[wrong])
    headers = {"Content-Disposition": f'attachment; filename="{found.name}"'}
    return Response(found.content, media_type=found.media_type, headers=headers)


async def contents_of(hub: Hub, actor: Actor, identifier: str, reason: str) -> dict[str, Any]:
    """The claims of a version of his own department; the look is on the ledger. Raises: UnknownCertificateError."""
    by = actor.as_json() | {"reason": reason}
    found = await hub.faces.files.give(
        identifier, SD_JWT, language="zh-CN", by=by, allowed=lambda version: mine(actor, version)
    )
    parsed = parse(found.content)
    payload = reveal(parsed.payload, parsed.disclosures)
    kind = await type_of(hub, identifier)
    return {name: payload[name] for name in kind.claims if name in payload}


async def type_of(hub: Hub, identifier: str) -> CertificateType:
    """The type as it was when this version was issued. Raises: MissingError."""
    version = await hub.database.read(lambda tx: find_version(tx, identifier))
    if version is None:
        raise MissingError("certificate")
    return hub.types.version(version.type_code, version.type_version)


def mine(actor: Actor, version: VersionRecord) -> bool:
    """Whether it is of the actor's own department: contents are for nobody else."""
    return actor.department_id is not None and version.owner_department_id == actor.department_id


async def names_of(hub: Hub, actor: Actor) -> dict[str, str]:
    """Names of the people whose accounts he sees, by id."""
    return {staff.id: staff.display_name for staff in await hub.staff.seen_by(actor)}


async def history_of(hub: Hub, actor: Actor, identifier: str) -> CertificateHistory:
    """Its guarded history. Raises: UnknownCertificateError, ForbiddenError."""
    actor.require(*STAFF, Role.OPERATOR, Role.AUDITOR)
    return await hub.transitions.history(actor, identifier)


def two_persons(hub: Hub, type_code: str) -> bool:
    """Whether an act on a licence waits for a second person: by the type as it is now, not as it was issued under."""
    known = hub.types.find(type_code)
    return known is not None and known.type.maker_checker


def operations_for(actor: Actor, version: VersionRecord, status: str, *, two: bool) -> list[Operation]:
    """What he may do to it now, or ask a second person to confirm; the service asks again."""
    officer = mine(actor, version) and bool(actor.roles & ({*STAFF} if two else {Role.OWNER_APPROVER}))
    operator = Role.OPERATOR in actor.roles
    found = []
    for operation in OPERATIONS:
        by = RULES[operation].by
        allowed = (officer and By.ISSUER in by) or (operator and By.OPERATOR in by)
        if allowed and operation in EFFECTS and (Status(status), operation) in TRANSITIONS:
            found.append(operation)
    if version.state != "issued":  # what an index record says stays at its source: no form begins with it
        found = [item for item in found if item not in MAKING]
    return found if version.is_current() else [item for item in found if item is Operation.REVOKE]


async def _page(
    request: Request,
    hub: Hub,
    actor: Actor,
    identifier: str,
    *,
    as_of: str = "",
    given: Form | None = None,
    contents: dict[str, Any] | None = None,
    errors: list[FieldError] | None = None,
) -> HTMLResponse:
    history = await history_of(hub, actor, identifier)
    version, faults = history.asked, list(errors or ())
    kind = hub.types.version(version.type_code, version.type_version)
    then = _then(hub, history, as_of, faults) if as_of else None
    two = two_persons(hub, version.type_code)
    staff_here = mine(actor, version) and bool(actor.roles.intersection(STAFF))
    now = hub.clock()
    status = standing(version.status, version.valid_until, now.astimezone(CIVIL_ZONE).date())
    halted = (await hub.halts.view(actor, version.type_code)).halted if hub.types.find(version.type_code) else False
    waiting = [item for item in await hub.transitions.waiting.waiting(actor) if item.identifier == identifier]
    return render(
        request, "console/library_one.html", actor, status=422 if faults else 200, errors=faults,
        history=history, version=version, kind=kind, standing=status, statuses=STATUSES,
        origin=_origin(history), origin_words=ORIGIN_WORDS, operations=OPERATIONS,
        reasons=REASON_WORDS, known_reasons={item.value: item for item in Reason}, effects=EFFECTS, final=FINAL,
        may=operations_for(actor, version, status, two=two) if version.is_whole() else [],
        holder=await hub.database.read(lambda tx: holder_of(tx, hub.vault, version.subject_id)) if staff_here else None,
        issuer=await _issuer(hub, version.issuer_code),
        may_look=staff_here and version.state == "issued", given=given, contents=contents, as_of=as_of, then=then,
        shown_seconds=SHOWN_SECONDS, formats=_offered(hub, kind, status), list_path=LIST, never=Disclosure.NEVER,
        names=await names_of(hub, actor), two=two,
        path_of=f"{LIST}/id/{identifier}", halted=halted, waiting=waiting,
    )  # fmt: skip


async def _issuer(hub: Hub, code: str) -> Words:
    """Its name; nothing for one that this hub does not know."""
    found = await hub.database.read(lambda tx: find_department(tx, code))
    return ("", "") if found is None else (found.name_zh, found.name_en or found.name_zh)


def _origin(history: CertificateHistory) -> dict[str, str] | None:
    """The licence of another authority in whose place this one stands."""
    return next((event.detail["origin"] for event in history.lifetime.events if "origin" in event.detail), None)


def _offered(hub: Hub, kind: CertificateType, status: str) -> list[tuple[str, str]]:
    """Files that would be given out now: pages only of what is valid, and only in formats that this hub makes."""
    pages = hub.faces.source.pages_of(kind) if status == Status.VALID else ()
    return [item for item in _FILES if item[0] in {SD_JWT, "json", *pages} and item[0] in kind.supports.formats]


def _then(hub: Hub, history: CertificateHistory, as_of: str, faults: list[FieldError]) -> dict[str, Any] | None:
    try:
        return history.as_of(moment_of(as_of), now=hub.clock())
    except ValueError:
        faults.append(FieldError("as_of", "请按 2026-01-31 的格式填写", "Write a day as 2026-01-31"))
        return None
