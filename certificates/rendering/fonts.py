"""Fonts of faces: two typefaces cut for speed, the whole ones behind them for rare characters (Noto Serif SC, Noto
Sans SC), and those of a folder of the hub's own.
"""

from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from struct import unpack_from
from typing import Final

_SUFFIXES: Final = (".otf", ".ttf", ".ttc", ".otc")
_DRAWN_BY_NOBODY: Final = frozenset("\n\t")
TYPEFACES: Final = Path(__file__).parent / "typefaces"
"""Made by deploy/cut_typefaces.py."""


def font_folders(own: Path | None) -> list[str]:
    """The folders to search; the hub's own comes last and fills what the others lack."""
    shipped = [str(TYPEFACES), str(resources.files("pylopdf_fonts_zh_cn"))]
    return shipped if own is None else [*shipped, str(own)]


def covered_characters(folders: Sequence[str]) -> frozenset[int]:
    """The code points that some font of these folders draws. Reads every font's table: ask once."""
    found: set[int] = set()
    for path in _font_files(folders):
        for table in _character_maps(path.read_bytes()):
            found.update(table)
    return frozenset(found)


def _character_maps(font: bytes) -> Iterator[set[int]]:
    """The Unicode maps of a font, or of all fonts of a collection: formats 4 and 12 of OpenType's table `cmap`.

    A library takes a second to start for what stands in a few kilobytes.
    """
    starts = [0]
    if font[:4] == b"ttcf":
        starts = list(unpack_from(f">{unpack_from('>I', font, 8)[0]}I", font, 12))
    for start in starts:
        for entry in range(unpack_from(">H", font, start + 4)[0]):
            tag, _, offset, _ = unpack_from(">4sIII", font, start + 12 + 16 * entry)
            if tag == b"cmap":
                for index in range(unpack_from(">H", font, offset + 2)[0]):
                    _, _, inner = unpack_from(">HHI", font, offset + 4 + 8 * index)
                    yield _code_points(font, offset + inner)


def _code_points(font: bytes, at: int) -> set[int]:
    kind = unpack_from(">H", font, at)[0]
    if kind == 12:
        groups = unpack_from(">I", font, at + 12)[0]
        return {
            point
            for index in range(groups)
            for first, last, _ in [unpack_from(">III", font, at + 16 + 12 * index)]
            for point in range(first, last + 1)
        }
    if kind == 4:
        count = unpack_from(">H", font, at + 6)[0] // 2
        ends = unpack_from(f">{count}H", font, at + 14)
        firsts = unpack_from(f">{count}H", font, at + 16 + 2 * count)
        return {point for first, end in zip(firsts, ends, strict=True) for point in range(first, end + 1)} - {0xFFFF}
    return set()


def missing_characters(text: str, covered: frozenset[int]) -> tuple[str, ...]:
    """The characters of a text that nobody can draw, each once: a name with an empty box in it is not the name."""
    wanted = set(text) - _DRAWN_BY_NOBODY
    return tuple(sorted(character for character in wanted if ord(character) not in covered))


def _font_files(folders: Sequence[str]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in _SUFFIXES)
