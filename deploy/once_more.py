"""Runs what failed in the suite once more, alone: `make suite` calls it when tests failed. docs/decisions/0047.

Exit code 0 only where at most a few tests failed and every one of them passes alone. Each is named all the same.
"""

import json
import subprocess
import sys
from pathlib import Path

LAST_FAILED = Path(".pytest_cache/v/cache/lastfailed")
MOST = 3
"""More than that do not fail by chance."""


def main() -> int:
    """Run them."""
    failed = list(json.loads(LAST_FAILED.read_text()))
    if len(failed) > MOST:
        print(f"once more: {len(failed)} failed, they are not run again", file=sys.stderr)
        return 1
    alone = [sys.executable, "-m", "pytest", "-n", "0", "-p", "no:cacheprovider", *failed]
    done = subprocess.run(alone, check=False).returncode  # noqa: S603  # names of our own tests
    said = "PASSED ALONE, after failing among others: a fault to find, in the test or in what it tests"
    for name in failed:
        print(f"once more: {name}: {said if done == 0 else 'see above'}", file=sys.stderr)
    return done


if __name__ == "__main__":
    sys.exit(main())
