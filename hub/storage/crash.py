"""Named crash points: the places where a test kills the process to see that nothing is lost or doubled.

Off unless the environment names one (`YIZHENG_CRASH_AT=pull.decided` or `pull.decided:3` for the third passage).
`CRASH_POINTS` lists them all, so that a drill can prove that it forgot none.
"""

import os
import signal
from typing import Final

CRASH_POINTS: Final = (
    "issue.intended",
    "issue.signed",
    "issue.committed",
    "collect.batch_committed",
    "pull.claimed",
    "pull.decided",
    "pull.signed",
    "pull.done",
    "sequence.committed",
    "sequence.signed",
    "sequence.stored",
    "case.opened",
)

_target, _, _count = os.environ.get("YIZHENG_CRASH_AT", "").partition(":")
_remaining = int(_count or "1")


def crash_at(name: str) -> None:
    """Die here as `kill -9` would, if the environment says so. Costs one comparison otherwise."""
    global _remaining  # noqa: PLW0603  # a counter of passages in a process that is about to die
    if name != _target:
        return
    _remaining -= 1
    if _remaining == 0:
        os.kill(os.getpid(), signal.SIGKILL)
