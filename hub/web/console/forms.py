"""Posted forms: read strictly, and only when they come from our own page.

Two checks, either of which would do: the token derived from the session, compared in constant time, and the browser's
own word on where the form stood (`Origin`, `Sec-Fetch-Site`). Before sign-in there is no session and the second stands
alone: it keeps a foreign page from signing a visitor in as somebody else.
"""

import hmac
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from hub.access.errors import ForgeryError
from hub.edge.body import FORM_TYPE, read_bytes, require_media_type
from hub.edge.errors import BadRequestError, BodyTooLargeError, Fault
from hub.edge.form import CONTROLS
from hub.storage.errors import MissingError
from hub.web.console.visit import signed_in_of

CSRF_FIELD: Final = "csrf"
MAX_FIELDS: Final = 500
MAX_FORM_BYTES: Final = 262_144
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field, to be shown above the form and beside the field. `field` is its name and id."""

    field: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A posted file. `name` is the sender's text: show it, never open it."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    """Fields of a form that came from our own page."""

    fields: Mapping[str, Sequence[str]] = field(repr=False)
    files: Mapping[str, Upload] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """The field, stripped and in NFC; empty when it is not there."""
        return self.raw(name).strip()

    def raw(self, name: str) -> str:
        """The field as typed, in NFC and with plain line ends: for passwords and for texts that keep their edges."""
        given = self.fields.get(name, ())
        return unicodedata.normalize("NFC", given[0].replace("\r\n", "\n")) if given else ""

    def all(self, name: str) -> list[str]:
        """Every value of a group of check boxes."""
        return list(self.fields.get(name, ()))

    def checked(self, name: str) -> bool:
        """Whether a single check box was ticked."""
        return bool(self.fields.get(name))


def id_in(given: Form, name: str) -> str:
    """An id of ours that a form sends. Raises: MissingError: it is none, and so nobody's; PostgreSQL's uuid columns
    answer anything looser with an error.
    """
    text = given.text(name)
    if not _ID.fullmatch(text):
        raise MissingError(name)
    return text


async def form(request: Request, *, anonymous: bool = False, max_bytes: int = MAX_FORM_BYTES) -> Form:
    """The posted form. `anonymous` is for pages before sign-in, which have no token.

    Raises: ForgeryError, BadRequestError, BodyTooLargeError.
    """
    check_origin(request)
    require_media_type(request, FORM_TYPE)
    raw = await read_bytes(request, max_bytes=max_bytes)
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise BadRequestError(Fault("", "form")) from error
    return checked(request, Form(grouped(pairs)), anonymous=anonymous)


async def upload(request: Request, *, max_bytes: int = MAX_FORM_BYTES, anonymous: bool = False) -> Form:
    """A multipart form with files, all in memory; `anonymous` as for `form`. The whole body counts against the hub's
    own limit as well.

    Raises: ForgeryError, BadRequestError, BodyTooLargeError.
    """
    check_origin(request)
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > max_bytes:
        raise BodyTooLargeError
    parser = MultiPartParser(request.headers, request.stream(), max_files=5, max_fields=MAX_FIELDS)
    try:
        parsed = await parser.parse()
    except (MultiPartException, KeyError) as error:
        raise BadRequestError(Fault("", "form")) from error
    texts: list[tuple[str, str]] = []
    files: dict[str, Upload] = {}
    for name, value in parsed.multi_items():
        if isinstance(value, UploadFile):
            content = await value.read()
            if len(content) > max_bytes:
                raise BodyTooLargeError
            if content:
                files[name] = Upload((value.filename or "")[:200], content)
        else:
            texts.append((name, value))
    await parsed.close()
    return checked(request, Form(grouped(texts), files), anonymous=anonymous)


def check_origin(request: Request) -> None:
    """Raises ForgeryError unless the browser says that the form stood on a page of this very host.

    The Host header was checked by the guard; a foreign page can set neither it nor these.
    """
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin", "")
    try:
        host = urlsplit(origin).netloc.lower()
    except ValueError:  # no address: `http://[`
        raise ForgeryError from None
    if site != "same-origin" or host != request.headers.get("host", "").lower():
        raise ForgeryError


def check_not_sent(request: Request) -> None:
    """Raises ForgeryError where another site's page sent the browser here. For a GET that leaves a trace: a cookie goes
    with a link from anywhere. A program, or an address that was typed, is no page.
    """
    if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        raise ForgeryError


def checked(request: Request, given: Form, *, anonymous: bool) -> Form:
    """The form, if it has the session's token and no control characters. Raises: ForgeryError, BadRequestError."""
    if any(CONTROLS.search(text) for name, values in given.fields.items() for text in (name, *values)):
        raise BadRequestError(Fault("", "character"))
    if not anonymous:
        expected = signed_in_of(request).csrf
        if not hmac.compare_digest(given.raw(CSRF_FIELD).encode(), expected.encode()):
            raise ForgeryError
    return given


def grouped(pairs: Sequence[tuple[str, str]]) -> dict[str, list[str]]:
    """Fields by name, each with its values in order."""
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped
