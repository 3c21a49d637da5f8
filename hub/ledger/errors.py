"""What the ledger can say no to.

LedgerError
├── LedgerBrokenError    the stored log contradicts itself or a remembered checkpoint
├── StandbyError         another process holds the sequencer's lease
├── RewrittenError       followed from outside, the log is not a continuation of what it was
└── NotSequencedError    the entry is committed but not yet in a signed checkpoint; ask again
"""


class LedgerError(Exception):
    """Root of the ledger's errors."""


class LedgerBrokenError(LedgerError):
    """The log is not what was promised. `findings` name indexes and ids, never contents."""

    def __init__(self, *findings: str) -> None:
        super().__init__("; ".join(findings))
        self.findings = findings


class StandbyError(LedgerError):
    """Somebody else is sequencing."""


class NotSequencedError(LedgerError):
    """The inclusion proof follows within about a second."""


class RewrittenError(LedgerError):
    """The log is not a continuation of what it was: `shrank` or `forked`. `note` is its own signed word for that."""

    def __init__(self, reason: str, note: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.note = note
