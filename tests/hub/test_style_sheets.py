"""No rule of a style sheet without a page, and no page that relies on another audience's sheet."""

import re
from collections.abc import Iterator
from pathlib import Path

from hub import web

ROOT = Path(web.__file__).parent
SHEETS = ROOT / "static"
CARRIED = {"me": ("style", "me"), "console": ("style", "console"), "kiosk": ("style", "kiosk"), "": ("style", "open")}
"""What the pages of an audience are sent; "": everybody's."""
_ATTRIBUTE = re.compile(r'(?:class|id)="((?:[^"{]|\{\{.*?\}\}|\{%.*?%\})*)"')
_SELECTOR = re.compile(r"([^{}]+)\{")


def sheet(name: str) -> str:
    """The rules of one style sheet, without what they say to people."""
    files = sorted((SHEETS / name).glob("*.css")) or [SHEETS / f"{name}.css"]
    return re.sub(r"/\*.*?\*/", "", "".join(file.read_text(encoding="utf-8") for file in files), flags=re.DOTALL)


def named_in(rules: str) -> set[str]:
    """Classes and ids that it has rules for."""
    found = set()
    for selector in _SELECTOR.findall(rules):
        found |= set(re.findall(r"[.#](-?[a-zA-Z_][\w-]*)", re.sub(r'"[^"]*"|\([^()]*width[^()]*\)', "", selector)))
    return found


def alone_in(rules: str) -> set[str]:
    """Classes that have a rule wherever they stand."""
    return {
        name
        for selector in _SELECTOR.findall(rules)
        for name in re.findall(r"(?:^|,)\s*\.([\w-]+)\s*(?=,|$)", selector)
    }


def templates(audience: str) -> Iterator[str]:
    """What the pages of an audience are made of; "": of everybody's, and of parts that all share."""
    folder = ROOT / "templates" / audience
    yield from (file.read_text(encoding="utf-8") for file in (folder.rglob if audience else folder.glob)("*.html"))
    if not audience:
        yield (folder / "console" / "_macros.html").read_text(encoding="utf-8")


def words_of(texts: Iterator[str]) -> set[str]:
    return {word for text in texts for value in _ATTRIBUTE.findall(text) for word in re.findall(r"[\w-]+", value)}


def test_every_rule_has_a_page() -> None:
    """A class that no template has is one that a script or a table of words gives."""
    given = "".join(file.read_text(encoding="utf-8") for file in [*ROOT.rglob("*.py"), *SHEETS.glob("[!j]*.js")])
    given += "".join(file.read_text(encoding="utf-8") for file in (ROOT / "templates").rglob("*.html"))
    for audience, sheets in CARRIED.items():
        pages = words_of(templates(audience)) | words_of(templates("")) | words_of(templates("console"))
        for name in named_in(sheet(sheets[1])) - {"elder", "hidden", audience, "open"}:
            assert name in pages or re.search(rf"""["' ]{re.escape(name)}["' ]""", given), f"{sheets[1]}.css: .{name}"


def test_a_page_is_not_dressed_by_a_sheet_that_it_is_not_sent() -> None:
    alone = set().union(*(alone_in(sheet(name)) for name in ("style", "me", "console", "kiosk", "open")))
    for audience, sheets in CARRIED.items():
        elsewhere = alone - set().union(*(named_in(sheet(name)) for name in sheets))
        plain = {
            word
            for text in templates(audience)
            for value in re.findall(r'class="([^"{]*)"', text)
            for word in value.split()
        }
        assert plain & elsewhere == set(), (audience or "everybody", plain & elsewhere)
