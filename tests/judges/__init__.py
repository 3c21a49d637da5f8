"""Verifiers that other people wrote, in languages of their own, as processes that the tests ask."""

import json
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

FOLDER = Path(__file__).parent
INSTALLED = shutil.which("node") is not None and (FOLDER / "node_modules" / "@sd-jwt").is_dir()
"""Whether deploy/test_services.sh could install them."""


class Judge:
    """One node process for all questions; ends with the `with` block."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["node", "judge.mjs"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def ask(self, op: str, **question: Any) -> dict[str, Any]:
        """The answer to one question: what the verifier found, or `error`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"op": op, **question}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer
