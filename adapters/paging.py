"""Answers in pages: how the next page is asked for, and when there is none. Bounded by rows, time and bytes.

A page that should exist and does not is a fault, never a shorter answer: half a list says "no such record" about the
other half.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin

from adapters.documents import ABSENT, at, read_pointer
from adapters.errors import DefinitionFaultError, FaultyAnswerError
from adapters.http import Reply, Request
from adapters.urls import read_url

_LINK: Final = re.compile(r'<([^<>]*)>((?:\s*;\s*[a-z*]+\s*=\s*(?:"[^"]*"|[^\s",;]+))*)', re.IGNORECASE)
_NEXT: Final = re.compile(r'\brel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next\b)', re.IGNORECASE)
_MOST_PAGES: Final = 1000

PAGING_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "title": "分页",
    "title_en": "Pages",
    "additionalProperties": False,
    "required": ["by"],
    "properties": {
        "by": {
            "enum": ["page", "offset", "cursor", "link"],
            "title": "方式：页码、偏移、游标、Link 头",
            "title_en": "By page number, offset, cursor or Link header",
        },
        "param": {"type": "string", "minLength": 1, "title": "页码、偏移或游标参数", "title_en": "Its parameter"},
        "first": {"type": "integer", "minimum": 0, "title": "第一页的值", "title_en": "Value of the first page"},
        "size_param": {"type": "string", "minLength": 1, "title": "每页条数参数", "title_en": "Parameter of the size"},
        "size": {"type": "integer", "minimum": 1, "maximum": 10_000, "title": "每页条数", "title_en": "Rows a page"},
        "in": {"enum": ["query", "body"], "title": "参数位置", "title_en": "Where the parameters stand"},
        "next": {"type": "string", "title": "下一游标的指针", "title_en": "Pointer to the next cursor"},
        "total": {"type": "string", "title": "总条数的指针", "title_en": "Pointer to the number of all rows"},
    },
}

_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "page": ("param", "size"),
    "offset": ("param", "size"),
    "cursor": ("param", "next"),
    "link": (),
}


@dataclass(frozen=True, slots=True)
class Paging:
    """One way of paging. `size` is what the source really gives: a shorter page is the last, unless `total` differs."""

    by: str
    param: str
    first: int
    size: int
    size_param: str | None
    in_body: bool
    following: tuple[str, ...]
    total: tuple[str, ...] | None

    @classmethod
    def read(cls, settings: Mapping[str, Any], pointer: str) -> "Paging":
        """Read the member `pages` of an operation. Raises: DefinitionFaultError."""
        by = settings["by"]
        for member in _NEEDED[by]:
            if member not in settings:
                raise DefinitionFaultError(f"{pointer}/{member}", "missing")
        return cls(
            by=by,
            param=settings.get("param", ""),
            first=settings.get("first", 1 if by == "page" else 0),
            size=settings.get("size", 0),
            size_param=settings.get("size_param"),
            in_body=settings.get("in", "query") == "body",
            following=read_pointer(settings.get("next", ""), f"{pointer}/next"),
            total=read_pointer(settings["total"], f"{pointer}/total") if "total" in settings else None,
        )

    def opening(self) -> dict[str, Any]:
        """Parameters of the first page."""
        sized = {self.size_param: self.size} if self.size_param is not None and self.size else {}
        return sized if self.by in {"cursor", "link"} else {self.param: self.first, **sized}

    def after(self, document: Any, page: int, rows_here: int, rows_so_far: int) -> dict[str, Any] | None:
        """Parameters of the page that follows page number `page` (from 0), or None after the last.

        Raises: FaultyAnswerError(`pages`): the source has more than it gives, or pages without end.
        """
        if page >= _MOST_PAGES:
            raise FaultyAnswerError("pages")
        cursor = at(document, self.following) if self.by == "cursor" else None
        if self.by == "cursor" and cursor not in (ABSENT, None, "", False):
            if isinstance(cursor, dict | list) or rows_here == 0:
                raise FaultyAnswerError("pages")
            return {**self.opening(), self.param: cursor}
        whole = self._whole(document)
        if (
            self.by == "cursor"
            or rows_here == 0
            or (rows_so_far >= whole if whole is not None else rows_here < self.size)
        ):
            if whole is not None and rows_so_far != whole:
                raise FaultyAnswerError("pages")
            return None
        step = page + 1 if self.by == "page" else rows_so_far
        return {**self.opening(), self.param: self.first + step}

    def _whole(self, document: Any) -> int | None:
        if self.total is None:
            return None
        whole = at(document, self.total)
        if isinstance(whole, str) and whole.isascii() and whole.isdigit():
            whole = int(whole[:18])
        if type(whole) is not int or whole < 0:
            raise FaultyAnswerError("pages")
        return whole


def linked(reply: Reply, first: Request) -> Request | None:
    """The request of `Link: <…>; rel="next"` (RFC 8288), or None. It stays at the origin it came from.

    Raises: FaultyAnswerError(`pages`): it leads elsewhere.
    """
    for link in _LINK.finditer(reply.headers.get("link", "")):
        if _NEXT.search(link[2]) is None:
            continue
        here = reply.request
        try:
            url = read_url(urljoin(f"{here.origin.url}{here.path}", link[1]), "/link")
        except DefinitionFaultError:
            raise FaultyAnswerError("pages") from None
        if url.origin != first.origin:
            raise FaultyAnswerError("pages")
        return Request("GET", url.origin, url.path_and_query, headers=first.headers)
    return None
