"""Named crash points: the places where a test kills the process to see that nothing is lost or doubled.

A name ending in -ing lies inside a transaction, just before its commit; the others between two effects.

Off unless the environment names one (`YIZHENG_CRASH_AT=pull.decided` or `pull.decided:3` for the third passage).
`CRASH_POINTS` lists them all, so that a drill can prove that it forgot none. With `YIZHENG_CRASH_BY=stop` the process
is paused there instead, as a starved one would be, until somebody continues it.
"""

import os
import signal
from typing import Final

CRASH_POINTS: Final = (
    "found.committed",
    "issue.intending",
    "issue.intended",
    "issue.signed",
    "issue.storing",
    "issue.committed",
    "collect.started",
    "collect.batch_committed",
    "collect.reported",
    "collect.finished",
    "status.changed",
    "case.opening",
    "case.opened",
    "case.closed",
    "pull.claimed",
    "pull.deciding",
    "pull.decided",
    "pull.signed",
    "pull.done",
    "pull.taken_over",
    "item.decided",
    "item.whole",
    "debt.read",
    "query.claimed",
    "query.deciding",
    "query.decided",
    "bulk.received",
    "bulk.claimed",
    "bulk.deciding",
    "bulk.decided",
    "bulk.refusing",
    "bulk.composed",
    "bulk.finishing",
    "bulk.released",
    "bulk.downloading",
    "campaign.looked",
    "campaign.asked",
    "campaign.deciding",
    "campaign.decided",
    "rendition.intended",
    "rendition.signed",
    "rendition.stored",
    "rendition.put",
    "archive.intended",
    "archive.signed",
    "archive.put",
    "subject.erasing",
    "subject.erased",
    "sequence.numbering",
    "sequence.committed",
    "sequence.signed",
    "sequence.published",
    "sequence.stored",
    "witness.remembered",
)

_target, _, _count = os.environ.get("YIZHENG_CRASH_AT", "").partition(":")
_remaining = int(_count or "1")
_signal = signal.SIGSTOP if os.environ.get("YIZHENG_CRASH_BY") == "stop" else signal.SIGKILL


def crash_at(name: str) -> None:
    """Die here as `kill -9` would, if the environment says so. Costs one comparison otherwise."""
    global _remaining  # noqa: PLW0603  # a counter of passages in a process that is about to die
    if name != _target:
        return
    _remaining -= 1
    if _remaining == 0:
        os.kill(os.getpid(), _signal)
