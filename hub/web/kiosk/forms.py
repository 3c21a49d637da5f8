"""The one form 一表 at a terminal: read, say which record is right, sign by the card.

Which form somebody looks at is in no address.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from catalog.expressions.values import Kind
from catalog.forms.filling import State
from catalog.store import list_departments
from hub.citizens.kiosk.errors import KioskRefusedError
from hub.citizens.kiosk.own_fields import pick_of
from hub.citizens.kiosk.standing import Visit
from hub.deps import HubDep
from hub.intake.counter.lines import whose
from hub.intake.errors import FormAnswerError, FormChangedError, FormOpenError, FormSignedError
from hub.issuing.shelf import masked_number
from hub.runtime import Hub
from hub.web.console.counter.questions import choices_of, value_of
from hub.web.console.forms import FieldError, Form
from hub.web.console.view import View, view_of
from hub.web.kiosk.frame import START, redirect, render
from hub.web.kiosk.visit import VisitDep, visit_form

router = APIRouter(include_in_schema=False)
FORMS: Final = START + "/forms"
_DIFFERING: Final = frozenset({State.CONFLICT, State.CHOSEN})
_OWN_WORD: Final = frozenset({State.ASKED, State.ANSWERED})
_CITIZEN: Final = "111"
_NUMBER: Final = "citizen_id"
"""The term of a number: on a screen in a hall its middle is struck out."""
_REFUSED: Final = FieldError(
    "card", "没有读到您的证件，请再放一次", "Your card was not read: place it on the reader once more"
)
_CHANGED: Final = FieldError(
    "", "表的内容刚才变了，请重新核对", "The form has changed a moment ago: please read it again"
)


@router.get(FORMS, response_class=HTMLResponse)
async def listed(request: Request, hub: HubDep, visit: VisitDep) -> HTMLResponse:
    """Those that wait for his signature first."""
    found = sorted(await hub.kiosk.forms.listed(visit), key=lambda one: one.signed)
    return render(request, "kiosk/forms.html", visit.kiosk, visit=visit, found=found)


@router.post(START + "/form", response_class=HTMLResponse)
async def one(request: Request, hub: HubDep, visit: VisitDep) -> Response:
    """The whole; sent with what is right, that. One that is not his is 404."""
    given = await visit_form(request, visit)
    number, errors = given.text("number")[:40], []
    try:
        if given.checked("change_no"):
            await _answer(request, hub, visit, number, given)
    except (FormChangedError, FormSignedError, FormAnswerError):
        errors = [_CHANGED]
    return await _page(request, hub, visit, number, errors)


@router.post(START + "/form/sign", response_class=HTMLResponse)
async def sign(request: Request, hub: HubDep, visit: VisitDep) -> Response:
    """The card once more; read, it signs what was shown by `digest`."""
    given = await visit_form(request, visit)
    number, digest, errors = given.text("number")[:40], given.text("digest")[:64], []
    if given.checked("card"):
        try:
            await hub.kiosk.forms.sign(visit, number, digest, given.raw("card"))
            return redirect(FORMS)
        except FormSignedError:  # before: the list says so
            return redirect(FORMS)
        except KioskRefusedError:
            errors = [_REFUSED]
        except (FormChangedError, FormOpenError):
            return await _page(request, hub, visit, number, [_CHANGED])
    status = 422 if errors else 200
    return render(
        request, "kiosk/form_sign.html", visit.kiosk, visit=visit, status=status, errors=errors,
        number=number, digest=digest,
    )  # fmt: skip


async def _answer(request: Request, hub: Hub, visit: Visit, number: str, given: Form) -> None:
    change_no = given.text("change_no")
    if not (change_no.isascii() and change_no.isdigit() and len(change_no) < 9):
        raise FormChangedError
    language = view_of(request).language
    await hub.kiosk.forms.answer(visit, number, lambda item: _said(item, given), int(change_no), language)


def _said(item: Mapping[str, Any], given: Form) -> Any:
    """What he says of a field; None: nothing."""
    if item["state"] in _DIFFERING:
        return given.text(item["key"])[:40] or None
    try:
        return value_of(item, given, item["key"]) if item["state"] in _OWN_WORD else None
    except ValueError:
        return None


async def _page(request: Request, hub: Hub, visit: Visit, number: str, errors: Sequence[FieldError]) -> HTMLResponse:
    view = view_of(request)
    shown = await hub.kiosk.forms.read(visit, number, view.language)
    departments = await hub.database.read(list_departments)
    names = {item.code: view.t(item.name_zh, item.name_en) for item in departments}
    fields = [_field(item, view, names) for item in shown.told["fields"]]
    return render(
        request,
        "kiosk/form.html",
        visit.kiosk,
        visit=visit,
        status=422 if errors else 200,
        errors=errors,
        shown=shown,
        fields=fields,
        differing=[item for item in fields if item["state"] in _DIFFERING],
        choosing=[item for item in fields if item["state"] in _OWN_WORD and item["choices"]],
        lacking=[
            item
            for item in fields
            if item["key"] in shown.told["asked"] and item["state"] == State.ASKED and not item["choices"]
        ],
    )


def _field(item: Mapping[str, Any], view: View, names: Mapping[str, str]) -> dict[str, Any]:
    """A field in words: its value, who says so, and between what he chooses."""
    choices = choices_of(item, view)
    records = [
        (pick_of(record["value"]), _words(item, record["value"], view), _from(record["from"], view, names))
        for record in item["records"]
    ]
    chosen = pick_of(item["value"]) if item["state"] == State.CHOSEN else ""
    return {
        **item,
        "whose": whose(item["party"], view.language) if item["party"] else "",
        "said": "" if item["value"] is None else _words(item, item["value"], view),
        "from": [by for record in records for by in record[2]],
        "records": [(pick, f"{value} · {view.t('、', ', ').join(by)}") for pick, value, by in records],
        "chosen": chosen,
        "choices": choices,
        "answered": {"True": "yes", "False": "no"}.get(str(item["value"]), item["value"]),
    }


def _words(item: Mapping[str, Any], value: Any, view: View) -> str:
    titles = {choice["value"]: choice["title"] for choice in item.get("choices", ())}
    if item["kind"] == Kind.BOOLEAN:
        return view.t("是", "Yes") if value is True else view.t("否", "No")
    if isinstance(value, list):
        return view.t("、", ", ").join(str(titles.get(one, one)) for one in value)
    if item["term"] == _NUMBER:
        return masked_number(_CITIZEN, str(value))
    return str(titles.get(value, value))


def _from(origins: Sequence[Mapping[str, Any]], view: View, names: Mapping[str, str]) -> list[str]:
    """Which departments say so, each once; what was said in the case itself is its own."""
    own = view.t("办件", "the case")
    found = [names.get((one.get("department") or {}).get("uscc", ""), own) for one in origins]
    return list(dict.fromkeys(found))
