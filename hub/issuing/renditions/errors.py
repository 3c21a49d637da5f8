"""Why a rendition is not given out. Codes and public names only.

RenditionError
├── NotInForceError      the version is not valid today: no page is made that looks as if it were
├── FormatError          nobody makes this format of it; `format` is the one asked for
├── NotRenderedYetError  somebody else is making it; ask again
└── CopyEndedError       the purpose copy is past its end
"""


class RenditionError(Exception):
    """Root of everything here."""


class NotInForceError(RenditionError):
    """Revoked, suspended, superseded or past its last day. Its data and its status can still be had."""

    def __init__(self, status: str) -> None:
        super().__init__(f"the certificate is {status}: no page of it is given out")
        self.status = status


class FormatError(RenditionError):
    """Not a format of this type, or of this hub."""

    def __init__(self, wanted: str) -> None:
        super().__init__(f"no rendition as {wanted}")
        self.format = wanted


class NotRenderedYetError(RenditionError):
    """In somebody else's hands."""

    retry_after_seconds = 2


class CopyEndedError(RenditionError):
    """Its `exp` is past."""
