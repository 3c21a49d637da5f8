"""Questions about a case as fields of a page, and what was answered as a case takes it."""

import re
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final

from catalog.expressions.values import Kind
from hub.intake.errors import FactError
from hub.web.console.forms import FieldError, Form
from hub.web.console.view import View

_WHOLE: Final = re.compile(r"-?[0-9]{1,15}", re.ASCII)
WRONG: Final = ("这个回答不合要求，请核对", "This is no answer to the question")


def asked(questions: Sequence[Mapping[str, Any]], view: View) -> list[dict[str, Any]]:
    """The questions as the page has them."""
    return [
        {
            "name": f"fact.{item['fact']}",
            "kind": item["kind"],
            "title": item["title"],
            "choices": choices_of(item, view),
        }
        for item in questions
    ]


def said_in(
    given: Form, questions: Sequence[Mapping[str, Any]], situations: Sequence[Mapping[str, Any]] = ()
) -> tuple[dict[str, Any], list[FieldError]]:
    """What was answered, and what is wrong with it. A question without an answer stays open."""
    chosen = given.text("situation")
    said: dict[str, Any] = {}
    for item in situations:
        if item["code"] == chosen:
            said |= item["sets"]
    errors = []
    for question in questions:
        name = f"fact.{question['fact']}"
        try:
            value = value_of(question, given, name)
        except ValueError:
            errors.append(FieldError(name, *WRONG))
            continue
        if value is not None:
            said[question["fact"]] = value
    return said, errors


async def refusals(answering: Awaitable[None]) -> list[FieldError]:
    """What a case or family does not take of it, beside its question."""
    try:
        await answering
    except FactError as error:
        return [FieldError(f"fact.{error.pointer.rpartition('/')[2]}", *WRONG)]
    return []


def value_of(question: Mapping[str, Any], given: Form, name: str) -> Any:
    """As a case takes facts; None: not answered. Raises: ValueError."""
    text = given.text(name)
    match question["kind"]:
        case Kind.TEXTS:
            return given.all(name) or None
        case _ if not text:
            return None
        case Kind.BOOLEAN:
            return {"yes": True, "no": False}[text] if text in {"yes", "no"} else None
        case Kind.INTEGER:
            if not _WHOLE.fullmatch(text):
                raise ValueError(name)
            return int(text)
        case _:
            return text


def choices_of(question: Mapping[str, Any], view: View) -> list[tuple[str, str]]:
    """What may be chosen, as `value_of` reads it; nothing where the answer is written."""
    if question["kind"] == Kind.BOOLEAN:
        return [("yes", view.t("是", "Yes")), ("no", view.t("否", "No"))]
    return [(choice["value"], choice["title"]) for choice in question.get("choices", ())]
