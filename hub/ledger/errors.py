"""What the ledger can say no to.

LedgerError
├── LedgerBrokenError    the stored log contradicts itself or a remembered checkpoint
├── StandbyError         another process holds the sequencer's lease
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
