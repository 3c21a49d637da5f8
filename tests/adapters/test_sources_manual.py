"""The examples of docs/sources-sql-files.md are connections and operations that the adapters take."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.egress import Egress
from adapters.port import Environment
from adapters.registry import connection_schema, open_source
from tests.adapters.contract import Held

MANUAL = (Path(__file__).parents[2] / "docs" / "sources-sql-files.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n# (connection|operation)\n(.*?)^```", MANUAL, re.DOTALL | re.MULTILINE)


def examples(kind: str) -> list[tuple[str, dict[str, Any]]]:
    part = MANUAL[MANUAL.index(f"## Kind `{kind}`") :].split("\n## ")[0]
    return [(what, yaml.safe_load(text)) for what, text in EXAMPLES if text in part]


@pytest.mark.parametrize("kind", ["sql", "files"])
async def test_every_example_loads(kind: str) -> None:
    found = examples(kind)
    assert {what for what, _ in found} == {"connection", "operation"}
    environment = Environment(Held({}), Egress(frozenset()), lambda: datetime.now(UTC))
    for connection in (example for what, example in found if what == "connection"):
        source = open_source(kind, connection, environment)
        for operation in (example for what, example in found if what == "operation"):
            source.prepare(operation)
        await source.close()


@pytest.mark.parametrize("kind", ["sql", "files"])
def test_every_member_of_a_connection_is_told(kind: str) -> None:
    members = set(connection_schema(kind)["properties"])
    assert [name for name in sorted(members) if not re.search(rf"\b{name}:|`{name}`", MANUAL)] == []
