"""Feeds of my department: what each collects from where, how its last run and reconciliation ended, its steps."""

from collections.abc import Sequence
from typing import Any, Final

import yaml
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from starlette.responses import Response

from catalog.errors import DefinitionError
from hub.access.actors import Actor, Role
from hub.api.batches import LINES_TYPE
from hub.api.collection_feeds import sent
from hub.collection.errors import NotEntitledError
from hub.collection.feeds.desk import END, STEER, FeedView
from hub.collection.reasons import TEXTS
from hub.deps import HubDep
from hub.edge.errors import InvalidBodyError
from hub.issuing.transitions.second_person import DECIDE
from hub.registry.errors import NotReadyError, StateError
from hub.registry.requests.errors import NoSecondPersonError, SameHandError, SamePersonError
from hub.runtime import Hub
from hub.storage.errors import ConflictError, MissingError
from hub.web.console.forms import FieldError, form
from hub.web.console.frame import redirect, render
from hub.web.console.owner import feeds_words as words
from hub.web.console.view import view_of
from hub.web.console.visit import ConsoleDep

router = APIRouter()
LIST: Final = "/console/owner/feeds"
DECLARE: Final = f"{LIST}/new/declare"
_ANEW: Final = FieldError("", "登记内容刚刚改过，请看过再复核", "It was declared anew meanwhile: look at it again")
_OTHER: Final = FieldError("", "须由另一人复核，不能自己复核自己的", "Somebody else confirms it, not the one who asked")


