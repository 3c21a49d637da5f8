"""Style sheets and scripts: small, compressed once, and kept by browsers for a year under a name that has their hash.

`/static/style.3f2a9c1b.css` never changes, so no browser asks for it again; `/static/style.css` is asked about each
time and mostly answered with 304. Files are read when the process starts. A folder is one style sheet, cut into files
by what they are about, in the order of their names: `static/me/` leaves as `me.css`.
"""

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

ROOT: Final = "/static"
_KINDS: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_OTHER: Final = "application/octet-stream"
_NEVER: Final = re.compile(r"q=0(?:\.0*)?", re.ASCII)
_FOR_GOOD: Final = "public, max-age=31536000, immutable"
_ASK: Final = "public, no-cache"


@dataclass(frozen=True, slots=True)
class Kept:
    """A file as it leaves, and as it leaves for a browser that takes gzip."""

    content: bytes
    packed: bytes
    media_type: str
    digest: str


def takes_gzip(request: Request) -> bool:
    """Whether the browser unpacks gzip (RFC 9110 §12.5.3); one that names it with a weight of zero does not."""
    for coding in request.headers.get("accept-encoding", "").lower().split(","):
        name, *weight = (part.strip() for part in coding.split(";"))
        if name == "gzip":
            return not any(_NEVER.fullmatch(part) for part in weight)
    return False


def static(name: str) -> str:
    """The address of a file for good: it has its hash in it. Raises KeyError for a file that there is not."""
    stem, _, ending = name.rpartition(".")
    return f"{ROOT}/{stem}.{_FILES[name].digest}.{ending}"


class StaticFiles:
    """The folder of the package as an application, mounted under ROOT."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer GET and HEAD. Raises: HTTPException 404, 405."""
        request = Request(scope)
        name = scope["path"].removeprefix(ROOT + "/")
        found = _BY_HASH.get(name)
        kept = found or _FILES.get(name)
        if kept is None:
            raise HTTPException(404)
        if request.method not in {"GET", "HEAD"}:
            raise HTTPException(405, headers={"Allow": "GET, HEAD"})
        packed = takes_gzip(request) and len(kept.packed) < len(kept.content)
        headers = {
            "Cache-Control": _FOR_GOOD if found else _ASK,
            "ETag": f'"{kept.digest}{"-gzip" if packed else ""}"',
            "Vary": "Accept-Encoding",
            "Content-Type": kept.media_type,
        }
        if headers["ETag"] in request.headers.get("if-none-match", ""):
            del headers["Content-Type"]
            await Response(status_code=304, headers=headers)(scope, receive, send)
            return
        if packed:
            headers["Content-Encoding"] = "gzip"
        await Response(kept.packed if packed else kept.content, headers=headers)(scope, receive, send)


def _read() -> Mapping[str, Kept]:
    files = {}
    for item in (resources.files("hub.web") / "static").iterdir():
        name, content = (f"{item.name}.css", _sheet(item)) if item.is_dir() else (item.name, item.read_bytes())
        kind = _KINDS.get(name.rpartition(".")[2], _OTHER)
        files[name] = Kept(content, gzip.compress(content, 9, mtime=0), kind, sha256(content).hexdigest()[:12])
    return files


def _sheet(folder: Traversable) -> bytes:
    """Its files one after the other; what they say to people and how they are set out costs no reader bytes."""
    parts = sorted(folder.iterdir(), key=lambda item: item.name)
    text = "".join(item.read_text(encoding="utf-8") for item in parts)
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)).strip().encode()


_FILES: Final = _read()
_BY_HASH: Final = {static(name).removeprefix(ROOT + "/"): kept for name, kept in _FILES.items()}
