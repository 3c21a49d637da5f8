"""Licences to be shown in tests, and their pages read back."""

import struct
import subprocess
import zlib
from pathlib import Path
from typing import Any

from certificates.definitions.loading import shipped_types
from tests.support import enterprise_claims

IDENTIFIER = "1.2.156.3005.2.11990000MB0000002Q001.11990000MB0000002Q.2026A8KD93MZ01QX.001.O"
RARE = "㛃𠅤䶮𬱖𫖯"
LICENCE = shipped_types()["business_licence"]


def payload(**claims: Any) -> dict[str, Any]:
    """What a business licence's signature covers, opened."""
    return {
        "iat": 1_790_000_000,
        "certificate": {
            "identifier": IDENTIFIER,
            "issuer": {"name": "示例市市场监督管理局", "uscc": "11990000MB0000002Q"},
            "issued_on": "2026-11-22",
            "valid_from": "2026-11-22",
            "valid_until": None,
        },
        **(enterprise_claims() | claims),
    }


def text_of(pdf: bytes, folder: Path, *options: str) -> str:
    """All that a PDF says, by poppler, in the order of its content."""
    path = folder / "page.pdf"
    path.write_bytes(pdf)
    command = ["pdftotext", *(options or ["-raw"]), path, "-"]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def words_of_ofd(package: bytes) -> str:
    """All that an OFD says, in the order of its content."""
    from lxml import etree

    from certificates.rendering.ofd.zip import read_package

    pages = [etree.fromstring(data) for name, data in read_package(package).items() if name.endswith("Content.xml")]
    return "".join(node.text or "" for page in pages for node in page.iterfind(".//{*}TextCode"))


def boxes_of(pdf: bytes, folder: Path) -> str:
    """Every word with the place where it stands, as XML."""
    return text_of(pdf, folder, "-bbox")


def picture_of(pdf: bytes, folder: Path, *, dpi: int = 150) -> bytes:
    """The first page as a grey picture (PGM)."""
    path = folder / "page.pdf"
    path.write_bytes(pdf)
    command = ["pdftoppm", "-r", str(dpi), "-gray", "-f", "1", "-l", "1", "-singlefile", path, folder / "page"]
    subprocess.run(command, capture_output=True, check=True)
    return (folder / "page.pgm").read_bytes()


def picture_of_ofd(package: bytes, *, dpi: int = 150) -> bytes:
    """What is filled with black on the first page, as a grey picture (PGM): rectangles, as codes are drawn."""
    from lxml import etree

    from certificates.rendering.ofd.zip import read_package

    scale = dpi / 25.4
    name = min(name for name in read_package(package) if name.endswith("Content.xml") and "Page_0" in name)
    page = etree.fromstring(read_package(package)[name])
    width, height = round(300 * scale), round(300 * scale)
    pixels = [bytearray(b"\xff" * width) for _ in range(height)]
    for node in page.iterfind(".//{*}PathObject"):
        color = node.find("{*}FillColor")
        if color is None or color.get("Value") != "0 0 0":
            continue
        left, top = map(float, str(node.get("Boundary")).split()[:2])
        for drawn in str(node.findtext("{*}AbbreviatedData")).split("C")[:-1]:
            at = [float(part) for part in drawn.split() if not part.isalpha()]
            first, last = (round((left + x) * scale) for x in (min(at[::2]), max(at[::2])))
            for y in range(round((top + min(at[1::2])) * scale), round((top + max(at[1::2])) * scale)):
                pixels[y][first:last] = bytes(last - first)
    return b"P5\n%d %d\n255\n" % (width, height) + b"".join(pixels)


def codes_in(picture: bytes) -> list[str]:
    """What the QR codes of a PGM picture hold, read by a program that did not draw them."""
    import zxingcpp

    _, size, _, pixels = picture.split(b"\n", 3)
    width, height = map(int, size.split())
    image = memoryview(pixels[: width * height]).cast("B", (height, width))
    return [found.text for found in zxingcpp.read_barcodes(image)]


def png(picture: bytes) -> bytes:
    """A grey picture (PGM) as PNG."""
    _, size, _, pixels = picture.split(b"\n", 3)
    width, height = map(int, size.split())
    rows = b"".join(b"\0" + pixels[at : at + width] for at in range(0, width * height, width))

    def part(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")
