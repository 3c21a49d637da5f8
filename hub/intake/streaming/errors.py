"""Why a stream ends without its end.

StreamingError
├── CutOffError          whoever asked died before anything was decided
├── EndingError          this process ends; the answer goes on, or is finished by another
└── TooManyStreamsError  the system has as many open as it may
"""


class StreamingError(Exception):
    """Root."""


class CutOffError(StreamingError):
    """Nothing was decided, and nobody has it in hand: ask again."""


class EndingError(StreamingError):
    """Come back: what was decided is kept."""


class TooManyStreamsError(StreamingError):
    """Close one, or wait until one has ended."""
