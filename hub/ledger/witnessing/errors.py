"""What handing in a co-signature can end in.

WitnessingError
├── NotOfThisLogError     not a checkpoint that this log signed
├── NoWitnessError        no line of it is a registered witness's
├── NoRoundError          a checkpoint that is not, or no more, laid before the witnesses
└── ForkReportedError     signed by this log's key, and not of this log: kept, and an alarm
"""


class WitnessingError(Exception):
    """Root of the errors of witnessing."""


class NotOfThisLogError(WitnessingError):
    """The note is malformed, or the log's key did not sign it."""


class NoWitnessError(WitnessingError):
    """No known name and key among its lines, or one that does not hold, or a time to come."""


class NoRoundError(WitnessingError):
    """Take the one of `/ledger/checkpoint/to-cosign`."""


class ForkReportedError(WitnessingError):
    """The log's own key signed two logs. What was handed in is evidence, and is kept."""
