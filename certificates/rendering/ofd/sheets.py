"""The three sheets that faces are set on, as the PDF has them: a framed licence, a letter under its head, a card.

Lengths are millimetres. `Sheet` says where things go; `ofd_parts` draws what stands around the rows.
"""

from dataclasses import dataclass

from certificates.rendering.face import Face
from certificates.rendering.ofd.text import MM_PER_POINT

RED = "200 22 29"
AMBER = "178 80 0"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page's size and margins.

    Attributes:
        foot: height kept free on the first page for QR code, issuer and seal.
        label_mm: width of the column of labels; 0 puts each label above its value.
        columns: brief rows stand in so many columns.
        seal_mm: side of the box that the seal is shown in.
    """

    template: str
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    foot: float
    label_mm: float
    columns: int
    seal_mm: float
    qr_mm: float
    value_mm: float = 12 * MM_PER_POINT
    label_size: float = 10 * MM_PER_POINT
    padding: float = 2.4
    gutter: float = 6.0

    @property
    def inside(self) -> float:
        """Width between the margins."""
        return self.width - self.left - self.right

    @property
    def middle(self) -> float:
        """Half way between the margins."""
        return self.left + self.inside / 2

    @property
    def column_width(self) -> float:
        """Width of one column of rows."""
        return (self.inside - self.gutter * (self.columns - 1)) / self.columns

    @property
    def stacked(self) -> bool:
        """Whether labels stand above their values."""
        return self.label_mm == 0

    @property
    def label_above(self) -> float:
        """Height that a label above its value takes."""
        return self.label_size * 1.45 if self.stacked else 0.0

    @property
    def first_end(self) -> float:
        """Where the rows of the first page end at the latest."""
        return self.height - self.bottom - self.foot - 3

    @property
    def next_top(self) -> float:
        """Where the rows of later pages begin, under their running head."""
        return self.top + 11

    @property
    def next_end(self) -> float:
        """Where the rows of later pages end at the latest."""
        return self.height - self.bottom - 3

    def label_color(self, face: Face) -> str:
        """Labels are in the accent, darker in a framed licence."""
        return darker(face.accent) if self.template == "certificate" else rgb(face.accent)


def sheet_of(face: Face) -> Sheet:
    """The sheet of a face. A template of a designer's own is for the PDF; the OFD goes by the type's `face`."""
    if face.template == "card":
        return Sheet(
            "card", 210, 148, left=51, right=11, top=11, bottom=13, foot=38, label_mm=0, columns=2, seal_mm=36,
            qr_mm=25, value_mm=11 * MM_PER_POINT, label_size=7 * MM_PER_POINT, padding=1.2,
        )  # fmt: skip
    if face.template == "letter":
        return Sheet(
            "letter", 210, 297, left=28, right=28, top=24, bottom=22, foot=44, label_mm=43, columns=1, seal_mm=40,
            qr_mm=27,
        )  # fmt: skip
    if face.orientation == "landscape":
        return Sheet(
            "certificate", 297, 210, left=30, right=30, top=20, bottom=19, foot=42, label_mm=37, columns=2,
            seal_mm=40, qr_mm=30, padding=1.8,
        )  # fmt: skip
    return Sheet(
        "certificate", 210, 297, left=25, right=25, top=25, bottom=22, foot=46, label_mm=40, columns=1, seal_mm=40,
        qr_mm=30,
    )  # fmt: skip


def rgb(color: str) -> str:
    """`#rrggbb` as OFD writes a colour: three numbers."""
    return " ".join(str(part) for part in _parts(color))


def darker(color: str) -> str:
    """An accent, a little towards black: for small letters."""
    return " ".join(str(round(part * 0.88)) for part in _parts(color))


def paler(color: str, share: float = 0.35) -> str:
    """An accent, far towards white: for fine lines. No transparency, which some readers leave out."""
    return " ".join(str(round(255 - (255 - part) * share)) for part in _parts(color))


def _parts(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
