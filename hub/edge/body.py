"""Reading a body: after authentication, as strict JSON, into a model that forbids what it does not know (F5)."""

import unicodedata
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import ClientDisconnect, Request

from hub.edge.errors import BadRequestError, BodyTooLargeError, Fault, InvalidBodyError
from hub.threads import off_loop
from signing.canonical import strict_loads
from signing.errors import MalformedError

JSON_TYPE: Final = "application/json"
FORM_TYPE: Final = "application/x-www-form-urlencoded"
MAX_DEPTH: Final = 32
_MAX_FAULTS: Final = 20
Model = TypeVar("Model", bound="Body")


class Body(BaseModel):
    """Base of every request body: strict types, unknown members refused, text in NFC."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


async def read_json(
    request: Request, model: type[Model], *, max_bytes: int, optional: bool = False
) -> tuple[Model, bytes]:
    """The body as a model, and its raw bytes. An `optional` one may be left out, whatever type is declared of nothing.

    Raises: BadRequestError (media type, encoding, JSON), BodyTooLargeError, InvalidBodyError.
    """
    if not optional:
        require_media_type(request, JSON_TYPE)
    raw = await read_bytes(request, max_bytes=max_bytes)
    if optional and not raw:
        return model(), raw
    require_media_type(request, JSON_TYPE)

    def parsed() -> Model:
        try:
            value = strict_loads(raw, max_bytes=max_bytes, max_depth=MAX_DEPTH)
        except MalformedError as error:
            raise BadRequestError(Fault("", error.reason)) from error
        return parse(model, value)

    return await off_loop(len(raw), parsed), raw


async def read_bytes(request: Request, *, max_bytes: int) -> bytes:
    """The body, at most `max_bytes`. Raises BodyTooLargeError, BadRequestError when the caller left in the middle."""
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > max_bytes:
                raise BodyTooLargeError
            parts.append(part)
    except ClientDisconnect as error:
        raise BadRequestError(Fault("", "incomplete_body")) from error
    return b"".join(parts)


def require_media_type(request: Request, expected: str) -> None:
    """Raises BadRequestError unless the body is declared as `expected`, in UTF-8 if a charset is named."""
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media_type.strip().lower() != expected or charset not in {"", "utf-8"}:
        raise BadRequestError(Fault("content-type", f"must be {expected}, utf-8"))


def parse(model: type[Model], value: Any) -> Model:
    """Validate; faults name pointers and rules, never values (pitfall F4). Raises InvalidBodyError."""
    try:
        return model.model_validate(_composed(value))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)[:_MAX_FAULTS]
        raise InvalidBodyError(*(_fault(fault["type"], fault["loc"]) for fault in faults)) from None


def _composed(value: Any) -> Any:
    """Text in NFC, so that two spellings of one character are one value."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, dict):
        return {name: _composed(member) for name, member in value.items()}
    if isinstance(value, list):
        return tuple(_composed(member) for member in value)
    return value


def _fault(rule: str, location: tuple[int | str, ...]) -> Fault:
    # The name of an unknown member is the caller's text and may itself be data: only its place is told.
    return Fault(_pointer(location[:-1] if rule == "extra_forbidden" else location), rule)


def _pointer(location: tuple[int | str, ...]) -> str:
    known = [str(part).replace("~", "~0").replace("/", "~1") for part in location]
    return "".join(f"/{part[:40]}" for part in known)
