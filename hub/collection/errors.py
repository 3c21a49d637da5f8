"""Errors of collection.

    CollectionError
    ├── RegisterError                 this file cannot be collected at all; a bad row is no error but a `BadRow`
    │   ├── UnreadableRegisterError   not a CSV register in a known encoding
    │   ├── DuplicateColumnError      two columns of one name
    │   └── UnknownColumnError        the mapping wants columns that the file does not have
    ├── UnknownTypeError              no such certificate type
    ├── UnknownIssuerError            no such department
    ├── NotEntitledError              the department may not issue the type
    ├── MappingError                  the mapping contradicts itself or its certificate type
    ├── ReportError                   the report directory cannot be used
    ├── RunElsewhereError             another process is collecting the same register
    └── FeedEndedError                a feed that does not run: ended, or not confirmed yet

Names of columns and claims appear in errors, cells never do.
"""

from collections.abc import Iterable

from hub.storage.errors import MissingError


class CollectionError(Exception):
    """Root of everything that stops a collection before or between rows."""


class RegisterError(CollectionError):
    """A register cannot be collected at all."""


class UnreadableRegisterError(RegisterError):
    """The file is no readable register; `reason` is a code, `advice` what its sender can do."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"register cannot be read ({reason}): {advice}")
        self.reason = reason
        self.advice = advice


class DuplicateColumnError(RegisterError):
    """Columns of one name: nobody can say which of them a mapping means."""

    def __init__(self, columns: Iterable[str]) -> None:
        self.columns = tuple(columns)
        super().__init__("the header names these columns more than once: " + ", ".join(self.columns))


class UnknownColumnError(RegisterError):
    """The mapping names columns that the file does not have; both lists help to see a misspelling."""

    def __init__(self, missing: Iterable[str], present: Iterable[str]) -> None:
        self.missing = tuple(missing)
        self.present = tuple(present)
        super().__init__(f"missing columns: {', '.join(self.missing)}; the file has: {', '.join(self.present)}")


class UnknownIssuerError(CollectionError):
    """No department has this code."""


class NotEntitledError(CollectionError):
    """The department is not registered as an issuer of this type."""


class UnknownTypeError(CollectionError):
    """No certificate type has this code or name."""


class MappingError(CollectionError):
    """A mapping contradicts itself or its certificate type; `where` is a path in it, `reason` the broken rule."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"mapping refused at {where or 'the top'}: {reason}")
        self.where = where
        self.reason = reason


class ReportError(CollectionError):
    """The report cannot be written or continued; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"report cannot be kept: {reason}")
        self.reason = reason


class RunElsewhereError(CollectionError):
    """Two processes work on one run; the later one has written nothing of its current batch."""


class FeedEndedError(CollectionError, MissingError):
    """The feed was ended, or waits for its second person: to whoever would run it there is none."""