@router.get(LIST, response_class=HTMLResponse)
async def feeds(request: Request, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """All of them."""
    found = await hub.collection.feed_desk.list(actor)
    return render(
        request, "console/owner/feeds.html", actor, found=found, **_shown(), type_names=_types(request, hub, found),
        may_declare=_may_declare(actor),
    )  # fmt: skip


@router.get(DECLARE, response_class=HTMLResponse)
async def declare_form(request: Request, hub: HubDep, actor: ConsoleDep, code: str = "") -> HTMLResponse:
    """The form for a YAML document; `code`: begun from what is declared."""
    actor.require(Role.OWNER_ENGINEER)
    text = _yaml((await hub.collection.feed_desk.show(actor, code)).stored.definition) if code else ""
    return render(request, "console/owner/feeds_declare.html", actor, text=text, **_shown())


@router.post(DECLARE, response_class=HTMLResponse)
async def declare(request: Request, hub: HubDep, actor: ConsoleDep) -> Response:
    """Declare a feed, or declare it anew."""
    text = (await form(request)).raw("text")
    try:
        view = await hub.collection.feed_desk.declare(actor, yaml.safe_load(text))
    except yaml.YAMLError:
        errors = [FieldError("text", "不是有效的 YAML", "This is no valid YAML")]
    except InvalidBodyError as error:
        errors = [FieldError("text", *words.fault(fault.pointer, fault.rule)) for fault in error.faults]
    except DefinitionError as error:
        told = str(error).removeprefix("feed: ")
        errors = [FieldError("text", f"不能接受：{told}", f"Not acceptable: {told}")]
    except (MissingError, NotEntitledError, NoSecondPersonError) as error:
        errors = [FieldError("text", *words.REFUSED[type(error)])]
    else:
        said = ("已登记，待复核", "Declared; it waits for a second person")
        if view.state == "active":
            said = ("已登记", "Declared")
        return redirect(f"{LIST}/{view.stored.code}", said)
    return render(request, "console/owner/feeds_declare.html", actor, status=422, errors=errors, text=text, **_shown())


@router.get(LIST + "/{code}", response_class=HTMLResponse)
async def one(request: Request, code: str, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """One of them, looked at again while a job of it waits or runs."""
    return await _page(request, hub, actor, code, "console/owner/feed.html")


@router.get(LIST + "/{code}/progress", response_class=HTMLResponse)
async def progress(request: Request, code: str, hub: HubDep, actor: ConsoleDep) -> HTMLResponse:
    """What changes of its page meanwhile."""
    return await _page(request, hub, actor, code, "console/owner/feed_progress.html")


@router.get(LIST + "/{code}/report.jsonl")
async def report(code: str, hub: HubDep, actor: ConsoleDep) -> StreamingResponse:
    """What the last reconciliation found."""
    pieces = await hub.collection.feed_desk.report(actor, code)
    name = f'attachment; filename="reconciliation-{code}.jsonl"'
    return StreamingResponse(sent(pieces), media_type=LINES_TYPE, headers={"Content-Disposition": name})


@router.post(LIST + "/{code}/{step}", response_class=HTMLResponse)
async def take_step(request: Request, code: str, step: str, hub: HubDep, actor: ConsoleDep) -> Response:
    """Run it, reconcile it, end it, or confirm it as the second person."""
    given = await form(request)
    desk = hub.collection.feed_desk
    steps = {"run": desk.run, "reconcile": desk.reconcile, "end": desk.end}
    try:
        if step == "confirm":
            await desk.confirm(actor, code, row_version=int(given.text("row_version") or 0))
        elif step in steps:
            await steps[step](actor, code)
        else:
            raise MissingError("step")
    except (ConflictError, ValueError):
        errors = [_ANEW]
    except NotReadyError as error:
        errors = [FieldError("", *words.fault(lack.pointer, lack.rule)) for lack in error.lacks]
    except (SamePersonError, SameHandError):
        errors = [_OTHER]
    except StateError as error:
        zh, en = words.STATES[error.state][:2]
        errors = [FieldError("", f"现在的状态是“{zh}”，不能办理", f"Not possible: it is {en}")]
    else:
        return redirect(f"{LIST}/{code}", words.SAID[step])
    return await _page(request, hub, actor, code, "console/owner/feed.html", errors)


async def _page(
    request: Request, hub: Hub, actor: Actor, code: str, template: str, errors: Sequence[FieldError] = ()
) -> HTMLResponse:
    view = await hub.collection.feed_desk.show(actor, code)
    own = actor.department_id == view.stored.owner_department_id
    city = Role.OPERATOR in actor.roles
    run = view.run or {}
    active, moves = view.state == "active", view.collecting or view.reconciling
    page = render(
        request, template, actor, status=422 if errors else 200, errors=errors, view=view, **_shown(), moves=moves,
        declared=_yaml(view.stored.definition), type_name=_types(request, hub, [view])[code],
        names={staff.id: staff.display_name for staff in await hub.staff.seen_by(actor)},
        reasons=_reasons(run.get("reasons") or {}), problem=words.problem,
        path_of=f"{LIST}/{code}", may_steer=active and (own or city) and bool(actor.roles.intersection(STEER)),
        may_end=view.state != "ended" and (own or city) and bool(actor.roles.intersection(END)),
        may_change=own and _may_declare(actor),
        may_confirm=view.state == "unconfirmed" and own and bool(actor.roles.intersection(DECIDE)),
        own_feed=view.stored.declared.get("by") == actor.as_json(),
    )  # fmt: skip
    if not moves:
        page.headers["X-Done"] = "1"
    return page


def _shown() -> dict[str, Any]:
    return {
        "states": words.STATES,
        "runs": words.RUNS,
        "compared": words.COMPARED,
        "outcomes": words.OUTCOMES,
        "counts": words.COUNTS,
        "list_path": LIST,
        "declare_path": DECLARE,
    }


def _types(request: Request, hub: Hub, views: Sequence[FeedView]) -> dict[str, str]:
    """By feed, the name of what it issues."""
    found = {}
    for view in views:
        issued = hub.types.find(view.stored.definition["type"])
        name = view_of(request).t(issued.type.name.zh, issued.type.name.en) if issued else ""
        found[view.stored.code] = name or view.stored.definition["type"]
    return found


def _reasons(counted: dict[str, int]) -> list[tuple[str, tuple[str, str], int]]:
    """Code, words and rows, the most frequent first."""
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return [(code, TEXTS.get(code, (code, code)), number) for code, number in ordered]


def _may_declare(actor: Actor) -> bool:
    return Role.OWNER_ENGINEER in actor.roles and actor.department_id is not None


def _yaml(definition: dict[str, Any]) -> str:
    return yaml.safe_dump(definition, allow_unicode=True, sort_keys=False, width=120)
