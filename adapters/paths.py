"""Paths of this machine that a source names: where one leads is judged when the source is opened, not only when it is
registered, for whoever may write beside it can put a link in its place in between.
"""

from collections.abc import Sequence
from pathlib import Path

from adapters.errors import DefinitionFaultError


def judged(text: str, pointer: str, folders: Sequence[Path] | None) -> Path:
    """Where a declared path really lies, as it is now: read that, so that a link put there later leads nowhere.

    Whether anything is there is not checked.

    Raises: DefinitionFaultError: `absolute_path`; `link`: it leads through a link to outside of `folders`.
    """
    path = Path(text)
    if not path.is_absolute() or ".." in path.parts:
        raise DefinitionFaultError(pointer, "absolute_path")
    resolved = path.resolve()
    if folders is None or resolved == path or any(resolved.is_relative_to(folder.resolve()) for folder in folders):
        return resolved
    raise DefinitionFaultError(pointer, "link")
