"""Which encoding a register is in, decided on its first mebibyte."""

import codecs
from typing import Final, NamedTuple

from hub.collection.errors import UnreadableRegisterError

SAMPLE_BYTES: Final = 1024 * 1024

UTF_8: Final = "utf-8"
GB18030: Final = "gb18030"

_GB_NAMES = frozenset({"gb18030", "gbk", "gb2312"})  # each a subset of the next to the left
_MARKS = ((codecs.BOM_UTF8, UTF_8), (b"\x84\x31\x95\x33", GB18030))
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # xlsx and ods; xls
_SAVE_AS = "save it as CSV in UTF-8"


class Encoding(NamedTuple):
    """A codec name, and how many bytes of byte order mark to skip."""

    name: str
    mark_bytes: int


def choose_encoding(sample: bytes, declared: str | None) -> Encoding:
    """Choose UTF-8 or GB18030 for a register that begins with `sample`.

    Without a mark, it is the encoding in which half of the lines that hold more than ASCII can be read, UTF-8 before
    GB18030. A vote of lines, because the bytes of UTF-8 Chinese are often valid GB18030: one broken byte in a UTF-8
    file must cost one row, not turn every name into another.

    Args: declared: what the sender says; it decides, marks are still skipped.
    Raises: UnreadableRegisterError: `utf16`, `spreadsheet`, `binary`, `encoding`.
    """
    if sample.startswith(_WIDE_MARKS):
        raise UnreadableRegisterError("utf16", _SAVE_AS)
    if sample.startswith(_WORKBOOKS):
        raise UnreadableRegisterError("spreadsheet", f"this is a workbook; {_SAVE_AS}")
    if b"\0" in sample.split(b"\n", 1)[0]:
        raise UnreadableRegisterError(
            "binary", f"the header holds NUL bytes, as in UTF-16 or a binary file; {_SAVE_AS}"
        )
    marked = next((Encoding(name, len(mark)) for mark, name in _MARKS if sample.startswith(mark)), None)
    if declared is not None:
        name = _declared(declared)
        return marked if marked is not None and marked.name == name else Encoding(name, 0)
    return marked or Encoding(_vote(sample), 0)


def _declared(name: str) -> str:
    try:
        canonical = codecs.lookup(name).name
    except LookupError:
        canonical = name
    if canonical in _GB_NAMES:
        return GB18030
    if canonical in {"utf-8", "utf-8-sig", "ascii"}:
        return UTF_8
    raise UnreadableRegisterError("encoding", f"registers are read in UTF-8 or GB18030, not in {name}")


def _vote(sample: bytes) -> str:
    lines = sample.splitlines(keepends=True)
    wide = [line for line in lines if not line.isascii()]
    for name in (UTF_8, GB18030):
        if sum(_readable(line, name) for line in wide) * 2 >= len(wide):
            return name
    if len(wide) * 2 <= len(lines):
        return UTF_8
    raise UnreadableRegisterError("encoding", f"most lines are neither UTF-8 nor GB18030; {_SAVE_AS}")


def _readable(data: bytes, encoding: str) -> bool:
    """Whether `data` can be decoded; the sample may end inside a character."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return False
    return True
