"""How every page leaves, whoever it is for: the values of its skeleton (templates/frame.html), and compressed.

A page with a secret in it (a form's token) that is compressed beside words of a stranger tells its secret by its length
(BREACH). Each answer is therefore longer by a random number of bytes, in a field of the gzip header that no browser
reads: to tell lengths apart one would have to ask very many times, and requests of one visitor are limited.
"""

import secrets
import struct
import zlib
from collections.abc import Iterable
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse

from hub.web.console.view import View
from hub.web.static_files import takes_gzip
from hub.web.templating import TEMPLATES, foot_of

_WORTH_IT: Final = 1_000
"""Bytes under which compressing saves no packet."""
_LEVEL: Final = 5
_PADDING: Final = 100


def framed(
    request: Request,
    template: str,
    view: View,
    /,
    *,
    elder_href: str,
    language_href: str,
    status: int = 200,
    **values: Any,
) -> HTMLResponse:
    """A page in this view. `values` are the template's own and those of its audience."""
    shared: dict[str, Any] = {
        "errors": (),
        "request_id": request.state.request_id,
        "printed_at": request.app.state.hub.clock(),
        "closure": request.app.state.hub.closures.ahead(),
    }
    html = TEMPLATES.get_template(template).render(
        lang=view.language,
        elder=view.elder,
        t=view.t,
        path=request.scope["path"],
        elder_href=elder_href,
        language_href=language_href,
        **foot_of(request.app.state.hub.settings),
        **(shared | values),
    )
    content = html.encode()
    headers = {"Content-Language": view.language, "Vary": "Accept-Encoding, Accept-Language, Cookie"}
    if len(content) > _WORTH_IT and takes_gzip(request):
        content = packed(content)
        headers["Content-Encoding"] = "gzip"
    return HTMLResponse(content, status_code=status, headers=headers)


def nearness(path: str, known: Iterable[str]) -> int:
    """How much of a path belongs to one of the pages known; 0: it is under none of them."""
    return max((len(page) for page in known if path == page or path.startswith(page + "/")), default=0)


def packed(content: bytes) -> bytes:
    """Gzip (RFC 1952) with a name of random length in its header."""
    name = b"a" * secrets.randbelow(_PADDING)
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = deflate.compress(content) + deflate.flush()
    tail = struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)
    return b"\x1f\x8b\x08\x08\0\0\0\0\0\xff" + name + b"\0" + body + tail
