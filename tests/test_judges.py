"""A judge that could not be installed is skipped where somebody works without a network, and never in CI."""

from pathlib import Path

import pytest

from tests.adapters import s3
from tests.judges.absence import MISSING, SWITCH, missing

ROOT = Path(__file__).parent.parent


def test_a_missing_judge_is_skipped_and_fails_where_all_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "S3", None)
    monkeypatch.delenv(SWITCH, raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"^{MISSING}: S3 server"):
        next(s3.new_bucket())
    monkeypatch.setenv(SWITCH, "required")
    with pytest.raises(pytest.fail.Exception, match=f"^{MISSING}: S3 server"):
        next(s3.new_bucket())
    with pytest.raises(pytest.fail.Exception):
        missing("ofd.js")


def test_ci_requires_all() -> None:
    assert f"export {SWITCH}=required " in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
