"""A form whose file is handed on while it arrives: never whole in memory, and on no disk in clear.

The same checks as `forms.upload`; the token is looked at before the first byte of the file is taken, so the file stands
behind the other fields on the page.
"""

import io
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from hub.edge.errors import BadRequestError, BodyTooLargeError, Fault
from hub.web.console.forms import Form, check_origin, checked, grouped

Take = Callable[[bytes], Awaitable[None]]
Open = Callable[[Form, str], Awaitable[Take | None]]
"""Called with the fields and the file's name (the sender's text) at its first bytes; None: nobody wants them."""
_FIELDS: Final = 20


async def streamed(request: Request, opened: Open, *, max_bytes: int) -> Form:
    """Read the form, and give its one file away in pieces as they come. Answers the fields.

    Raises: ForgeryError, BadRequestError, BodyTooLargeError; what `opened` and its taker raise.
    """
    check_origin(request)
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > max_bytes:
        raise BodyTooLargeError
    parser = _Parser(request, opened)
    try:
        await parser.parse()
    except (MultiPartException, KeyError) as error:
        raise BadRequestError(Fault("", "form")) from error
    except ClientDisconnect as error:
        raise BadRequestError(Fault("", "incomplete_body")) from error
    return parser.given()


class _Parser(MultiPartParser):
    def __init__(self, request: Request, opened: Open) -> None:
        super().__init__(request.headers, request.stream(), max_files=1, max_fields=_FIELDS)
        self._request = request
        self._opened = opened

    def given(self) -> Form:
        """The fields so far. Raises: ForgeryError, BadRequestError."""
        texts = [(name, value) for name, value in self.items if isinstance(value, str)]
        return checked(self._request, Form(grouped(texts)), anonymous=False)

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        file = self._current_part.file
        if file is not None:
            file.file.close()
            self._current_part.file = _Given(self, file.filename or "")

    async def begin(self, name: str) -> Take | None:
        """Whoever takes the file."""
        return await self._opened(self.given(), name[:200])


class _Given(UploadFile):
    """What the parser takes for a file."""

    def __init__(self, parser: _Parser, name: str) -> None:
        super().__init__(file=io.BytesIO(), filename=name)
        self._parser = parser
        self._began = False
        self._take: Take | None = None

    async def write(self, data: bytes) -> None:
        if not self._began:
            self._began = True
            self._take = await self._parser.begin(self.filename or "")
        if self._take is not None:
            await self._take(data)

    async def seek(self, offset: int) -> None:
        del offset
