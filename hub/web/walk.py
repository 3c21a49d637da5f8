"""The walk of the demo, as the start page shows it: a JSON file in the home, absent in every other hub."""

import json
from pathlib import Path
from typing import Any

_NAME = "walk.json"


def record_walk(home: Path, walk: dict[str, Any]) -> None:
    """Keep a finished walk."""
    (home / _NAME).write_text(json.dumps(walk, ensure_ascii=False), encoding="utf-8")


def recorded_walk(home: Path) -> dict[str, Any] | None:
    """`{steps: [{title_zh, title_en, detail_zh, detail_en, milliseconds, ok}], papers_before, papers_asked, curl}`."""
    path = home / _NAME
    if not path.exists():
        return None
    walk: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return walk
