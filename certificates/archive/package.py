"""An archive 归档包 as bytes: a package of plain files, in one zip that is the same wherever it is made, or a folder.

The zip holds files uncompressed, in order of name, with one fixed date: compressed bytes differ between versions of the
compressing library, and two archives of one case must not. What is read may have been packed anew by anybody.

Wire format: ZIP (PKWARE APPNOTE 6.3), names in ASCII.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from typing import Final

from certificates.errors import ArchiveError

MAX_FILES: Final = 10_000
MAX_PACKAGE_BYTES: Final = 256 * 1024 * 1024
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,80}){0,3}")
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_PLAIN_FILE: Final = 0o100644 << 16
_UNIX: Final = 3
_ENCRYPTED: Final = 0x1


def check_files(files: Mapping[str, bytes]) -> None:
    """Names that every system can write, one file each, within bounds.

    Raises: ArchiveError ("empty", "too_many_files", "too_large", "name", "name_twice").
    """
    if not files:
        raise ArchiveError("empty")
    if len(files) > MAX_FILES:
        raise ArchiveError("too_many_files")
    if sum(map(len, files.values())) > MAX_PACKAGE_BYTES:
        raise ArchiveError("too_large")
    seen: set[str] = set()
    for name in files:
        if not _NAME.fullmatch(name):
            raise ArchiveError("name")  # not repeated: it is whatever somebody wrote there
        if name.lower() in seen:
            raise ArchiveError("name_twice", name)
        seen.add(name.lower())


def write_zip(files: Mapping[str, bytes]) -> bytes:
    """The package as one zip; equal files make equal bytes. Raises: ArchiveError, as `check_files`."""
    check_files(files)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as package:
        for name in sorted(files):
            about = zipfile.ZipInfo(name, _DATE)
            about.create_system, about.external_attr = _UNIX, _PLAIN_FILE
            package.writestr(about, files[name])
    return made.getvalue()


def read_zip(data: bytes) -> dict[str, bytes]:
    """The files of a package that anybody may have packed. Nothing is written anywhere.

    Raises: ArchiveError ("not_a_zip", "encrypted", "compression", "damaged" with the names), and as `check_files`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            entries = [about for about in package.infolist() if not about.filename.endswith("/")]
            _check_entries(entries)
            files: dict[str, bytes] = {}
            damaged = []
            for about in entries:
                try:
                    files[about.filename] = _content(package, about)
                except (zipfile.BadZipFile, zlib.error, EOFError):  # a checksum of the zip, or a torn entry
                    damaged.append(about.filename)
    # Whatever zipfile makes of a directory that somebody wrote to break it: versions, encryption, names, offsets.
    except (zipfile.BadZipFile, RuntimeError, ValueError, OSError) as error:
        raise ArchiveError("not_a_zip") from error
    if damaged:
        raise ArchiveError("damaged", *damaged)
    check_files(files)
    return files


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    names = [about.filename for about in entries]
    if len(names) > MAX_FILES:
        raise ArchiveError("too_many_files")
    if any(not _NAME.fullmatch(name) for name in names):
        raise ArchiveError("name")
    if len({name.lower() for name in names}) < len(names):  # two readers may each take another one
        raise ArchiveError("name_twice")
    if any(about.flag_bits & _ENCRYPTED for about in entries):
        raise ArchiveError("encrypted")
    if any(about.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for about in entries):
        raise ArchiveError("compression")
    if sum(about.file_size for about in entries) > MAX_PACKAGE_BYTES:
        raise ArchiveError("too_large")


def _content(package: zipfile.ZipFile, about: zipfile.ZipInfo) -> bytes:
    """No more than the entry promised, whatever it unpacks to."""
    with package.open(about) as opened:
        content = opened.read(about.file_size + 1)
    if len(content) != about.file_size:
        raise zipfile.BadZipFile
    return content
