"""Places in a holder's lists: sealed, and good for his list alone."""

from typing import Any

from hub.citizens.values import Whose
from hub.registry.cursors import Cursors


class Pages:
    """The cursors of one list of one holder."""

    def __init__(self, cursors: Cursors, holder: Whose, what: str) -> None:
        self._cursors = cursors
        self._scope: list[Any] = [f"me.{what}", holder.id]

    def after(self, cursor: str | None) -> str | None:
        """Behind which id the page begins. Raises: DefinitionError for a cursor of another list."""
        return str(self._cursors.open(cursor, scope=self._scope)[0]) if cursor else None

    def next(self, behind: str | None) -> str | None:
        """The cursor of the page behind this id, if there is one."""
        return None if behind is None else self._cursors.seal([behind], scope=self._scope)
