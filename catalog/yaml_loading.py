"""YAML that is data: texts, numbers, lists and tables, and nothing that a text could make the program do.

Scanned by libyaml where PyYAML was built with it, six times as fast; composed and constructed in Python all the same:
nesting ends in a RecursionError, and never on the stack of a C library.
"""

from contextlib import suppress
from typing import Any

from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.resolver import Resolver
from yaml.scanner import Scanner


class _Pure(Reader, Scanner, Parser):
    def __init__(self, stream: Any) -> None:
        Reader.__init__(self, stream)
        Scanner.__init__(self)
        Parser.__init__(self)


_Events: Any = _Pure
with suppress(ImportError):  # built without it
    from yaml.cyaml import CParser as _Events  # type: ignore[attr-defined]


class DataLoader(Composer, _Events, SafeConstructor, Resolver):  # type: ignore[misc]  # as PyYAML's own are
    """What `load_data` reads by; a class of it refuses what else it does not want, such as aliases."""

    def __init__(self, text: str) -> None:
        """As PyYAML's loaders."""
        _Events.__init__(self, text)
        Composer.__init__(self)
        SafeConstructor.__init__(self)
        Resolver.__init__(self)


def load_data(text: str, loader: type[DataLoader]) -> Any:
    """The one document of a text.

    Raises: yaml.YAMLError, RecursionError; ValueError, LookupError, AttributeError: a value is not what its tag says.
    """
    return loader(text).get_single_data()
