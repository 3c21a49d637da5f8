"""A scan or upload at a counter, judged before anything of it is kept: type by content, size, no active content."""

from dataclasses import dataclass
from typing import Final

from hub.intake.lower.errors import PaperRefusedError
from hub.intake.lower.papers import jpeg, pdf, png

MOST_BYTES: Final = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Paper:
    """A file that may be sealed: its bytes as they are kept, which of a JPEG are those without metadata."""

    content: bytes
    media_type: str
    pages: int | None = None


def check_paper(content: bytes) -> Paper:
    """The file as it may be kept. What its sender calls it is not asked. Takes up to some seconds: use a thread.

    Not checked: whether anybody can read what is on it; that is the clerk's to see.

    Raises: PaperRefusedError.
    """
    if not content:
        raise PaperRefusedError("empty", "/file")
    if len(content) > MOST_BYTES:
        raise PaperRefusedError("too_large", "/file")
    if content.startswith(pdf.MAGIC):
        return Paper(content, "application/pdf", pdf.check(content))
    if content.startswith(png.MAGIC):
        return Paper(png.plain(content), "image/png")
    if content.startswith(jpeg.MAGIC):
        return Paper(jpeg.plain(content), "image/jpeg")
    raise PaperRefusedError("type", "/file")
