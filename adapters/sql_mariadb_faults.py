"""What an error number of MariaDB or MySQL means to whoever asked."""

from typing import Final

from adapters.errors import (
    DefinitionFaultError,
    DeniedError,
    FaultyAnswerError,
    SourceError,
    TimedOutError,
    UnreachableError,
)

_TIMED_OUT: Final = frozenset({1317, 1969, 3024, 1205})
_DENIED: Final = frozenset({1044, 1045, 1049, 1129, 1130, 1142, 1143, 1227, 1251, 1370, 1698, 1862, 2059, 2061, 4151})
_BUSY: Final = frozenset({1040, 1041, 1203, 1226})
_CLOSED: Final = frozenset({1053, 1077, 1079, 1080, 1152, 1153, 1158, 1159, 1160, 1161, 1927, 2006, 2013, 2027, 2055})
_WRITES: Final = frozenset({1290, 1792})
_CONFLICT: Final = frozenset({1020, 1213})


def fault_of(code: int) -> SourceError:
    """The fault; of a number not named here, the statement's."""
    if code in _TIMED_OUT:
        return TimedOutError("total")
    if code in _DENIED:
        return DeniedError()
    if code in _BUSY:
        return UnreachableError("busy")
    if code in _CLOSED:
        return UnreachableError("closed")
    if code in _WRITES:
        return DefinitionFaultError("/statement", "writes")
    if code == 2026:
        return UnreachableError("tls")
    return FaultyAnswerError("conflict", retryable=True) if code in _CONFLICT else FaultyAnswerError("statement")
