"""Which format it is, by content and never by name or declared type."""

import re
from typing import Final

from certificates.offline_code import PREFIX
from certificates.verifying.papers import MetadataPaper, Paper, SdJwtPaper
from certificates.verifying.papers_codes import OfflineCodePaper

_TEXT: Final = re.compile(rb"\s+")
_LINES: Final = re.compile(rb"[\r\n\t]+")
_PICTURES: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


def read_paper(data: bytes) -> Paper:
    """What was presented. Nothing is judged: what is of no known format is taken for text, and fails its first step."""
    from certificates.verifying.papers_files import OfdPaper, PdfPaper

    if data.startswith(b"%PDF-"):
        return PdfPaper(data)
    if data.startswith(b"PK\x03\x04"):
        return OfdPaper(data)
    if data.lstrip().startswith(PREFIX.encode()):
        # Lines and ends of a pasted code; a space within belongs to it.
        return OfflineCodePaper(_LINES.sub(b"", data.strip()))
    if data.lstrip()[:1] == b"{":
        return MetadataPaper(data)
    # Line ends and spaces of a pasted or mailed token; no SD-JWT holds any of its own.
    return SdJwtPaper(_TEXT.sub(b"", data))


def is_picture(data: bytes) -> bool:
    """Whether it is a photo or screenshot: PNG or JPEG."""
    return data.startswith(_PICTURES)
