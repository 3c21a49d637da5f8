"""The objects port and its embedded implementation, a folder.

Objects are what may be published or rebuilt: status lists, later faces and archives. A name is a path of plain
segments; what is read is exactly what was put, or an error.
"""

import hashlib
import re
from pathlib import Path
from typing import Final, Protocol

from hub.storage.errors import IntegrityBrokenError, MissingError, UnavailableError
from hub.storage.files import write_durably

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,100}(/[a-z0-9][a-z0-9._-]{0,100}){0,7}")
_DIGEST_BYTES: Final = 32


class ObjectStore(Protocol):
    """Durable once `put` returned; a second put replaces. Reads see a whole object or none.

    Errors: MissingError, IntegrityBrokenError (the bytes are not what was put), UnavailableError; ValueError for a name
    that is not plain segments.
    """

    def put(self, name: str, data: bytes) -> None:
        """Store under `name`, replacing."""
        ...

    def get(self, name: str) -> bytes:
        """The bytes last put."""
        ...

    def delete(self, name: str) -> None:
        """Forget the object; nothing happens when there is none."""
        ...

    def names(self, prefix: str) -> list[str]:
        """All names that start with `prefix`, sorted."""
        ...


class FolderObjects:
    """One file an object, its SHA-256 in front: a swapped or torn file is noticed (threat S10)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, data: bytes) -> None:
        path = self._path(name)
        try:
            write_durably(path, hashlib.sha256(name.encode() + b"\0" + data).digest() + data)
        except OSError as error:
            raise UnavailableError(type(error).__name__) from error

    def get(self, name: str) -> bytes:
        path = self._path(name)
        try:
            stored = path.read_bytes()
        except FileNotFoundError as error:
            raise MissingError(name) from error
        except OSError as error:
            raise UnavailableError(type(error).__name__) from error
        digest, data = stored[:_DIGEST_BYTES], stored[_DIGEST_BYTES:]
        if hashlib.sha256(name.encode() + b"\0" + data).digest() != digest:
            raise IntegrityBrokenError(f"object {name}")
        return data

    def delete(self, name: str) -> None:
        path = self._path(name)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise UnavailableError(type(error).__name__) from error

    def names(self, prefix: str) -> list[str]:
        if not self._folder.exists():
            return []
        found = (path.relative_to(self._folder).as_posix() for path in self._folder.rglob("*") if path.is_file())
        return sorted(name for name in found if name.startswith(prefix) and _NAME.fullmatch(name))

    def _path(self, name: str) -> Path:
        check_name(name)
        return self._folder / name


def check_name(name: str) -> None:
    """Raises: ValueError for a name that is not plain segments."""
    if not _NAME.fullmatch(name):
        raise ValueError("an object name is lower-case segments joined by slashes")
