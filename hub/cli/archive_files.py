"""Packages as files: one zip, or the folder into which it was unpacked."""

from pathlib import Path

from hub.cli.common import Exit, fail


def read_package(package: Path) -> dict[str, bytes]:
    """The files of a zip or a folder. Raises: ArchiveError. A wrong call ends the command."""
    from certificates.archive.package import MAX_FILES, read_zip
    from certificates.errors import ArchiveError

    if not package.is_dir():
        return read_zip(_read(package))
    found = sorted(path for path in package.rglob("*") if path.is_file() or path.is_symlink())
    if len(found) > MAX_FILES:
        raise ArchiveError("too_many_files")
    if links := [path.relative_to(package).as_posix() for path in found if path.is_symlink()]:
        raise ArchiveError("link", *links)  # what it points to is no part of the package
    return {path.relative_to(package).as_posix(): _read(path) for path in found}


def _read(path: Path) -> bytes:
    from certificates.archive.package import MAX_PACKAGE_BYTES
    from certificates.errors import ArchiveError

    try:
        if path.stat().st_size > 2 * MAX_PACKAGE_BYTES:
            raise ArchiveError("too_large")
        return path.read_bytes()
    except OSError as error:
        fail(f"{path}: {error.strerror}", "name a readable package", Exit.USAGE)


def write_folder(out: Path, data: bytes) -> None:
    """Unpack into a new folder, for its owner's eyes."""
    from certificates.archive.package import read_zip
    from hub.storage.files import write_durably

    if out.exists():
        fail(f"{out} exists", "name a new folder: nothing is ever overwritten", Exit.USAGE)
    for name, content in read_zip(data).items():
        write_durably(out / name, content, mode=0o600)


def write_stamped(target: Path, files: dict[str, bytes], data: bytes) -> None:
    """Write a package anew, or into its folder what is new."""
    from certificates.archive.package import read_zip
    from hub.storage.files import write_durably

    if not target.is_dir():
        write_durably(target, data, mode=0o600)
        return
    for name, content in read_zip(data).items():
        if name not in files:
            write_durably(target / name, content, mode=0o600)
