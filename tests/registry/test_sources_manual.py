"""The manual's examples go live as they stand."""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from hub.access.actors import COMMAND
from hub.runtime import Hub

MANUAL = Path(__file__).parents[2] / "docs" / "sources.md"


def example(name: str) -> dict[str, Any]:
    blocks = re.findall(r"^```yaml\n(.*?)^```", MANUAL.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    loaded: dict[str, Any] = yaml.safe_load(next(text for text in blocks if text.startswith(f"# file: {name}\n")))
    return loaded


async def test_the_manuals_source_and_interface_go_live(hub: Hub, tmp_path: Path) -> None:
    source, interface = example("source.yaml"), example("interface.yaml")
    sample = interface["samples"][0]
    path = tmp_path / source["connection"]["database"]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE register (code TEXT, company_name TEXT, reg_date TEXT, capital TEXT, zt TEXT)")
        connection.execute("INSERT INTO register VALUES (?, ?, ?, ?, ?)", list(sample["row"].values()))
    await hub.registry.add_department({"code": source["department"], "name": {"zh": "某局", "en": "A bureau"}})
    # The register must answer at any hour at which this test runs.
    await hub.sources.add(COMMAND, source | {"connection": {"dialect": "sqlite", "database": str(path)}, "windows": []})
    await hub.interfaces.draft(COMMAND, interface)
    assert await hub.interfaces.check(COMMAND, interface["code"]) == ()
    await hub.interfaces.to_test(COMMAND, interface["code"])
    result = await hub.trials.try_out(COMMAND, interface["code"], params=sample["params"])
    assert result.passed, result.as_json()
    await hub.interfaces.take_live(COMMAND, interface["code"])
