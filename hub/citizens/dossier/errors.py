"""Errors around the contents of a licence that lie with its department. Nothing was shown in either case.

DossierError
├── SourceAwayError         could not be asked, or not understood
└── SourceContradictsError  says otherwise than the index
"""

from datetime import datetime

from hub.citizens.errors import CitizenError


class DossierError(CitizenError):
    """Base."""


class SourceAwayError(DossierError):
    """`code`: as a pull names the failure; `again_at`: from when on asking again may help, None where that takes an
    act of the department.
    """

    def __init__(self, code: str, again_at: datetime | None, retry_after_seconds: int | None) -> None:
        super().__init__(code)
        self.code = code
        self.again_at = again_at
        self.retry_after_seconds = retry_after_seconds


class SourceContradictsError(DossierError):
    """`code`: `gone`, `several`, `other_record`, `other_number`, `other_end`, `ended`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
