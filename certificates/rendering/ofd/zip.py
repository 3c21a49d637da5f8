"""The package of an OFD: a zip of one spelling, the same bytes for the same files; and a reader that trusts nothing.

A zip is read differently by different programs when its directory, its local headers and the gaps between them
disagree: one shows what another verified. So the reader takes only what the writer writes: entries back to back from
the first byte, both headers alike, no comment, no gap, no second name. Packages of other makers are often spelt
otherwise, and are refused; nothing of theirs is verified here.

Wire format. Source: GB/T 33190-2016 §7.1; APPNOTE 6.3 §4.
"""

import re
import struct
import zlib
from collections.abc import Mapping
from typing import Final

from signing.errors import MalformedError

MAX_PACKAGE_BYTES: Final = 20 * 1024 * 1024
MAX_FILE_BYTES: Final = 32 * 1024 * 1024
MAX_TOTAL_BYTES: Final = 64 * 1024 * 1024
MAX_FILES: Final = 512

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*){0,7}")
"""No path that climbs, starts at a root or a drive, or is spelt in two ways."""

_LOCAL: Final = struct.Struct("<4s5H3L2H")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")
_VERSION: Final = 20
_STORED, _DEFLATED = 0, 8
_TIME, _DATE = 0, 0x21
"""1 January 1980: a package says when it was signed, not when it was zipped."""


def write_package(files: Mapping[str, bytes]) -> bytes:
    """Zip files in their order; equal files give equal bytes (under one release of zlib).

    Raises: ValueError: a name or size that `read_package` would refuse.
    """
    body, directory, offset = [], [], 0
    for name, data in files.items():
        if not _NAME.fullmatch(name) or len(data) > MAX_FILE_BYTES:
            raise ValueError("a file of a package has a plain path and at most 32 MiB")
        packed = _deflate(data)
        method = _DEFLATED if len(packed) < len(data) else _STORED
        content = packed if method == _DEFLATED else data
        common = (_VERSION, 0, method, _TIME, _DATE, zlib.crc32(data), len(content), len(data), len(name), 0)
        local = _LOCAL.pack(b"PK\x03\x04", *common) + name.encode()
        directory.append(_CENTRAL.pack(b"PK\x01\x02", _VERSION, *common, 0, 0, 0, 0, offset) + name.encode())
        body += [local, content]
        offset += len(local) + len(content)
    entries = b"".join(directory)
    end = _END.pack(b"PK\x05\x06", 0, 0, len(directory), len(directory), len(entries), offset, 0)
    return b"".join((*body, entries, end))


def read_package(package: bytes) -> dict[str, bytes]:
    """Unzip what `write_package` could have written, never more than 64 MiB.

    Raises: MalformedError ("too_large", "zip", "zip_name", "zip_bomb").
    """
    if len(package) > MAX_PACKAGE_BYTES:
        raise MalformedError("too_large")
    try:
        mark, disk, start_disk, here, count, size, start, comment = _END.unpack(package[-_END.size :])
    except struct.error as error:
        raise MalformedError("zip") from error
    at = len(package) - _END.size - size
    if mark != b"PK\x05\x06" or disk or start_disk or comment or here != count or start != at or count > MAX_FILES:
        raise MalformedError("zip")
    files: dict[str, bytes] = {}
    offset = 0
    for _ in range(count):
        name, content, at, offset = _entry(package, at, offset)
        # Names that a file system without case would take for one are two spellings of one file.
        if name.lower() in {known.lower() for known in files}:
            raise MalformedError("zip_name")
        files[name] = content
        if sum(map(len, files.values())) > MAX_TOTAL_BYTES:
            raise MalformedError("zip_bomb")
    if offset != start or at != len(package) - _END.size:
        raise MalformedError("zip")
    return files


def _entry(package: bytes, at: int, offset: int) -> tuple[str, bytes, int, int]:
    """One entry of the directory and its file; also where the next of each begins."""
    try:
        mark, made_by, *common, comment, disk, inside, outside, where = _CENTRAL.unpack_from(package, at)
        local_mark, *local = _LOCAL.unpack_from(package, offset)
    except struct.error as error:
        raise MalformedError("zip") from error
    version, flags, method, time, date, crc, packed_size, size, name_size, extra = common
    if (
        (mark, local_mark) != (b"PK\x01\x02", b"PK\x03\x04")
        or local != common
        or (made_by, version, flags, time, date, extra) != (_VERSION, _VERSION, 0, _TIME, _DATE, 0)
        or (comment, disk, inside, outside, where) != (0, 0, 0, 0, offset)
    ):
        raise MalformedError("zip")
    name = _name(package, at + _CENTRAL.size, offset + _LOCAL.size, name_size)
    begin = offset + _LOCAL.size + name_size
    content = _content(package[begin : begin + packed_size], method, size)
    if len(package) < begin + packed_size or zlib.crc32(content) != crc:
        raise MalformedError("zip")
    return name, content, at + _CENTRAL.size + name_size, begin + packed_size


def _name(package: bytes, first: int, second: int, size: int) -> str:
    name = package[first : first + size]
    if name != package[second : second + size] or len(name) != size:
        raise MalformedError("zip")
    text = name.decode("ascii", "replace")
    if not _NAME.fullmatch(text):
        raise MalformedError("zip_name")
    return text


def _content(packed: bytes, method: int, size: int) -> bytes:
    if size > MAX_FILE_BYTES:
        raise MalformedError("zip_bomb")
    if method == _STORED:
        content = packed
    elif method == _DEFLATED:
        content = _inflate(packed, size)
    else:
        raise MalformedError("zip")
    if len(content) != size:
        raise MalformedError("zip")
    return content


def _deflate(data: bytes) -> bytes:
    # Outlines hardly shrink: the best level takes twice the time for 6 % of the bytes.
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def _inflate(packed: bytes, size: int) -> bytes:
    unpacker = zlib.decompressobj(-15)
    try:
        content = unpacker.decompress(packed, size + 1)  # one byte more than promised is a lie, and is enough
    except zlib.error as error:
        raise MalformedError("zip") from error
    if not unpacker.eof or unpacker.unused_data:
        raise MalformedError("zip_bomb" if len(content) > size else "zip")
    return content
