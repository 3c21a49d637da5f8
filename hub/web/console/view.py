"""How a visitor wants the pages: language and 长辈版, remembered in cookies; and which paths may be gone back to."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from hub.deps import language_of
from hub.runtime import Hub
from hub.web.console.visit import is_secure

LANGUAGE_COOKIE: Final = "yz_lang"
ELDER_COOKIE: Final = "yz_elder"
YEAR_SECONDS: Final = 31_536_000
_PATH: Final = re.compile(r"/console(?:/[\w.~:@%+*-]+)*(?:\?[\w.~:@%+=&,/-]*)?", re.ASCII)
_MAX_PATH: Final = 500


@dataclass(frozen=True, slots=True)
class View:
    """What a page is rendered for."""

    language: str
    elder: bool

    def t(self, zh: str, en: str) -> str:
        """The text in the visitor's language."""
        return en if self.language == "en" else zh


def view_of(request: Request) -> View:
    """From the cookies; the language otherwise as the browser asks."""
    language = request.cookies.get(LANGUAGE_COOKIE, "")
    return View(
        language if language in {"zh-CN", "en"} else language_of(request), request.cookies.get(ELDER_COOKIE) == "1"
    )


def remember(response: Response, hub: Hub, *, lang: str | None = None, elder: str | None = None) -> None:
    """Keep what a visitor chose for a year; None is left as it is."""
    for name, value in ((LANGUAGE_COOKIE, lang), (ELDER_COOKIE, elder)):
        if value is not None:
            response.set_cookie(
                name, value, max_age=YEAR_SECONDS, path="/", secure=is_secure(hub), httponly=True, samesite="lax"
            )


def safe_path(path: str, default: str = "/console") -> str:
    """`path` if it is a page of the console, else `default`: no other host, no scheme, no trick with slashes."""
    known = len(path) <= _MAX_PATH and _PATH.fullmatch(path) and ".." not in path
    return path if known and not path.startswith(("/console/sign-", "/console/link", "/console/oidc")) else default


def came_from(request: Request) -> str:
    """The page of this host on which a form stood, as its browser says, which says it to nobody else; or nothing."""
    try:
        parts = urlsplit(request.headers.get("referer", ""))
    except ValueError:  # no address: `http://[`
        return ""
    if parts.netloc.lower() != request.headers.get("host", "").lower():
        return ""
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def here(request: Request) -> str:
    """The path of the page with its query, to come back to."""
    query = request.scope["query_string"].decode("latin-1")
    path: str = request.scope["path"]
    return safe_path(f"{path}?{query}" if query else path)
