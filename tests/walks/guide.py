"""The requests of the developer's guide, put to a hub as they stand but for what names a case or a day."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.walks.manual import ROOT

_PAGE = ROOT / "docs" / "intake-developer.md"


def shown_request(member: str, changes: Mapping[str, str]) -> dict[str, Any]:
    """The JSON example that has this member, with its values replaced."""
    found = [json.loads(_replaced(text, changes)) for text in _blocks("json")]
    (request,) = [item for item in found if member in item]
    assert isinstance(request, dict)
    return request


def shown_code(name: str) -> str:
    """The Python example that defines this function."""
    (code,) = [text for text in _blocks("python") if f"def {name}(" in text]
    return code


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", _PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def _replaced(text: str, changes: Mapping[str, str]) -> str:
    for before, after in changes.items():
        text = text.replace(before, after)
    return text
