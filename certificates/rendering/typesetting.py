"""Setting a face by Typst: a template and its data in, PDF or pictures out.

Typst reads no clock and, as it is called here, no file but fonts. A template may still loop or fill memory, and asks
the network for packages: `hub.issuing.renditions.worker` runs this where neither does harm.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from certificates.errors import RenderingError, TemplateError, TemplateProblem
from certificates.rendering.fonts import covered_characters, font_folders, missing_characters
from certificates.rendering.templates import SHIPPED, own_line, shipped, whole_source

if TYPE_CHECKING:
    import typst

PDF_STANDARD: Final = "a-2b"
MAX_OUTPUT_BYTES: Final = 16 * 1024 * 1024
_PLACE: Final = re.compile(r"^\s*┌─ .*:(\d+):(\d+)\s*$", re.MULTILINE)
_FILE: Final = re.compile(r"file not found|failed to (load file|download package)|escape the project root")
_PAGE: Final = re.compile(rb"/Type\s*/Page\b")
_MAIN: Final = "main.typ"
NO_FILES: Final = "a template reads no files and no packages"
"""Instead of the reason, which names a path of this machine."""
Output = Literal["pdf", "png"]


@dataclass(frozen=True, slots=True)
class SealPlace:
    """Where the seal is: a page, 0 is the first, and the lower left corner and side of its box in points, counted from
    the page's lower left.
    """

    page: int
    x: float
    y: float
    size: float


@dataclass(frozen=True, slots=True)
class SetFace:
    """A face that was set: one PDF, or one picture a page; `seal` is None for a template without one."""

    files: tuple[bytes, ...]
    seal: SealPlace | None


class Typesetter:
    """Sets faces. Holds fonts (some 60 MB); not for two threads at once."""

    def __init__(self, own_fonts: Path | None) -> None:
        import typst

        folders = font_folders(own_fonts)
        self._fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders)
        self._covered = covered_characters(folders)
        self._shipped = frozenset(map(shipped, SHIPPED))
        self._fixed: dict[tuple[str, str], SealPlace | None] = {}
        self._root = Path(__file__).parent / "templates"
        every = "".join(
            f"#text(font: {json.dumps(family, ensure_ascii=False)})[一]\n" for family in self._fonts.families()
        )
        self._compiler = self._opened({_MAIN: every.encode()})
        # Fonts are opened when first used; afterwards, nothing needs to be opened any more.
        self._compiler.compile(format="pdf")

    def set(self, template: str, data: str, output: Output, *, at: int, ppi: int = 144) -> SetFace:
        """Set one face.

        Args:
            data: as `page_data` writes it.
            at: the instant that the PDF says it was made, seconds since 1970; the same input gives the same bytes.
        Raises: TemplateError: with line and column; RenderingError ("missing_glyphs", "too_large").
        """
        import typst

        self._refuse_missing(data)
        options: dict[str, Any] = {"pdf_standards": PDF_STANDARD, "timestamp": at} if output == "pdf" else {"ppi": ppi}
        try:
            made = self._compiler.compile(input=_files(template, data), format=output, **options)
            if _several(made):
                numbered = _files(template, data, numbers=True)
                made = self._compiler.compile(input=numbered, format=output, **options)
            seal = self._seal_place(template, data)
        except typst.TypstError as error:
            raise TemplateError([_problem(error)]) from None
        except (RuntimeError, ValueError) as error:  # an exporter's refusal has no place in the text
            raise TemplateError([TemplateProblem(str(error)[:500])]) from None
        files = tuple(made) if isinstance(made, list) else (made,)
        return SetFace(_capped([file for file in files if file is not None]), seal)

    def _seal_place(self, template: str, data: str) -> SealPlace | None:
        """Asking costs as much as setting. Templates that ship have the seal at the foot of the first page, whatever
        stands above it: these are asked once.
        """
        fixed = (template, json.loads(data)["orientation"])
        if fixed not in self._fixed or template not in self._shipped:
            asking = self._opened(_files(template, data, seal=True))
            self._fixed[fixed] = _seal(json.loads(asking.query("<seal>", field="value")))
        return self._fixed[fixed]

    def _opened(self, files: dict[str, bytes]) -> "typst.Compiler":
        import typst

        # Package folders that do not exist: what is on this machine is not at a template's disposal.
        return typst.Compiler(  # type: ignore[type-var]  # the stub forgets several files
            files,
            root=self._root,
            font_paths=self._fonts,
            ignore_system_fonts=True,
            package_path=self._root / "none",
            package_cache_path=self._root / "none",
        )

    def _refuse_missing(self, data: str) -> None:
        missing = missing_characters(data, self._covered)
        if missing:
            raise RenderingError("missing_glyphs", characters=missing)


def _files(template: str, data: str, *, numbers: bool = False, seal: bool = False) -> dict[str, bytes]:
    """What a template is set from, all of it in memory. Data in a file of its own, and not in the text or its inputs:
    what does not depend on it is remembered from one face to the next. As a comment, because every file is read as
    markup first, needed or not.
    """
    shown = json.loads(data)
    parts = ("watermark", "demonstration", "preview", "offline")
    needs = {name for name in parts if shown.get(name)} | ({"seal"} if seal else set())
    asked = json.dumps({"numbers": numbers, "seal": seal}).encode()
    main = whole_source(template, frozenset(needs)).encode()
    return {_MAIN: main, "face.txt": b"/*%b*/" % data.encode(), "asked.json": asked}


def _several(made: "bytes | list[bytes] | None") -> bool:
    """Whether it has more than one page."""
    if isinstance(made, bytes):
        return len(_PAGE.findall(made)) > 1
    return made is not None and len(made) > 1


def _capped(files: Sequence[bytes]) -> tuple[bytes, ...]:
    if sum(map(len, files)) > MAX_OUTPUT_BYTES:
        raise RenderingError("too_large")
    return tuple(files)


def _seal(found: list[dict[str, Any]]) -> SealPlace | None:
    if not found:
        return None
    told = found[0]
    below = float(told["height"]) - float(told["y"]) - float(told["size"])
    return SealPlace(int(told["page"]) - 1, float(told["x"]), below, float(told["size"]))


def _problem(error: "typst.TypstError") -> TemplateProblem:
    """The first place of the diagnostic that lies in the template itself: an error in one of our functions is told
    where it was called.
    """
    message = NO_FILES if _FILE.search(error.message) else error.message[:500]
    hint = error.hints[0] if error.hints and message is not NO_FILES else None
    for line, column in _PLACE.findall(str(error.diagnostic)):
        own = own_line(int(line))
        if own is not None:
            return TemplateProblem(message, own, int(column) + 1, hint)
    return TemplateProblem(message, hint=hint)
