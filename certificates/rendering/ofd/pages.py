"""A face as pages: sheet, head, rows, foot, put together."""

from dataclasses import dataclass

from certificates.rendering.face import Face
from certificates.rendering.ofd import parts
from certificates.rendering.ofd.items import Page
from certificates.rendering.ofd.rows import set_rows
from certificates.rendering.ofd.sheets import Sheet, sheet_of
from certificates.rendering.ofd.text import Ruler


@dataclass(frozen=True, slots=True)
class Place:
    """Where on which page (counted from 0) a seal is shown, in millimetres from the top left corner."""

    page: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Composed:
    """The pages of a face and where its seal goes."""

    pages: tuple[Page, ...]
    seal: Place


def compose(face: Face, ruler: Ruler) -> Composed:
    """Set a face. The same face and fonts give the same pages.

    Raises: RenderingError ("missing_character", "qr_too_long").
    """
    sheet = sheet_of(face)
    first, top = parts.head(face, sheet, ruler)
    foot, corner = parts.foot(face, sheet, ruler)
    bodies = [list(items) for items in set_rows(face, sheet, ruler, top)]
    bodies[0] = [*first, *bodies[0], *foot]
    bodies[1:] = [[*parts.running_head(face, sheet, ruler), *items] for items in bodies[1:]]
    under = (*parts.ornament(face, sheet), *parts.demonstration(face, sheet, ruler))
    over = tuple(parts.watermark(face, sheet, ruler))
    pages = tuple(
        Page(
            sheet.width,
            sheet.height,
            under,
            (*items, *parts.page_number(face, sheet, ruler, index, len(bodies))),
            over,
        )
        for index, items in enumerate(bodies, start=1)
    )
    return Composed(pages, _seal_place(face, sheet, corner))


def _seal_place(face: Face, sheet: Sheet, corner: tuple[float, float]) -> Place:
    height = sheet.seal_mm * (0.7 if face.seal_shape == "oval" else 1.0)
    x, y = corner
    return Place(0, x, y + (sheet.seal_mm - height) / 2, sheet.seal_mm, height)
